//! A ring in modelled memory.

use argo_core::claim::RingLen;
use argo_core::ring::RingMem;
use loom::sync::atomic::{AtomicU32, Ordering, fence};

use crate::entries::Entries;

/// A zeroed ring: two indexes with the orderings that [`RingMem`] asks for, and plain data.
#[derive(Debug)]
pub struct RingMemory {
    rx: AtomicU32,
    tx: AtomicU32,
    data: Entries,
}

impl RingMemory {
    /// A ring of that length.
    pub fn zeroed(len: RingLen) -> Self {
        let (rx, tx) = (AtomicU32::new(0), AtomicU32::new(0));
        Self { rx, tx, data: Entries::zeroed(0, len.bytes()) }
    }
}

impl RingMem for RingMemory {
    fn load_rx(&self) -> u32 {
        self.rx.load(Ordering::Acquire)
    }

    fn load_tx(&self) -> u32 {
        self.tx.load(Ordering::Acquire)
    }

    fn store_rx(&self, value: u32) {
        self.rx.store(value, Ordering::Release);
    }

    fn store_tx(&self, value: u32) {
        self.tx.store(value, Ordering::Release);
    }

    fn read(&self, at: u32, out: &mut [u8]) {
        self.data.read(at, out);
    }

    fn write(&self, at: u32, bytes: &[u8]) {
        self.data.write(at, bytes);
    }
}

/// The same ring as Xen writes it: `tx_ptr` first, then the barrier. Known to be wrong.
#[derive(Debug)]
pub struct BarrierAfterStore(pub RingMemory);

impl RingMem for BarrierAfterStore {
    fn load_rx(&self) -> u32 {
        self.0.load_rx()
    }

    fn load_tx(&self) -> u32 {
        self.0.load_tx()
    }

    fn store_rx(&self, value: u32) {
        self.0.store_rx(value);
    }

    fn store_tx(&self, value: u32) {
        self.0.tx.store(value, Ordering::Relaxed);
        fence(Ordering::Release);
    }

    fn read(&self, at: u32, out: &mut [u8]) {
        self.0.read(at, out);
    }

    fn write(&self, at: u32, bytes: &[u8]) {
        self.0.write(at, bytes);
    }
}
