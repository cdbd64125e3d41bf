//! Changes all memory that a session shares with argod, while argod reads it.

use std::sync::atomic::{AtomicBool, Ordering};

use argo_core::abi::RING_HEADER;
use argo_core::host::layout::{
    ARMED, DOORBELL_ARMED, PEERS_GONE, QUEUE_ENTRIES, QueueLayout, RINGS_CUT, SEQUENCE, SLOT_BYTES,
    SPACE_WANTED, VIRQS, WAITS_LOST,
};

use super::calls::{ARGUMENTS, LISTS, RAM, RINGS};
use super::tally::{Deed, Tally};
use crate::raw::RawSession;
use crate::rng::Rng;

const QUEUE: QueueLayout = QueueLayout::new(0);
/// Between two looks whether the session is over.
const ROUND: u32 = 64;
/// Pieces of memory to one lie about the queue, which may end the session.
const LIE_EVERY: usize = 200_000;

/// Until the session is over, which it sometimes brings about.
pub fn scribble(session: &RawSession, mut rng: Rng, over: &AtomicBool, tally: &Tally<'_>) {
    while !over.load(Ordering::Relaxed) {
        change(session, &mut rng, tally);
        if rng.once_in(8) {
            session.ring_doorbell();
            tally.add(Deed::Rings, 1);
        }
        if rng.once_in(LIE_EVERY / ROUND as usize) {
            lie(session, &mut rng);
        }
    }
}

/// The same without anything that argod ends a session for.
pub fn scribble_only(session: &RawSession, mut rng: Rng, over: &AtomicBool, tally: &Tally<'_>) {
    while !over.load(Ordering::Relaxed) {
        change(session, &mut rng, tally);
    }
}

fn change(session: &RawSession, rng: &mut Rng, tally: &Tally<'_>) {
    let control = session.offer.welcome.control_bytes as usize;
    for _ in 0..ROUND {
        let at = somewhere(rng, control);
        let len = 4 * (1 + rng.below(4));
        session.whole().write(at, &rng.bytes(len)).unwrap();
    }
    tally.add(Deed::Scribbles, ROUND);
}

/// Offset in the whole memory, behind which at least 16 bytes are.
fn somewhere(rng: &mut Rng, control: usize) -> usize {
    let words = [ARMED, SEQUENCE, VIRQS, WAITS_LOST, SPACE_WANTED, PEERS_GONE, RINGS_CUT];
    let entry = rng.below(QUEUE_ENTRIES as usize) as u32;
    let ring = RINGS as usize + 4096 * rng.below(8);
    match rng.below(100) {
        0..15 => rng.one_of(&words).0 as usize,
        15..20 => DOORBELL_ARMED.0 as usize,
        20..35 => (QUEUE.slot(entry) + 4 * rng.below(SLOT_BYTES as usize / 4 - 3) as u32) as usize,
        35..40 => QUEUE.completion(entry) as usize,
        40..55 => control + ARGUMENTS as usize + 16 * rng.below(1024),
        55..70 => control + LISTS as usize + 16 * rng.below(2048),
        70..85 => control + ring + 4 * rng.below(RING_HEADER as usize / 4),
        85..90 => control + ring + 16 * rng.below(256),
        _ => control + 4096 + 16 * rng.below((RAM as usize - 4096) / 16),
    }
}

/// Indices of the queue, of which only one counts: a small step, or nonsense.
fn lie(session: &RawSession, rng: &mut Rng) {
    let word = rng.one_of(&[QUEUE.submitted(), QUEUE.taken(), QUEUE.completed()]);
    let step = session.word(word).wrapping_add(rng.below(300) as u32);
    let nonsense = rng.number() as u32;
    session.set_word(word, rng.one_of(&[step, step, nonsense]));
}
