//! A bounds-checked window on shared memory.

use core::marker::PhantomData;
use core::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use crate::{ReadView, copy};

/// An access that does not lie in the memory, or a word that is not aligned in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfRange {
    /// Where the access begins, in bytes from the start of the view.
    pub offset: usize,
    /// Its length in bytes.
    pub len: usize,
    /// The length of the view.
    pub limit: usize,
}

impl core::fmt::Display for OutOfRange {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { offset, len, limit } = self;
        write!(f, "access of {len} bytes at {offset} does not fit memory of {limit} bytes")
    }
}

impl core::error::Error for OutOfRange {}

/// A window on memory that others may read and write at any moment.
///
/// Copying a view copies the window, not the memory. All accesses are checked against the window;
/// none of them forms a reference to the bytes, except [`in_place`](View::in_place).
#[derive(Clone, Copy)]
pub struct View<'m> {
    base: *mut u8,
    len: usize,
    memory: PhantomData<&'m ()>,
}

// SAFETY: every access through a view is an atomic, a volatile or an asm copy, which other threads
// may make at the same time; the lifetime keeps the memory alive.
unsafe impl Send for View<'_> {}
// SAFETY: as for `Send`: a shared view offers nothing that an owned copy does not.
unsafe impl Sync for View<'_> {}

impl<'m> View<'m> {
    /// A window on the `len` bytes at `base`.
    ///
    /// # Safety
    /// - `base` is aligned to 8 and valid for reads and writes of `len` bytes during `'m`.
    /// - During `'m` nobody in this process forms a reference to those bytes or accesses them
    ///   other than through views, except under the contract of [`in_place`](View::in_place).
    #[inline]
    pub unsafe fn new(base: *mut u8, len: usize) -> Self {
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
    pub fn part(&self, offset: usize, len: usize) -> Result<View<'m>, OutOfRange> {
        let base = self.at(offset, len)?;
        Ok(View { base, len, memory: PhantomData })
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

    /// Copies `bytes` into the memory at `offset`.
    ///
    /// # Errors
    /// They do not fit the window; nothing is then written.
    #[inline]
    pub fn write(&self, offset: usize, bytes: &[u8]) -> Result<(), OutOfRange> {
        let to = self.at(offset, bytes.len())?;
        // SAFETY: `at` checked the destination; `bytes` is borrowed, so readable and not written.
        unsafe { copy::bytes(bytes.as_ptr(), to, bytes.len()) };
        Ok(())
    }

    /// Copies `len` bytes at `offset` to `to_offset` of another memory (or the same).
    ///
    /// # Errors
    /// Either side does not fit; nothing is then written.
    #[inline]
    pub fn copy_to(
        &self,
        offset: usize,
        to: View<'_>,
        to_offset: usize,
        len: usize,
    ) -> Result<(), OutOfRange> {
        let from = self.at(offset, len)?;
        let to = to.at(to_offset, len)?;
        // SAFETY: `at` checked both ranges; both are reached only through views.
        unsafe { copy::bytes(from, to, len) };
        Ok(())
    }

    /// Reads the 32-bit word at `offset` (a multiple of 4) once.
    ///
    /// # Errors
    /// It does not lie in the window or is not aligned.
    #[inline]
    pub fn load_u32(&self, offset: usize, order: Ordering) -> Result<u32, OutOfRange> {
        Ok(self.word(offset)?.load(order))
    }

    /// Writes the 32-bit word at `offset` (a multiple of 4).
    ///
    /// # Errors
    /// It does not lie in the window or is not aligned.
    #[inline]
    pub fn store_u32(&self, offset: usize, value: u32, order: Ordering) -> Result<(), OutOfRange> {
        self.word(offset)?.store(value, order);
        Ok(())
    }

    /// Replaces the 32-bit word at `offset` (a multiple of 4) and returns what was there.
    ///
    /// # Errors
    /// It does not lie in the window or is not aligned.
    #[inline]
    pub fn swap_u32(&self, offset: usize, value: u32, order: Ordering) -> Result<u32, OutOfRange> {
        Ok(self.word(offset)?.swap(value, order))
    }

    /// Adds one to the 32-bit word at `offset` (a multiple of 4), wrapping, and returns what was
    /// there.
    ///
    /// # Errors
    /// It does not lie in the window or is not aligned.
    #[inline]
    pub fn increment_u32(&self, offset: usize, order: Ordering) -> Result<u32, OutOfRange> {
        Ok(self.word(offset)?.fetch_add(1, order))
    }

    /// Reads the byte at `offset` once.
    ///
    /// # Errors
    /// It does not lie in the window.
    #[inline]
    pub fn load_u8(&self, offset: usize, order: Ordering) -> Result<u8, OutOfRange> {
        Ok(self.byte(offset)?.load(order))
    }

    /// Writes the byte at `offset`.
    ///
    /// # Errors
    /// It does not lie in the window.
    #[inline]
    pub fn store_u8(&self, offset: usize, value: u8, order: Ordering) -> Result<(), OutOfRange> {
        self.byte(offset)?.store(value, order);
        Ok(())
    }

    /// Sets `bits` of the byte at `offset` and returns what was there.
    ///
    /// # Errors
    /// It does not lie in the window.
    #[inline]
    pub fn fetch_or_u8(&self, offset: usize, bits: u8, order: Ordering) -> Result<u8, OutOfRange> {
        Ok(self.byte(offset)?.fetch_or(bits, order))
    }

    /// Keeps only `bits` of the byte at `offset` and returns what was there.
    ///
    /// # Errors
    /// It does not lie in the window.
    #[inline]
    pub fn fetch_and_u8(&self, offset: usize, bits: u8, order: Ordering) -> Result<u8, OutOfRange> {
        Ok(self.byte(offset)?.fetch_and(bits, order))
    }

    /// The same window, to read from only.
    #[inline]
    pub fn to_read(self) -> ReadView<'m> {
        // SAFETY: what is valid for reads and writes is valid for reads, during the same `'m`.
        unsafe { ReadView::new(self.base, self.len) }
    }

