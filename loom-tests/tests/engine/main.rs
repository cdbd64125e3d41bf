//! The engine: calls of domains, their coming and going, and policies, all at the same time.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "models fail by panic")]

mod policy_swap;
mod registering;
mod seams;
mod teardown;
mod waits;
