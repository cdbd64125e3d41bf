//! Programs for Xen's store on a machine without Xen: Debian's own, and one in C that calls each
//! function of the library, over Debian's library and over ours.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has to stop")]

mod bridge;
#[path = "../common/mod.rs"]
mod common;
mod library;
mod shim;
mod tools;
