//! The memory of a ring.

use core::sync::atomic::Ordering;

use argo_mem::View;

use crate::abi::RING_HEADER;

/// A contiguous part of a ring's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Where it begins, in bytes from the start of the data.
    pub at: u32,
    /// Its length in bytes.
    pub len: u32,
}

/// A part of a ring's data: up to the end, then (perhaps empty) from the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spans {
    /// The first part.
    pub first: Span,
    /// The rest, at the start of the data; of length 0 if nothing wraps.
    pub second: Span,
}

impl Spans {
    /// The `bytes` at `at` in a ring of `len`: `at` is below `len`, `bytes` at most `len`.
    #[inline]
    pub fn new(at: u32, bytes: u32, len: u32) -> Self {
        let first = bytes.min(len.saturating_sub(at));
        let second = bytes.saturating_sub(first);
        Self { first: Span { at, len: first }, second: Span { at: 0, len: second } }
    }

    /// Copies what is there into `out`, as much as there is room for. Returns how many bytes.
    #[inline]
    pub fn read(self, mem: &impl RingMem, out: &mut [u8]) -> usize {
        let (head, rest) = out.split_at_mut(out.len().min(self.first.len as usize));
        let (tail, _) = rest.split_at_mut(rest.len().min(self.second.len as usize));
        mem.read(self.first.at, head);
        mem.read(self.second.at, tail);
        head.len().saturating_add(tail.len())
    }
}

/// The memory of one ring, header and data, that the other side may change at any moment.
///
/// Offsets count from the start of the *data*. Callers keep them inside the ring; an
/// implementation must stay memory-safe if they do not, and may then do nothing.
pub trait RingMem {
    /// Reads `rx_ptr` once, Acquire.
    ///
    /// Pairs with [`store_rx`](Self::store_rx): what the receiver read before it moved `rx_ptr`
    /// was read before the hypervisor reuses the space.
    fn load_rx(&self) -> u32;

    /// Reads `tx_ptr` once, Acquire.
    ///
    /// Pairs with [`store_tx`](Self::store_tx): what was written before `tx_ptr` moved is seen.
    fn load_tx(&self) -> u32;

    /// Writes `rx_ptr`, Release.
    fn store_rx(&self, value: u32);

    /// Writes `tx_ptr`, Release.
    fn store_tx(&self, value: u32);

    /// Copies data out.
    fn read(&self, at: u32, out: &mut [u8]);

    /// Copies data in.
    fn write(&self, at: u32, bytes: &[u8]);
}

/// A ring whose pages are neighbours: a view that begins with the ring's header.
///
/// A view too short for the access drops it, as the trait allows.
impl RingMem for View<'_> {
    #[inline]
    fn load_rx(&self) -> u32 {
        self.load_u32(0, Ordering::Acquire).unwrap_or(0)
    }

    #[inline]
    fn load_tx(&self) -> u32 {
        self.load_u32(4, Ordering::Acquire).unwrap_or(0)
    }

    #[inline]
    fn store_rx(&self, value: u32) {
        let _ = self.store_u32(0, value, Ordering::Release);
    }

    #[inline]
    fn store_tx(&self, value: u32) {
        let _ = self.store_u32(4, value, Ordering::Release);
    }

    #[inline]
    fn read(&self, at: u32, out: &mut [u8]) {
        let _ = View::read(self, data_offset(at), out);
    }

    #[inline]
    fn write(&self, at: u32, bytes: &[u8]) {
        let _ = View::write(self, data_offset(at), bytes);
    }
}

#[inline]
fn data_offset(at: u32) -> usize {
    (at as usize).saturating_add(RING_HEADER as usize)
}
