//! Makes hypercalls in one session after the other.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use argo_core::host::layout::{QUEUE_ENTRIES, QueueLayout};
use zerocopy::IntoBytes;

use super::calls::Forger;
use super::scribbler::scribble;
use super::tally::{Deed, Tally};
use crate::common::raw::{Raw, RawSession};
use crate::common::rng::Rng;

const QUEUE: QueueLayout = QueueLayout::new(0);
/// Batches until a session is given up, at most.
const BATCHES: usize = 100;
/// Looks at the queue until it is claimed once more that there are calls in it.
const LOOKS: u32 = 200;

/// Attaches, misuses the session until argod or the attacker ends it, and begins again.
pub fn call(socket: &Path, mut rng: Rng, tally: &Tally<'_>) {
    loop {
        let Some(session) = attach(socket) else { continue };
        tally.add(Deed::Sessions, 1);
        let over = AtomicBool::new(false);
        let [forging, scribbling] = [rng.number(), rng.number()].map(Rng::from_seed);
        std::thread::scope(|threads| {
            threads.spawn(|| scribble(&session, scribbling, &over, tally));
            misuse(&session, forging, tally);
            over.store(true, Ordering::Relaxed);
        });
    }
}

/// A session, if there is a place.
pub fn attach(socket: &Path) -> Option<RawSession> {
    let raw = Raw::try_connect(socket, rustix::net::SocketFlags::CLOEXEC).ok()?;
    let offer = raw.try_hello()?;
    RawSession::try_seal(raw, offer).ok()
}

/// Fills the queue again and again.
fn misuse(session: &RawSession, mut rng: Rng, tally: &Tally<'_>) {
    let batches = rng.below(BATCHES);
    let mut forger = Forger::new(session, Rng::from_seed(rng.number()));
    let mut submitted = 0u32;
    for _ in 0..batches {
        if rng.once_in(8) {
            forger.prepare();
        }
        let count = 1 + rng.below(QUEUE_ENTRIES as usize) as u32;
        for ahead in 0..count {
            let index = submitted.wrapping_add(ahead);
            let slot = forger.call(index);
            session.whole().write(QUEUE.slot(index) as usize, slot.as_bytes()).unwrap();
        }
        let Some(taken) = hand_over(session, submitted.wrapping_add(count)) else { return };
        tally.add(Deed::Calls, taken.wrapping_sub(submitted).min(QUEUE_ENTRIES));
        submitted = taken;
    }
    if rng.once_in(2) {
        session.claim_submitted(submitted.wrapping_add(QUEUE_ENTRIES + 1));
        tally.add(Deed::Lies, 1);
    }
}

/// Has argod take all calls up to this one; up to where it did. `None`: it hung up.
fn hand_over(session: &RawSession, submitted: u32) -> Option<u32> {
    loop {
        // Again: the scribbler may have overwritten the index.
        session.claim_submitted(submitted);
        for _ in 0..LOOKS {
            let taken = session.word(QUEUE.taken());
            // Beyond, if the scribbler has claimed more.
            if taken.wrapping_sub(submitted) < u32::MAX / 2 {
                return Some(taken);
            }
            std::thread::yield_now();
        }
        if session.hung_up() {
            return None;
        }
    }
}
