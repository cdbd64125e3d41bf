//! In which rings of a table somebody waits for room: a notify looks at these only.

use alloc::vec::Vec;
use core::mem;
use core::sync::atomic::Ordering;

use argo_core::Errno;

use crate::fallible;
use crate::sync::{AtomicU32, AtomicU64, fence};

const BITS: usize = u64::BITS as usize;

/// A bit for each slot, set while somebody waits there; it may stay set for a while longer. The bit
/// of a ring changes under its lock only.
///
/// A sender finds a ring full, then enters its wait; a receiver makes room, then looks for waits. So
/// that neither misses the other, each does its part before it looks at the other's (a fence lies in
/// between), and the sender looks whether a [`search`](Self::search) began since it found the
/// ring full. A send that finds room writes nothing here: senders share these words for reading, and
/// each search of the receiver writes one of them.
#[derive(Default)]
pub(crate) struct Waited {
    slots: Vec<AtomicU64>,
    /// Searches that have begun.
    searches: AtomicU32,
}

/// A moment before a sender looks for room.
#[derive(Clone, Copy)]
pub(crate) struct Before(u32);

impl Waited {
    /// Room for so many slots.
    pub fn with_room(slots: usize) -> Self {
        let word = |_| AtomicU64::new(0);
        Self { slots: (0..slots.div_ceil(BITS)).map(word).collect(), ..Self::default() }
    }

    /// Makes room for this slot.
    ///
    /// # Errors
    /// [`Errno::ENOMEM`]
    pub fn cover(&mut self, slot: usize) -> Result<(), Errno> {
        while self.slots.len() <= slot / BITS {
            fallible::push(&mut self.slots, AtomicU64::new(0))?;
        }
        Ok(())
    }

    /// The present, for who is about to look for room.
    #[inline]
    pub fn before(&self) -> Before {
        // Acquire: who sees a search also sees the room that was made before it.
        Before(self.searches.load(Ordering::Acquire))
    }

    /// A wait was entered in the ring at this slot, whose lock is held. Whether a search that began
    /// meanwhile may have missed it.
    #[must_use = "who waits may be forgotten"]
    pub fn enter(&self, slot: usize, before: Before) -> bool {
        if let Some(word) = self.slots.get(slot / BITS) {
            word.fetch_or(bit(slot), Ordering::Relaxed);
        }
        fence(Ordering::SeqCst);
        self.searches.load(Ordering::Relaxed) != before.0
    }

    /// Begins to look for waits: for those that find the room which is there now.
    pub fn search(&self) {
        self.searches.fetch_add(1, Ordering::AcqRel);
        fence(Ordering::SeqCst);
    }

    /// The next slot from this one on where somebody may wait.
    pub fn next(&self, from: usize) -> Option<usize> {
        let words = self.slots.iter().enumerate().skip(from / BITS);
        let found = words.map(|(at, word)| (at, word.load(Ordering::Relaxed)));
        let mut wanted = u64::MAX << (from % BITS);
        found
            .map(|(at, bits)| (at, bits & mem::replace(&mut wanted, u64::MAX)))
            .find(|(_, bits)| *bits != 0)
            .map(|(at, bits)| {
                at.saturating_mul(BITS).saturating_add(bits.trailing_zeros() as usize)
            })
    }

    /// No ring is there any more.
    pub fn clear_all(&self) {
        self.slots.iter().for_each(|word| word.store(0, Ordering::Relaxed));
    }

    /// Nobody waits in the ring at this slot, whose lock is held.
    pub fn clear(&self, slot: usize) {
        if let Some(word) = self.slots.get(slot / BITS) {
            word.fetch_and(!bit(slot), Ordering::Relaxed);
        }
    }
}

fn bit(slot: usize) -> u64 {
    1 << (slot % BITS)
}
