//! Makes hypercalls in one session after the other.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use argo_core::host::layout::{QUEUE_ENTRIES, QueueLayout};
use zerocopy::IntoBytes;

use super::calls::Forger;
use super::scribbler::{scribble, scribble_only};
use super::tally::{Deed, Tally};
use crate::raw::{Raw, RawSession};
use crate::rng::Rng;

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

/// Makes calls in one session, whose memory is changed under them and whose doorbell is rung in a loop
/// meanwhile, and begins anew when argod ends it. It never lies about how many calls there are, which
/// would end it.
pub fn flood(socket: &Path, mut rng: Rng, tally: &Tally<'_>) {
    loop {
        let Some(session) = attach(socket) else { continue };
        tally.add(Deed::Sessions, 1);
        let over = AtomicBool::new(false);
        let [forging, scribbling] = [rng.number(), rng.number()].map(Rng::from_seed);
        std::thread::scope(|threads| {
            threads.spawn(|| scribble_only(&session, scribbling, &over, tally));
            threads.spawn(|| ring(&session, &over, tally));
            make_calls(&session, forging, usize::MAX, tally);
            over.store(true, Ordering::Relaxed);
        });
    }
}

fn ring(session: &RawSession, over: &AtomicBool, tally: &Tally<'_>) {
    while !over.load(Ordering::Relaxed) {
        session.ring_doorbell();
        tally.add(Deed::Rings, 1);
    }
}

/// A session, if there is a place.
pub fn attach(socket: &Path) -> Option<RawSession> {
    let raw = Raw::try_connect(socket, rustix::net::SocketFlags::CLOEXEC).ok()?;
    let offer = raw.try_hello()?;
    RawSession::try_seal(raw, offer).ok()
}

/// Fills the queue again and again, and sometimes lies at last.
fn misuse(session: &RawSession, mut rng: Rng, tally: &Tally<'_>) {
    let batches = rng.below(BATCHES);
    let Some(submitted) = make_calls(session, Rng::from_seed(rng.number()), batches, tally) else {
        return;
    };
    if rng.once_in(2) {
        session.claim_submitted(submitted.wrapping_add(QUEUE_ENTRIES + 1));
        tally.add(Deed::Lies, 1);
    }
}

/// Makes so many batches of calls; how many calls that were. `None`: argod hung up.
fn make_calls(
    session: &RawSession,
    mut rng: Rng,
    batches: usize,
    tally: &Tally<'_>,
) -> Option<u32> {
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
        let taken = hand_over(session, submitted.wrapping_add(count))?;
        tally.add(Deed::Calls, taken.wrapping_sub(submitted).min(QUEUE_ENTRIES));
        submitted = taken;
    }
    Some(submitted)
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
