//! Memory that fails once.

use std::sync::atomic::{AtomicI64, Ordering::SeqCst};

use argo_core::claim::RingLen;
use argo_core::ring::{Span, Spans};
use argo_core::{Gfn, GuestAddr};
use argo_hypervisor::{Fault, GuestMemory, LinearMemory, MapError, ParkingLot, RingPages, System};
use argo_mem::HeapRam;

use crate::support::{Denials, Record};

pub enum Frail {}

impl System for Frail {
    type Memory = FrailMemory;
    type Policy = Denials;
    type Events = Record;
    type Locks = ParkingLot;
}

/// Memory that fails once, in the middle of an access, after so many good ones.
pub struct FrailMemory {
    pub ram: LinearMemory<HeapRam>,
    pub good: AtomicI64,
}

impl FrailMemory {
    /// Whether this access fails. One that concerns no bytes never does.
    fn fails(&self, bytes: usize) -> bool {
        bytes > 0 && self.good.fetch_sub(1, SeqCst) == 0
    }
}

impl GuestMemory for FrailMemory {
    type Ring = RingPages<HeapRam>;

    fn read(&self, at: GuestAddr, out: &mut [u8]) -> Result<(), Fault> {
        let len = out.len();
        if self.fails(len) {
            self.ram.read(at, &mut out[..len / 2])?;
            return Err(Fault { at, len });
        }
        self.ram.read(at, out)
    }

    fn write(&self, at: GuestAddr, bytes: &[u8]) -> Result<(), Fault> {
        if self.fails(bytes.len()) {
            self.ram.write(at, &bytes[..bytes.len() / 2])?;
            return Err(Fault { at, len: bytes.len() });
        }
        self.ram.write(at, bytes)
    }

    fn map_ring(
        &self,
        pages: impl ExactSizeIterator<Item = Result<Gfn, Fault>>,
        len: RingLen,
    ) -> Result<Self::Ring, MapError> {
        let ring = self.ram.map_ring(pages, len)?;
        let failed = MapError::NoMemory(len.pages() as usize);
        if self.fails(1) { Err(failed) } else { Ok(ring) }
    }

    fn copy_to_ring(&self, from: GuestAddr, to: &Self::Ring, spans: Spans) -> Result<(), Fault> {
        let len = (spans.first.len + spans.second.len) as usize;
        if self.fails(len) {
            let first = Span { len: spans.first.len / 2, ..spans.first };
            self.ram.copy_to_ring(from, to, Spans { first, second: Span { at: 0, len: 0 } })?;
            return Err(Fault { at: from, len });
        }
        self.ram.copy_to_ring(from, to, spans)
    }
}