    /// Borrows `len` bytes at `offset` as an ordinary slice.
    ///
    /// # Errors
    /// They do not lie in the window.
    ///
    /// # Safety
    /// For as long as the slice lives nobody writes those bytes: neither this process nor any
    /// other that maps them.
    pub unsafe fn in_place(&self, offset: usize, len: usize) -> Result<&'m [u8], OutOfRange> {
        let base = self.at(offset, len)?;
        // SAFETY: `at` checked the range, which lives for `'m`; u8 needs no alignment and any byte
        // is valid; the caller promises that nobody writes it meanwhile.
        Ok(unsafe { core::slice::from_raw_parts(base, len) })
    }

    /// Borrows `len` bytes at `offset` as an ordinary slice to write to.
    ///
    /// # Errors
    /// They do not lie in the window.
    ///
    /// # Safety
    /// For as long as the slice lives nobody else reads or writes those bytes: neither this process
    /// (through this view or another) nor any other that maps them.
    #[allow(clippy::mut_from_ref, reason = "the caller promises that it is the only one")]
    pub unsafe fn in_place_mut(
        &self,
        offset: usize,
        len: usize,
    ) -> Result<&'m mut [u8], OutOfRange> {
        let base = self.at(offset, len)?;
        // SAFETY: `at` checked the range, which lives for `'m`; u8 needs no alignment and any byte
        // is valid; the caller promises that nobody else touches it meanwhile.
        Ok(unsafe { core::slice::from_raw_parts_mut(base, len) })
    }

    #[inline]
    fn at(&self, offset: usize, len: usize) -> Result<*mut u8, OutOfRange> {
        if self.len.checked_sub(offset).is_none_or(|rest| len > rest) {
            return Err(OutOfRange { offset, len, limit: self.len });
        }
        // SAFETY: `offset <= self.len`, so the result stays in the memory or one past its end.
        Ok(unsafe { self.base.add(offset) })
    }

    #[inline]
    fn byte(&self, offset: usize) -> Result<&'m AtomicU8, OutOfRange> {
        let at = self.at(offset, 1)?;
        // SAFETY: `at` is in range; the byte lives for `'m`; all accesses to it are atomic or by
        // the copy primitive (which Rust's memory model does not see).
        Ok(unsafe { AtomicU8::from_ptr(at) })
    }

    #[inline]
    fn word(&self, offset: usize) -> Result<&'m AtomicU32, OutOfRange> {
        let at = self.at(offset, 4)?;
        if !(at as usize).is_multiple_of(4) {
            return Err(OutOfRange { offset, len: 4, limit: self.len });
        }
        // SAFETY: `at` is in range and aligned; the word lives for `'m`; all accesses to it are
        // atomic or by the copy primitive (which Rust's memory model does not see).
        Ok(unsafe { AtomicU32::from_ptr(at.cast()) })
    }
}
