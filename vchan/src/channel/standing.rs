//! How this side of a channel stands: open, closed by ourselves, or broken by the peer's lie.

use crate::layout::Ring;
use crate::ring::{Indexes, LyingIndex};
use crate::sync::atomic::{AtomicU8, AtomicU32, Ordering};

const OPEN: u8 = 0;
const CLOSED: u8 = 1;
const BROKEN_LEFT: u8 = 2;
const BROKEN_RIGHT: u8 = 3;

/// Shared by both halves, so that a lie told to one breaks the other too.
///
/// Each half is told lies about its own ring only and writes them down in that ring's place, before
/// it says that they are there: the first to say so wins, and nobody sees a lie half written.
#[derive(Default)]
pub struct Standing {
    state: AtomicU8,
    left: Lie,
    right: Lie,
}

impl Standing {
    /// Closes; whether it was open.
    pub fn close(&self) -> bool {
        self.leave(CLOSED)
    }

    /// Writes a lie down; whether it was open. Called by the half that uses the lie's ring.
    pub fn break_by(&self, lie: LyingIndex) -> bool {
        // A lie that was told already is not overwritten.
        if self.state.load(Ordering::Acquire) != OPEN {
            return false;
        }
        let (place, broken) = match lie.ring {
            Ring::Left => (&self.left, BROKEN_LEFT),
            Ring::Right => (&self.right, BROKEN_RIGHT),
        };
        place.write(lie);
        self.leave(broken)
    }

    /// Whether the channel has ended on this side, and if so, whether by a lie.
    #[inline]
    pub fn ended(&self) -> Option<Option<LyingIndex>> {
        match self.state.load(Ordering::Acquire) {
            OPEN => None,
            BROKEN_LEFT => Some(Some(self.left.read(Ring::Left))),
            BROKEN_RIGHT => Some(Some(self.right.read(Ring::Right))),
            _ => Some(None),
        }
    }

    fn leave(&self, to: u8) -> bool {
        // Pairs with the Acquire in `ended`: the lie comes before the word that it is there.
        self.state.compare_exchange(OPEN, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

/// What was seen of one ring.
#[derive(Default)]
struct Lie {
    cons: AtomicU32,
    prod: AtomicU32,
    size: AtomicU32,
}

impl Lie {
    fn write(&self, lie: LyingIndex) {
        self.cons.store(lie.indexes.cons, Ordering::Relaxed);
        self.prod.store(lie.indexes.prod, Ordering::Relaxed);
        self.size.store(lie.size, Ordering::Relaxed);
    }

    fn read(&self, ring: Ring) -> LyingIndex {
        let (cons, prod) = (self.cons.load(Ordering::Relaxed), self.prod.load(Ordering::Relaxed));
        let indexes = Indexes { cons, prod };
        LyingIndex { ring, indexes, size: self.size.load(Ordering::Relaxed) }
    }
}
