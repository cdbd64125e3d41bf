//! Static mode: what serves guests calls no allocator. (In a binary of its own, for its allocator.)
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has to stop")]

#[path = "../common/mod.rs"]
mod common;
mod counting;
#[path = "../static_mode/traffic.rs"]
mod traffic;

use std::time::Duration;

use argod::config::Config;
use argod::daemon::Daemon;

use common::open_system;
use counting::{calls_of, held};
use traffic::{Sum, Traffic};

/// What a guest may cause the workers to do, a million times.
const MESSAGES: u64 = 1_000_000;

/// Once everything of the run was there: tables of what is around the workers have grown.
const WARM_UP: u64 = 100_000;

/// What is kept of each message or session is kept in each of them; what a thread makes once, when it first
/// has to wait for a lock, is not.
const ROUNDS: u64 = 10;

/// Runs it in this process, in static mode or not; the calls of the workers meanwhile.
fn calls_of_workers(keys: &str, messages: u64) -> u32 {
    let dir = tempfile::tempdir().unwrap();
    let head = format!("runtime_dir = {:?}\n{keys}", dir.path());
    let text = head + &open_system(&[(1, "server"), (2, "client")]);
    let daemon = Daemon::start(Config::parse("test", &text).unwrap()).unwrap();
    let traffic = Traffic::new(dir.path());
    traffic.run(WARM_UP);
    let (before, mut sum) = (calls_of("worker-"), Sum::default());
    // It is among what is counted: with room for all.
    let mut held = Vec::with_capacity(ROUNDS as usize + 1);
    held.push(least_held());
    for _ in 0..ROUNDS {
        sum += traffic.run(messages / ROUNDS);
        held.push(least_held());
    }
    println!("{sum:?}, held {held:?}");
    assert!(sum.messages >= messages && sum.waits > 0 && sum.sessions > 2, "{sum:?}");
    let calls = calls_of("worker-") - before;
    assert!(held.windows(2).any(|pair| pair[1] <= pair[0]), "in each round more is kept: {held:?}");
    drop(daemon);
    calls
}

/// Of some looks: the last sessions may not have been forgotten yet.
fn least_held() -> i64 {
    let looks = (0..200).map(|_| {
        std::thread::sleep(Duration::from_micros(500));
        held()
    });
    looks.min().unwrap()
}

#[test]
fn a_million_messages_of_sessions_that_come_and_go_call_no_allocator_in_a_worker() {
    assert!(calls_of_workers("", 10_000) > 0, "the counter counts");
    assert_eq!(calls_of_workers("static = true\n", MESSAGES), 0);
}
