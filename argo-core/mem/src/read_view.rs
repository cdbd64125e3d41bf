//! A bounds-checked window on shared memory that can only be read.

use core::marker::PhantomData;

use crate::{OutOfRange, copy};

/// A window on memory that others may write at any moment and that is not writable here: its pages
/// may be mapped read-only.
///
/// The bytes are taken by copies, of any size, and never borrowed.
#[derive(Clone, Copy)]
pub struct ReadView<'m> {
    base: *const u8,
    len: usize,
    memory: PhantomData<&'m ()>,
}

// SAFETY: every access through a view is a volatile or an asm read, which other threads may make
// at the same time as they or others write; the lifetime keeps the memory alive.
unsafe impl Send for ReadView<'_> {}
// SAFETY: as for `Send`: a shared view offers nothing that an owned copy does not.
unsafe impl Sync for ReadView<'_> {}

impl<'m> ReadView<'m> {
    /// A window on the `len` bytes at `base`.
    ///
    /// # Safety
    /// - `base` is valid for reads of `len` bytes during `'m`.
    /// - During `'m` nobody in this process forms a reference to those bytes or accesses them
    ///   other than through views.
    #[inline]
    pub unsafe fn new(base: *const u8, len: usize) -> Self {
        Self { base, len, memory: PhantomData }
    }

    /// The window's length in bytes.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the window has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The part of the window at `offset`, `len` bytes long.
    ///
    /// # Errors
    /// It does not lie in the window.
    #[inline]
    pub fn part(&self, offset: usize, len: usize) -> Result<ReadView<'m>, OutOfRange> {
        let base = self.at(offset, len)?;
        Ok(ReadView { base, len, memory: PhantomData })
    }

    /// Copies `out.len()` bytes at `offset` out of the memory.
    ///
    /// # Errors
    /// They do not lie in the window; `out` is then untouched.
    #[inline]
    pub fn read(&self, offset: usize, out: &mut [u8]) -> Result<(), OutOfRange> {
        let from = self.at(offset, out.len())?;
        // SAFETY: `at` checked the source; `out` is exclusively ours.
        unsafe { copy::bytes(from, out.as_mut_ptr(), out.len()) };
        Ok(())
    }

    #[inline]
    fn at(&self, offset: usize, len: usize) -> Result<*const u8, OutOfRange> {
        if self.len.checked_sub(offset).is_none_or(|rest| len > rest) {
            return Err(OutOfRange { offset, len, limit: self.len });
        }
        // SAFETY: `offset <= self.len`, so the result stays in the memory or one past its end.
        Ok(unsafe { self.base.add(offset) })
    }
}
