//! The memory of a domain, whose use the checker sees.
//!
//! The bytes are real and invisible to the checker, which tries an order of two steps only if it knows
//! that they have to do with each other. So what is written is also counted, and so are the rings that
//! are held: by words of the checker's.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

use argo_core::abi::PAGE_SIZE;
use argo_core::claim::RingLen;
use argo_core::ring::{RingMem, Spans};
use argo_core::{Gfn, GuestAddr};
use argo_hypervisor::{BadRam, Fault, GuestMemory, LinearMemory, MapError, RingPages};
use argo_mem::{HeapRam, Memory};

use crate::checker::sync::atomic::AtomicUsize;
use crate::locks::holding;

/// RAM of a domain.
pub struct CheckedMemory {
    ram: LinearMemory<HeapRam>,
    uses: Arc<Uses>,
}

/// A ring in it, as the engine holds it.
pub struct CheckedRing {
    pages: RingPages<HeapRam>,
    uses: Arc<Uses>,
}

struct Uses {
    writes: AtomicUsize,
    rings: AtomicUsize,
}

impl CheckedMemory {
    /// Zeros.
    ///
    /// # Errors
    /// So many pages cannot be.
    pub fn zeroed(pages: u64) -> Result<Self, BadRam> {
        let bytes = pages * u64::from(PAGE_SIZE);
        let ram = LinearMemory::new(Arc::new(HeapRam::zeroed(bytes as usize)), 0, pages)?;
        let [writes, rings] = [0; 2].map(AtomicUsize::new);
        Ok(Self { ram, uses: Arc::new(Uses { writes, rings }) })
    }

    /// Rings in it that the engine holds, or is about to.
    pub fn rings(&self) -> usize {
        self.uses.rings.load(SeqCst)
    }

    /// How often the engine has written into rings in it.
    pub fn writes(&self) -> usize {
        self.uses.writes.load(SeqCst)
    }

    /// All of it.
    pub fn contents(&self) -> Vec<u8> {
        self.writes();
        let view = self.ram.memory().view();
        let mut bytes = vec![0; view.len()];
        let whole = view.read(0, &mut bytes);
        debug_assert_eq!(whole, Ok(()));
        bytes
    }

    /// A ring as its owner sees it.
    ///
    /// # Errors
    /// There is no such page.
    pub fn own_ring(&self, page: u64, len: RingLen) -> Result<RingPages<HeapRam>, MapError> {
        self.ram.map_ring([Ok(Gfn(page))].into_iter(), len)
    }
}

impl GuestMemory for CheckedMemory {
    type Ring = CheckedRing;

    fn read(&self, at: GuestAddr, out: &mut [u8]) -> Result<(), Fault> {
        self.ram.read(at, out)
    }

    fn write(&self, at: GuestAddr, bytes: &[u8]) -> Result<(), Fault> {
        self.ram.write(at, bytes)
    }

    fn map_ring(
        &self,
        pages: impl ExactSizeIterator<Item = Result<Gfn, Fault>>,
        len: RingLen,
    ) -> Result<CheckedRing, MapError> {
        let pages = self.ram.map_ring(pages, len)?;
        self.uses.rings.fetch_add(1, SeqCst);
        Ok(CheckedRing { pages, uses: self.uses.clone() })
    }

    fn copy_to_ring(&self, from: GuestAddr, to: &CheckedRing, spans: Spans) -> Result<(), Fault> {
        self.ram.copy_to_ring(from, &to.pages, spans)
    }
}

impl RingMem for CheckedRing {
    fn load_rx(&self) -> u32 {
        self.pages.load_rx()
    }

    fn load_tx(&self) -> u32 {
        self.pages.load_tx()
    }

    fn store_rx(&self, value: u32) {
        self.pages.store_rx(value);
    }

    fn store_tx(&self, value: u32) {
        self.uses.writes.fetch_add(1, SeqCst);
        self.pages.store_tx(value);
    }

    fn read(&self, at: u32, out: &mut [u8]) {
        self.pages.read(at, out);
    }

    fn write(&self, at: u32, bytes: &[u8]) {
        self.uses.writes.fetch_add(1, SeqCst);
        self.pages.write(at, bytes);
    }
}

impl Drop for CheckedRing {
    fn drop(&mut self) {
        // In a run that has failed nothing is switched any more.
        if !std::thread::panicking() {
            // The memory may be the host's to unmap.
            assert_eq!(holding(), 0, "a ring's memory is let go with a lock held");
            self.uses.rings.fetch_sub(1, SeqCst);
        }
    }
}
