//! Thousands of random histories of connections on a deterministic network of domains: virtual
//! time, calls answered late, interrupts late, merged and for nothing, domains that die at any
//! moment, and a hostile one. A failure names its seed; `SIM_SEED=n` runs that history alone.
#![allow(clippy::unwrap_used, clippy::panic, reason = "the helpers of tests may panic, too")]

mod actors;
mod context;
mod hostile;
mod machine;
mod mail;
mod oracle;
mod rng;
mod sockets;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use oracle::Totals;
use world::{Of, World};

/// Histories of streams in a run.
const HISTORIES: u32 = 1200;
/// Histories of all sockets in a run.
const HISTORIES_OF_ALL: u32 = 800;

fn run(seed: u64, of: Of) -> Totals {
    match catch_unwind(AssertUnwindSafe(|| World::new(seed, of).run())) {
        Ok(totals) => totals,
        Err(panic) => {
            eprintln!("history of SIM_SEED={seed}");
            resume_unwind(panic);
        }
    }
}

/// So many histories, or the one that is asked for.
fn run_many(usual: u32, of: Of) {
    let asked = std::env::var("SIM_SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds = match asked {
        Some(seed) => seed..seed + 1,
        None => 0..u64::from(effort::cases(usual)),
    };
    let (count, mut all) = (seeds.end - seeds.start, Totals::default());
    for totals in seeds.map(|seed| run(seed, of)) {
        all.bytes += totals.bytes;
        all.ends += totals.ends;
        all.messages += totals.messages;
        all.plain += totals.plain;
        all.letters += totals.letters;
    }
    if asked.is_some() {
        return;
    }
    assert!(all.bytes > 1000 * count && all.ends > count, "idle: {all:?}");
    let others = all.messages > count && all.plain > count / 2 && all.letters > 10 * count;
    assert!(of == Of::Streams || others, "idle: {all:?}");
}

/// A connector writes, closes, and is gone before the listener's ring, which its acceptor shares
/// for want of memory, was looked at: what it wrote was lost.
#[test]
fn what_lies_in_a_shared_ring_outlives_its_sender() {
    run(222, Of::Streams);
    run(298, Of::Streams);
}

/// Its connector's first watch saw no connection yet, and waited for ever.
#[test]
fn peers_are_missed_where_nobody_tells() {
    run(9, Of::Streams);
    run(13, Of::Streams);
}

/// A listener closed while a ring was being registered for one of its peers: the ring stayed.
#[test]
fn a_ring_made_while_the_listener_closes_goes_with_it() {
    run(373, Of::Streams);
}

/// All RAM was used up by what waited for a peer that had gone, and to ask after it took memory.
#[test]
fn peers_are_missed_without_memory() {
    run(1603, Of::All);
}

#[test]
fn whatever_happens_connections_keep_their_promises() {
    run_many(HISTORIES, Of::Streams);
    effort::ran(effort::cases(HISTORIES).into(), "histories of streams on a simulated network");
}

/// With seqpackets and datagrams beside the streams, and at times a domain that has only the wire
/// of OpenXT's driver.
#[test]
fn whatever_happens_sockets_of_all_kinds_keep_their_promises() {
    run_many(HISTORIES_OF_ALL, Of::All);
    effort::ran(effort::cases(HISTORIES_OF_ALL).into(), "histories of all sockets, likewise");
}
