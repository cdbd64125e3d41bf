//! Which worker of argod watches a session, and when nobody does.
//!
//! A session rests until its guest rings; then one worker watches it until it rests again. The
//! order in [`rest`](Turn::rest) is what keeps a doorbell from being lost, so it is written here
//! once, for argod and for the model that checks it.

use core::sync::atomic::{AtomicU32, Ordering};

use super::wake;
use super::words::Words;

/// The state word of a session, private to argod.
pub trait TurnWord {
    /// Writes it, sequentially consistent.
    fn store(&self, value: u32);
    /// Replaces `from` by `to`, sequentially consistent; whether `from` was there.
    fn exchange(&self, from: u32, to: u32) -> bool;
}

impl TurnWord for AtomicU32 {
    fn store(&self, value: u32) {
        AtomicU32::store(self, value, Ordering::SeqCst);
    }

    fn exchange(&self, from: u32, to: u32) -> bool {
        self.compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }
}

/// Who watches a session.
#[derive(Debug, Default)]
pub struct Turn<W> {
    state: W,
}

/// Nobody does: the next doorbell decides.
const RESTING: u32 = 0;
/// A worker does.
const WATCHED: u32 = 1;

impl<W: TurnWord> Turn<W> {
    /// With a state word of 0, which means that the session rests. Its doorbell has to be armed.
    pub fn new(state: W) -> Self {
        Self { state }
    }

    /// A worker takes a resting session. `false`: another one has it.
    #[must_use]
    pub fn claim(&self, words: &impl Words) -> bool {
        let claimed = self.state.exchange(RESTING, WATCHED);
        if claimed {
            wake::watch(words);
        }
        claimed
    }

    /// The worker that has the session, having taken everything up to `taken` in each queue, lets
    /// it rest. `false`: more came, and it still has it.
    #[must_use]
    pub fn rest(&self, words: &impl Words, taken: &[u32]) -> bool {
        // Before the doorbell is armed: whoever is rung by it must find the session resting.
        self.state.store(RESTING);
        wake::rest(words, taken) || !self.claim(words)
    }
}
