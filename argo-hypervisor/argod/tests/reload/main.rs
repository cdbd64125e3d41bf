//! A policy replaced while messages are sent: each message is judged by one policy, a bad file
//! changes nothing, and what a new policy forbids is cut.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;
mod daemon;
mod in_process;
