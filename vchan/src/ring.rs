//! Ring arithmetic over indexes that run free modulo 2^32.

use crate::geometry::Order;
use crate::layout::Ring;

/// The two indexes of a ring as they were seen for one decision: one's own, kept in private, and
/// the peer's, read once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Indexes {
    /// Bytes ever consumed, modulo 2^32.
    pub cons: u32,
    /// Bytes ever produced, modulo 2^32.
    pub prod: u32,
}

impl Indexes {
    /// Bytes that can be read: 0 to the ring's size.
    ///
    /// # Errors
    /// The indexes are further apart than the ring is large. (The C library takes that for "nothing
    /// to read" and waits for ever.)
    #[inline]
    pub fn data_ready(self, ring: Ring, order: Order) -> Result<u32, LyingIndex> {
        let ready = self.prod.wrapping_sub(self.cons);
        if ready > order.size() {
            return Err(LyingIndex { ring, indexes: self, size: order.size() });
        }
        Ok(ready)
    }

    /// Bytes that can be written: 0 to the ring's size.
    ///
    /// # Errors
    /// As [`Indexes::data_ready`].
    #[inline]
    pub fn buffer_space(self, ring: Ring, order: Order) -> Result<u32, LyingIndex> {
        Ok(order.size() - self.data_ready(ring, order)?)
    }
}

/// The peer broke the protocol: its index claims more bytes than the ring holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the peer's index lies: {ring} ring of {size} bytes with prod {} and cons {}",
    indexes.prod,
    indexes.cons
)]
pub struct LyingIndex {
    /// Which ring.
    pub ring: Ring,
    /// What was seen.
    pub indexes: Indexes,
    /// The ring's size in bytes.
    pub size: u32,
}

/// Where `len` bytes lie in a ring: a part that begins at `offset`, and the rest, if the ring's end
/// cuts them, from offset 0 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spans {
    pub(crate) offset: u32,
    pub(crate) first: u32,
}

impl Spans {
    /// `len` is at most the ring's size, so that the rest ends before `offset`.
    #[inline]
    pub(crate) fn new(order: Order, index: u32, len: u32) -> Spans {
        let offset = index & (order.size() - 1);
        Spans { offset, first: len.min(order.size() - offset) }
    }
}
