//! Several domains at work on one engine, in random schedules.
#![cfg(not(argo_loom))]
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "models fail by panic")]

mod answers;
mod bells;
mod flow;
mod life;
mod town;
