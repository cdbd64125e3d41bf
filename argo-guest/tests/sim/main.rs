//! Thousands of random histories of connections on a deterministic network of domains: virtual
//! time, calls answered late, interrupts late, merged and for nothing, domains that die at any
//! moment, and a hostile one. A failure names its seed; `SIM_SEED=n` runs that history alone.
#![allow(clippy::unwrap_used, clippy::panic, reason = "the helpers of tests may panic, too")]

mod actors;
mod context;
mod hostile;
mod machine;
mod oracle;
mod rng;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use world::World;

/// Histories in a run.
const HISTORIES: u64 = 2000;

fn run(seed: u64) -> (u64, u64) {
    match catch_unwind(AssertUnwindSafe(|| World::new(seed).run())) {
        Ok(totals) => totals,
        Err(panic) => {
            eprintln!("history of SIM_SEED={seed}");
            resume_unwind(panic);
        }
    }
}

/// A connector writes, closes, and is gone before the listener's ring, which its acceptor shares
/// for want of memory, was looked at: what it wrote was lost.
#[test]
fn what_lies_in_a_shared_ring_outlives_its_sender() {
    run(222);
    run(298);
}

/// Its connector's first watch saw no connection yet, and waited for ever.
#[test]
fn peers_are_missed_where_nobody_tells() {
    run(9);
    run(13);
}

/// A listener closed while a ring was being registered for one of its peers: the ring stayed.
#[test]
fn a_ring_made_while_the_listener_closes_goes_with_it() {
    run(373);
}

#[test]
fn whatever_happens_connections_keep_their_promises() {
    if let Some(seed) = std::env::var("SIM_SEED").ok().and_then(|seed| seed.parse().ok()) {
        run(seed);
        return;
    }
    let (mut bytes, mut ends) = (0, 0);
    for seed in 0..HISTORIES {
        let (read, ended) = run(seed);
        bytes += read;
        ends += ended;
    }
    assert!(bytes > 1000 * HISTORIES && ends > HISTORIES, "idle: {bytes} bytes, {ends} ends");
}
