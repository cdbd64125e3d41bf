//! Guests that speak argod's protocols themselves, for tests and benchmarks.
//!
//! | module | what |
//! |---|---|
//! | [`raw`] | a guest of which every part can be reached |
//! | [`attacker`] | one that does everything wrong, as fast as it can |
//! | [`kernels`] | machines' kernels, most of which do something wrong |
//! | [`places`] | the domains and ports that it knows |
//! | [`diary`] | words that outlive a process |
//! | [`rng`] | random moves that can be had again |
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test or a benchmark that cannot go on has to stop"
)]

pub mod attacker;
pub mod diary;
pub mod kernels;
pub mod places;
pub mod raw;
pub mod rng;

use std::time::{Duration, Instant};

/// Longer than anything in a test may take.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Polls a condition that another process brings about.
pub fn wait_until(what: &str, done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        // Between two looks: asking argod all the time would be a flood of its own.
        std::thread::sleep(Duration::from_micros(500));
    }
}
