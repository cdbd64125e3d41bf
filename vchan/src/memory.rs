//! The seam to memory that the peer can write.
//!
//! All that this crate knows of shared memory goes through these two traits, so that the same code
//! runs over granted pages, over a memfd, over plain atomics in a test and over loom's atomics in a
//! model. They are safe traits: an implementation never panics and never hands out a reference to
//! the memory, and bytes that race with the peer arrive as arbitrary values.

use core::sync::atomic::Ordering;

use crate::layout::{Flag, Ring, Word};

/// The shared page's fields. A client has this much before it can map the rings.
///
/// Words and flags never overlap, so each byte is always accessed with one size. Values are those
/// that the page holds in little-endian.
pub trait SharedPage {
    /// Reads a word, once.
    fn load(&self, word: Word, ordering: Ordering) -> u32;

    /// Writes a word.
    fn store(&self, word: Word, value: u32, ordering: Ordering);

    /// Reads a byte, once.
    fn load_flag(&self, flag: Flag, ordering: Ordering) -> u8;

    /// Writes a byte.
    fn store_flag(&self, flag: Flag, value: u8, ordering: Ordering);

    /// Sets bits of a byte in one atomic step and returns the byte before.
    fn fetch_or_flag(&self, flag: Flag, bits: u8, ordering: Ordering) -> u8;

    /// Keeps only `bits` of a byte in one atomic step and returns the byte before.
    fn fetch_and_flag(&self, flag: Flag, bits: u8, ordering: Ordering) -> u8;

    /// A sequentially consistent fence between all accesses before it and all after it.
    fn fence_seq_cst(&self);
}

/// The shared page and the bytes of both rings, wherever the
/// [`Geometry`](crate::Geometry) places them.
pub trait SharedRings: SharedPage {
    /// Copies `from` into a ring, `offset` bytes from the ring's start. The copy stays inside the
    /// ring: `offset + from.len()` is at most its size. Called for the ring that this side writes
    /// and for no other, so the other one can be mapped read-only.
    fn copy_in(&self, ring: Ring, offset: u32, from: &[u8]);

    /// Copies out of a ring, `offset` bytes from the ring's start. The copy stays inside the ring:
    /// `offset + to.len()` is at most its size. Called for the ring that this side reads.
    fn copy_out(&self, ring: Ring, offset: u32, to: &mut [u8]);
}
