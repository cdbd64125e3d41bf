//! argod under systemd, which these tests play: what it is told, and the sockets it passes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod activation;
mod manager;
mod notify;
