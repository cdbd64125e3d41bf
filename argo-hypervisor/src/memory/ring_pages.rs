//! The memory of a ring: pages of a host memory, neighbours or not.

use alloc::sync::Arc;
use core::ops::Range;
use core::sync::atomic::Ordering;

use argo_core::abi::{PAGE_SIZE, RING_HEADER};
use argo_core::claim::RingLen;
use argo_core::ring::{RingMem, Spans};
use argo_mem::{Memory, View};

use crate::lists::List;

const PAGE: usize = PAGE_SIZE as usize;
const HEADER: usize = RING_HEADER as usize;
/// Where `tx_ptr` lies in the header.
const TX: usize = 4;

/// Pages of a host memory in the order of a ring's image: its header, then its data.
///
/// It keeps the memory alive. Accesses outside of the ring do nothing.
pub struct RingPages<T> {
    memory: Arc<T>,
    /// Where the ring's header lies in the memory.
    header: usize,
    /// Where each page lies in the memory; none if all follow the first one in order.
    scattered: List<usize>,
    /// Bytes of header and data.
    bytes: usize,
}

impl<T: Memory> RingPages<T> {
    /// `offsets` are whole pages in the memory, enough for the ring.
    pub(super) fn new(memory: Arc<T>, offsets: List<usize>, len: RingLen) -> Self {
        let header = offsets.first().copied().unwrap_or(0);
        let in_order = offsets.iter().zip((header..).step_by(PAGE)).all(|(at, next)| *at == next);
        let scattered = if in_order { List::default() } else { offsets };
        let bytes = HEADER.saturating_add(len.bytes() as usize);
        Self { memory, header, scattered, bytes }
    }

    /// The host memory that the ring lies in.
    pub fn memory(&self) -> &Arc<T> {
        &self.memory
    }

    /// Copies a part of `source` into the data.
    #[inline]
    pub(super) fn copy_from(&self, at: u32, source: View<'_>, part: Range<usize>) {
        match self.place(at, part.len()) {
            Some(place) => {
                let _ = source.copy_to(part.start, self.memory.view(), place, part.len());
            }
            None => self.copy_pages(at, source, part),
        }
    }

    #[inline(never)]
    fn copy_pages(&self, at: u32, source: View<'_>, part: Range<usize>) {
        let memory = self.memory.view();
        self.walk(at, part.len(), |place, piece| {
            let from = part.start.saturating_add(piece.start);
            let _ = source.copy_to(from, memory, place, piece.len());
        });
    }

    /// Copies `source` into the data where it wraps. Apart, since most of what is sent does not.
    #[inline(never)]
    pub(super) fn copy_in_two(&self, Spans { first, second }: Spans, source: View<'_>) {
        let head = first.len as usize;
        self.copy_from(first.at, source, 0..head);
        self.copy_from(second.at, source, head..head.saturating_add(second.len as usize));
    }

    /// Where the `len` bytes of data at `at` lie in the memory, if all pages are neighbours.
    #[inline]
    fn place(&self, at: u32, len: usize) -> Option<usize> {
        let start = HEADER.saturating_add(at as usize);
        let direct = self.scattered.is_empty() && start.saturating_add(len) <= self.bytes;
        direct.then(|| self.header.saturating_add(start))
    }

    /// Cuts the `len` bytes of data at `at` into pieces that lie in one page each, and gives for
    /// each its place in the memory and which of the bytes it has. Nothing if they are not all there,
    /// or if all pages are neighbours.
    #[inline(never)]
    fn walk(&self, at: u32, len: usize, mut each: impl FnMut(usize, Range<usize>)) {
        let start = HEADER.saturating_add(at as usize);
        if start.saturating_add(len) > self.bytes {
            return;
        }
        let mut done = 0;
        while done < len {
            let at = start.saturating_add(done);
            let Some(page) = self.scattered.get(at / PAGE) else { return };
            let in_page = at % PAGE;
            let piece = done..len.min(done.saturating_add(PAGE.saturating_sub(in_page)));
            done = piece.end;
            each(page.saturating_add(in_page), piece);
        }
    }
}

impl<T: Memory> RingMem for RingPages<T> {
    #[inline]
    fn load_rx(&self) -> u32 {
        self.memory.view().load_u32(self.header, Ordering::Acquire).unwrap_or(0)
    }

    #[inline]
    fn load_tx(&self) -> u32 {
        self.memory.view().load_u32(self.header.saturating_add(TX), Ordering::Acquire).unwrap_or(0)
    }

    #[inline]
    fn store_rx(&self, value: u32) {
        let _ = self.memory.view().store_u32(self.header, value, Ordering::Release);
    }

    #[inline]
    fn store_tx(&self, value: u32) {
        let _ =
            self.memory.view().store_u32(self.header.saturating_add(TX), value, Ordering::Release);
    }

    #[inline]
    fn read(&self, at: u32, out: &mut [u8]) {
        let memory = self.memory.view();
        match self.place(at, out.len()) {
            Some(place) => drop(memory.read(place, out)),
            None => self.walk(at, out.len(), |place, piece| {
                let _ = out.get_mut(piece).map(|out| memory.read(place, out));
            }),
        }
    }

    #[inline]
    fn write(&self, at: u32, bytes: &[u8]) {
        let memory = self.memory.view();
        match self.place(at, bytes.len()) {
            Some(place) => drop(memory.write(place, bytes)),
            None => self.walk(at, bytes.len(), |place, piece| {
                let _ = bytes.get(piece).map(|bytes| memory.write(place, bytes));
            }),
        }
    }
}
