//! At most so many at once.

use crossbeam_channel::{Receiver, Sender, bounded};

/// Slots, some of them taken.
pub(super) struct Slots {
    taken: Sender<()>,
    free: Receiver<()>,
}

/// A slot that is taken until this is dropped.
pub(super) struct Slot<'s>(&'s Slots);

impl Slots {
    /// That many.
    pub(super) fn new(count: u16) -> Self {
        let (taken, free) = bounded(count.into());
        Self { taken, free }
    }

    /// Waits for a free one and takes it.
    pub(super) fn take(&self) -> Slot<'_> {
        // Never an error: both ends are here.
        let _ = self.taken.send(());
        Slot(self)
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        // This slot's own is in there, so it does not fail.
        let _ = self.0.free.try_recv();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_slot_is_free_again_once_dropped() {
        let slots = Slots::new(2);
        let (first, _second) = (slots.take(), slots.take());
        assert!(slots.taken.is_full());
        drop(first);
        let _third = slots.take();
        assert!(slots.taken.is_full());
    }
}
