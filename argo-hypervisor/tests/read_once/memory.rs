//! Memory that makes a second read of it show.

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use argo_core::claim::RingLen;
use argo_core::ring::{RingMem, Spans};
use argo_core::{Gfn, GuestAddr};
use argo_hypervisor::{Fault, GuestMemory, LinearMemory, MapError, RingPages};
use argo_mem::HeapRam;

use crate::support::{PAGE, RAM_PAGES, ram};

/// Memory in which what was read is something else at once. It counts the reads of each byte.
pub struct FickleMemory {
    pub ram: LinearMemory<HeapRam>,
    reads: Mutex<Vec<u8>>,
    ring_reads: Arc<RingReads>,
}

/// A ring that counts the reads of it.
pub struct CountedRing {
    pages: RingPages<HeapRam>,
    reads: Arc<RingReads>,
}

/// Reads of a domain's rings.
#[derive(Default)]
struct RingReads {
    rx: AtomicU32,
    tx: AtomicU32,
    data: AtomicU32,
}

impl FickleMemory {
    pub fn new() -> Self {
        let reads = Mutex::new(vec![0; (RAM_PAGES * PAGE) as usize]);
        Self { ram: ram(), reads, ring_reads: Arc::default() }
    }

    /// These bytes were read, and now change.
    fn spoil(&self, GuestAddr(at): GuestAddr, len: usize) {
        let mut bytes = vec![0; len];
        self.ram.read(GuestAddr(at), &mut bytes).unwrap();
        bytes.iter_mut().for_each(|byte| *byte = !*byte);
        self.ram.write(GuestAddr(at), &bytes).unwrap();
        for reads in &mut self.reads.lock().unwrap()[at as usize..at as usize + len] {
            *reads += 1;
        }
    }

    pub fn poke(&self, at: u64, bytes: &[u8]) {
        self.ram.write(GuestAddr(at), bytes).unwrap();
    }

    /// How often each byte was read since the last time.
    pub fn take_reads(&self) -> Vec<u8> {
        let mut reads = self.reads.lock().unwrap();
        let fresh = vec![0; reads.len()];
        std::mem::replace(&mut *reads, fresh)
    }

    /// Since the last time each byte of these places was read once, and none of any other.
    pub fn check_read_once(&self, places: &[(u64, usize)]) {
        let mut expected = vec![0; (RAM_PAGES * PAGE) as usize];
        for (at, len) in places {
            expected[*at as usize..*at as usize + len].fill(1);
        }
        let reads = self.take_reads();
        let wrong = reads.iter().zip(&expected).position(|(read, expected)| read != expected);
        assert_eq!(wrong.map(|at| (at, reads[at])), None, "a place, and how often it was read");
        let count = expected.iter().filter(|read| **read > 0).count();
        effort::ran(count as u64, "bytes of guests, each read once");
    }

    /// Reads since the last time of the domain's rings: of their `rx_ptr`, `tx_ptr` and data.
    pub fn take_ring_reads(&self) -> [u32; 3] {
        let RingReads { rx, tx, data } = &*self.ring_reads;
        [rx, tx, data].map(|reads| reads.swap(0, SeqCst))
    }
}

impl GuestMemory for FickleMemory {
    type Ring = CountedRing;

    fn read(&self, at: GuestAddr, out: &mut [u8]) -> Result<(), Fault> {
        self.ram.read(at, out)?;
        self.spoil(at, out.len());
        Ok(())
    }

    fn write(&self, at: GuestAddr, bytes: &[u8]) -> Result<(), Fault> {
        self.ram.write(at, bytes)
    }

    fn map_ring(
        &self,
        pages: impl ExactSizeIterator<Item = Result<Gfn, Fault>>,
        len: RingLen,
    ) -> Result<CountedRing, MapError> {
        let reads = self.ring_reads.clone();
        Ok(CountedRing { pages: self.ram.map_ring(pages, len)?, reads })
    }

    fn copy_to_ring(&self, from: GuestAddr, to: &CountedRing, spans: Spans) -> Result<(), Fault> {
        self.ram.copy_to_ring(from, &to.pages, spans)?;
        self.spoil(from, (spans.first.len + spans.second.len) as usize);
        Ok(())
    }
}

impl RingMem for CountedRing {
    fn load_rx(&self) -> u32 {
        self.reads.rx.fetch_add(1, SeqCst);
        self.pages.load_rx()
    }

    fn load_tx(&self) -> u32 {
        self.reads.tx.fetch_add(1, SeqCst);
        self.pages.load_tx()
    }

    fn store_rx(&self, value: u32) {
        self.pages.store_rx(value);
    }

    fn store_tx(&self, value: u32) {
        self.pages.store_tx(value);
    }

    fn read(&self, at: u32, out: &mut [u8]) {
        self.reads.data.fetch_add(1, SeqCst);
        self.pages.read(at, out);
    }

    fn write(&self, at: u32, bytes: &[u8]) {
        self.pages.write(at, bytes);
    }
}
