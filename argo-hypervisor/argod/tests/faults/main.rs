//! What the system can refuse argod at the start, with each attachment and in service: then it goes
//! on, or ends with an error that says what failed; nothing stays half done.
//!
//! argod is the one that users run. Faults are the kernel's own (limits, full pipes and disks) or
//! made by strace, which has the n-th call of a name fail.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has to stop"
)]

#[path = "../common/mod.rs"]
mod common;

mod attaching;
mod doorkeeper;
mod guest;
mod limits;
mod logs;
mod outputs;
mod panicking;
mod reload;
mod service;
mod starting;
mod strace;
mod trial;
mod waking;
