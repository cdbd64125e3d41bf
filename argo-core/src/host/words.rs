//! Shared words and entries, behind a trait that a model checker can implement.

use core::sync::atomic::Ordering;

use argo_mem::View;

/// A 32-bit word of the control area, by its offset in bytes (a multiple of 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word(pub u32);

/// The control area, as either side sees it.
///
/// Offsets come from [`layout`](super::layout) and lie inside; an implementation must stay
/// memory-safe if they do not.
pub trait Words {
    /// Reads a word once.
    fn load(&self, word: Word, order: Ordering) -> u32;
    /// Writes a word.
    fn store(&self, word: Word, value: u32, order: Ordering);
    /// Replaces a word and returns what was there.
    fn swap(&self, word: Word, value: u32, order: Ordering) -> u32;
    /// Adds one to a word, wrapping.
    fn increment(&self, word: Word, order: Ordering);
    /// A full fence between this thread's accesses before and after it.
    fn fence(&self);
    /// Copies an entry out.
    fn read(&self, offset: u32, out: &mut [u8]);
    /// Copies an entry in.
    fn write(&self, offset: u32, bytes: &[u8]);
}

/// The control area in shared memory. A view too short for an access drops it: a word then reads
/// as 0.
impl Words for View<'_> {
    #[inline]
    fn load(&self, word: Word, order: Ordering) -> u32 {
        self.load_u32(word.0 as usize, order).unwrap_or(0)
    }

    #[inline]
    fn store(&self, word: Word, value: u32, order: Ordering) {
        let _ = self.store_u32(word.0 as usize, value, order);
    }

    #[inline]
    fn swap(&self, word: Word, value: u32, order: Ordering) -> u32 {
        self.swap_u32(word.0 as usize, value, order).unwrap_or(0)
    }

    #[inline]
    fn increment(&self, word: Word, order: Ordering) {
        let _ = self.increment_u32(word.0 as usize, order);
    }

    #[inline]
    fn fence(&self) {
        core::sync::atomic::fence(Ordering::SeqCst);
    }

    #[inline]
    fn read(&self, offset: u32, out: &mut [u8]) {
        let _ = View::read(self, offset as usize, out);
    }

    #[inline]
    fn write(&self, offset: u32, bytes: &[u8]) {
        let _ = View::write(self, offset as usize, bytes);
    }
}
