//! A guest that does everything wrong, as fast as it can, until somebody kills it.
//!
//! One process. Each of its threads draws its moves from the seed that the process was given:
//! `caller` makes hypercalls (drawn by `calls`) while `scribbler` changes all memory under them,
//! `intruder` torments the domain's socket, and `petitioner` argod's services. In a flood another thread
//! rings the doorbell in a loop.

mod caller;
mod calls;
mod intruder;
mod petitioner;
mod scribbler;
mod tally;

use std::path::Path;

pub use tally::{DEEDS, Deed, Tally};

use crate::diary::Diary;
use crate::rng::Rng;

/// What this process is called as somebody's child.
pub const ROLE: &str = "storm";

/// Threads of a flood.
pub const THREADS: usize = 5;

/// Attacks the domain whose socket this is, in words of the diary counting its deeds. Never ends.
pub fn attack(socket: &Path, diary: &Diary, mut seeds: Rng) {
    abort_on_panic();
    let mut rng = || Rng::from_seed(seeds.number());
    let [calling, intruding, petitioning] = [rng(), rng(), rng()];
    let tally = &Tally::new(diary);
    std::thread::scope(|threads| {
        threads.spawn(|| caller::call(socket, calling, tally));
        threads.spawn(|| intruder::intrude(socket, intruding, tally));
        threads.spawn(|| petitioner::ask(socket, petitioning, tally));
    });
}

/// The same as fast as it can go without ever losing its session: calls, doorbells and scribbling from a
/// thread each that never rests. Never ends.
pub fn flood(socket: &Path, diary: &Diary, mut seeds: Rng) {
    abort_on_panic();
    let mut rng = || Rng::from_seed(seeds.number());
    let [calling, intruding, petitioning] = [rng(), rng(), rng()];
    let tally = &Tally::new(diary);
    std::thread::scope(|threads| {
        threads.spawn(|| caller::flood(socket, calling, tally));
        threads.spawn(|| intruder::intrude(socket, intruding, tally));
        threads.spawn(|| petitioner::ask(socket, petitioning, tally));
    });
}

/// An attack with a thread missing would be a weaker one, and nobody would notice.
fn abort_on_panic() {
    std::panic::set_hook(Box::new(|panic| {
        eprintln!("an attacker failed: {panic}");
        std::process::abort();
    }));
}
