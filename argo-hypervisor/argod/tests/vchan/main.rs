//! Debian's libxenvchan without Xen: unmodified over our shims, against the Rust crate, and beside
//! our own library, which has to give the same results.
//!
//! The C program that makes the calls is compiled here, against Debian's header. Where compiler,
//! header or library are missing, the tests say that they are skipped.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has to stop")]

#[path = "../common/mod.rs"]
mod common;
mod cut;
mod killed;
mod libraries;
mod meeting;
mod party;
mod processes;
mod rust_peer;
mod same_results;

use common::Argod;

/// An argod with domains 1 (`server`) and 2 (`client`), which may do everything.
fn argod() -> Argod {
    let everything = "[[policy]]\nhook = \"any\"\nfrom = \"any\"\nto = \"any\"\n";
    Argod::start(&(domains() + everything))
}

/// The two domains, and the store open to them.
fn domains() -> String {
    let domains = [(1, "server"), (2, "client")];
    let domain = |(id, name)| format!("[[domain]]\nid = {id}\nname = \"{name}\"\nram = \"1MiB\"\n");
    domains.map(domain).concat()
        + "[[store]]
from = \"any\"
path = \"/\"
access = \"write\"
"
}
