//! Static mode: what serves guests calls no allocator. (In a binary of its own, for its allocator.)
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has to stop")]

#[path = "../common/mod.rs"]
mod common;
mod counting;
#[path = "../static_mode/traffic.rs"]
mod traffic;

use argod::config::Config;
use argod::daemon::Daemon;

use common::{open_system, wait_until};
use counting::{calls_of, held};
use traffic::Traffic;

/// What a guest may cause the workers to do, a million times.
const MESSAGES: u64 = 1_000_000;

/// Once everything of the run was there: tables of what is around the workers have grown.
const WARM_UP: u64 = 100_000;

/// Runs it in this process, in static mode or not; the calls of the workers meanwhile.
fn calls_of_workers(keys: &str, messages: u64) -> u32 {
    let dir = tempfile::tempdir().unwrap();
    let head = format!("runtime_dir = {:?}\n{keys}", dir.path());
    let text = head + &open_system(&[(1, "server"), (2, "client")]);
    let daemon = Daemon::start(Config::parse("test", &text).unwrap()).unwrap();
    let traffic = Traffic::new(dir.path());
    traffic.run(WARM_UP);
    let (before, held_before) = (calls_of("worker-"), held());
    let sum = traffic.run(messages);
    println!("{sum:?}");
    assert!(sum.messages >= messages && sum.waits > 0 && sum.sessions > 2, "{sum:?}");
    let calls = calls_of("worker-") - before;
    // The last sessions may not have been forgotten yet.
    wait_until("argod holds no more than before", || {
        println!("{} bytes more", held() - held_before);
        held() <= held_before
    });
    drop(daemon);
    calls
}

#[test]
fn a_million_messages_of_sessions_that_come_and_go_call_no_allocator_in_a_worker() {
    assert!(calls_of_workers("", 10_000) > 0, "the counter counts");
    assert_eq!(calls_of_workers("static = true\n", MESSAGES), 0);
}
