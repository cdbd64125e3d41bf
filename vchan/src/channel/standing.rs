//! How this side of a channel stands: open, closed by ourselves, or broken by the peer's lie.

use core::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use crate::layout::Ring;
use crate::ring::{Indexes, LyingIndex};

const OPEN: u8 = 0;
const CLOSED: u8 = 1;
/// The lie is being written down by one half.
const BREAKING: u8 = 2;
const BROKEN: u8 = 3;

/// Shared by both halves, so that a lie told to one breaks the other too.
#[derive(Default)]
pub(crate) struct Standing {
    state: AtomicU8,
    ring: AtomicU8,
    cons: AtomicU32,
    prod: AtomicU32,
    size: AtomicU32,
}

impl Standing {
    /// Closes; whether it was open.
    pub(crate) fn close(&self) -> bool {
        self.leave(CLOSED)
    }

    /// Writes a lie down; whether it was open.
    pub(crate) fn break_by(&self, lie: LyingIndex) -> bool {
        if !self.leave(BREAKING) {
            return false;
        }
        self.ring.store((lie.ring == Ring::Right).into(), Ordering::Relaxed);
        self.cons.store(lie.indexes.cons, Ordering::Relaxed);
        self.prod.store(lie.indexes.prod, Ordering::Relaxed);
        self.size.store(lie.size, Ordering::Relaxed);
        // Pairs with the Acquire in `ended`: the lie comes before the word that it is there.
        self.state.store(BROKEN, Ordering::Release);
        true
    }

    /// Whether the channel has ended on this side, and if so, whether by a lie.
    pub(crate) fn ended(&self) -> Option<Option<LyingIndex>> {
        match self.state.load(Ordering::Acquire) {
            OPEN => None,
            BROKEN => Some(Some(self.lie())),
            _ => Some(None),
        }
    }

    fn leave(&self, to: u8) -> bool {
        self.state.compare_exchange(OPEN, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    fn lie(&self) -> LyingIndex {
        let ring = match self.ring.load(Ordering::Relaxed) {
            0 => Ring::Left,
            _ => Ring::Right,
        };
        let (cons, prod) = (self.cons.load(Ordering::Relaxed), self.prod.load(Ordering::Relaxed));
        let indexes = Indexes { cons, prod };
        LyingIndex { ring, indexes, size: self.size.load(Ordering::Relaxed) }
    }
}
