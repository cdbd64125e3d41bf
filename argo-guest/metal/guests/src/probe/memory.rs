//! Where in the RAM what lies.

use argo_core::abi::{Iov, PAGE_SIZE, RING_HEADER};
use argo_core::claim::RingLen;
use argo_core::platform::Platform;
use argo_core::ring::{Consumer, RingMem};
use core::sync::atomic::Ordering;
use zerocopy::{Immutable, IntoBytes};

const PAGE: usize = PAGE_SIZE as usize;
/// Pages of each of the two rings.
pub(super) const RING_PAGES: usize = 2;
/// The length of a ring that fills them, in bytes.
pub(super) const RING_LEN: u32 = RING_PAGES as u32 * PAGE_SIZE - RING_HEADER;

/// The RAM of the domain that asks, from its second page on: arguments, lists of pages and buffers,
/// two rings, payloads.
pub(super) struct Ram<'a, P: Platform> {
    platform: &'a P,
    pub(super) first: Ring<'a, P>,
    pub(super) second: Ring<'a, P>,
    payload: usize,
}

impl<'a, P: Platform> Ram<'a, P> {
    pub(super) fn new(platform: &'a P) -> Self {
        let ring = |page| Ring { platform, at: page * PAGE };
        Self { platform, first: ring(2), second: ring(4), payload: 6 * PAGE }
    }

    /// Puts a structure to where arguments lie, and says where that is.
    pub(super) fn argument(&self, what: &(impl IntoBytes + Immutable + ?Sized)) -> u64 {
        self.put(PAGE, what)
    }

    /// Puts a list of pages there.
    pub(super) fn list(&self, pages: [u64; RING_PAGES]) -> u64 {
        self.put(PAGE + 512, &pages)
    }

    /// Puts buffers there.
    pub(super) fn iovs(&self, iovs: &[Iov]) -> u64 {
        self.put(PAGE + 1024, iovs)
    }

    /// Where there are payloads, three pages of them.
    pub(super) fn payload(&self) -> u64 {
        self.platform.handle(self.payload).0
    }

    /// Reads a structure's bytes back.
    pub(super) fn answer(&self, offset: usize, out: &mut [u8]) {
        let _inside = self.platform.ram().read(PAGE + offset, out);
    }

    fn put(&self, at: usize, what: &(impl IntoBytes + Immutable + ?Sized)) -> u64 {
        let _inside = self.platform.ram().write(at, what.as_bytes());
        self.platform.handle(at).0
    }
}

/// The memory of one ring.
pub(super) struct Ring<'a, P: Platform> {
    platform: &'a P,
    at: usize,
}

impl<P: Platform> Ring<'_, P> {
    pub(super) fn page(&self, index: usize) -> u64 {
        self.platform.page(self.at + index * PAGE)
    }

    pub(super) fn pages(&self) -> [u64; RING_PAGES] {
        [0, 1].map(|index| self.page(index))
    }

    pub(super) fn clear(&self) {
        let _inside = self.platform.ram().write(self.at, &[0; RING_HEADER as usize]);
    }

    pub(super) fn rx(&self) -> u32 {
        self.word(0)
    }

    pub(super) fn tx(&self) -> u32 {
        self.word(4)
    }

    /// Sets both indexes, as a guest may.
    pub(super) fn set(&self, rx: u32, tx: u32) {
        for (offset, value) in [(0, rx), (4, tx)] {
            let _inside = self.platform.ram().store_u32(self.at + offset, value, Ordering::Release);
        }
    }

    /// Says that everything is read.
    pub(super) fn drop_all(&self) {
        self.set(self.tx(), self.tx());
    }

    /// Reads all messages and says how many there were.
    pub(super) fn drain(&self) -> i64 {
        let memory = self.platform.ram().part(self.at, RING_PAGES * PAGE);
        let (Ok(memory), Ok(len)) = (memory, RingLen::check(RING_LEN)) else { return -1 };
        let mut consumer = Consumer::resume(&memory, len);
        let mut messages = 0;
        while let Ok(Some(message)) = consumer.peek(&memory) {
            consumer.consume(&memory, message);
            messages += 1;
        }
        memory.store_rx(memory.load_tx());
        messages
    }

    fn word(&self, offset: usize) -> u32 {
        self.platform.ram().load_u32(self.at + offset, Ordering::Acquire).unwrap_or(u32::MAX)
    }
}
