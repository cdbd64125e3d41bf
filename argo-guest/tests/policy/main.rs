//! A policy that changes while sockets are in use: what it cuts ends, at both ends and with an
//! error of its own; what it allows never notices.
#![allow(clippy::unwrap_used, clippy::panic, reason = "the helpers of tests may panic, too")]

mod book;
mod connections;
mod ports;
mod reset;
mod sockets;
#[path = "../support/mod.rs"]
mod support;
mod throttle;
