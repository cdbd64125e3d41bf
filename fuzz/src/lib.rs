//! What several fuzz targets share.
//!
//! A target is a small file in `targets`: it turns bytes into what a hostile guest or peer does,
//! does it through public interfaces, and asserts what must hold whatever that was. `fuzz/run` runs
//! all of them; `corpus` holds inputs that reach different code, those of `hypercall` made from the
//! conformance traces by `fuzz/examples/seeds.rs`.

pub mod ledger;
pub mod message;
pub mod page;
pub mod script;
pub mod world;
