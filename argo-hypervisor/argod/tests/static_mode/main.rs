//! Static mode: what is there at the start is all that is ever taken.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has to stop")]

#[path = "../common/mod.rs"]
mod common;
mod process;
mod traffic;
