//! Parts of what is read or written.

use core::ops::{Deref, DerefMut};

/// A part of what is to be written.
#[derive(Clone, Copy, Debug)]
pub struct IoSlice<'b>(&'b [u8]);

/// A part of where to read to.
#[derive(Debug)]
pub struct IoSliceMut<'b>(&'b mut [u8]);

impl<'b> IoSlice<'b> {
    /// These bytes.
    pub const fn new(bytes: &'b [u8]) -> Self {
        Self(bytes)
    }
}

impl<'b> IoSliceMut<'b> {
    /// Into these bytes.
    pub const fn new(bytes: &'b mut [u8]) -> Self {
        Self(bytes)
    }
}

impl Deref for IoSlice<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0
    }
}

impl Deref for IoSliceMut<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0
    }
}

impl DerefMut for IoSliceMut<'_> {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.0
    }
}
