//! Plain data in shared memory.

use loom::sync::atomic::{AtomicU64, Ordering};

/// Bytes that are loaded and stored Relaxed, eight at a time: only what is published by another
/// word's Release and Acquire is sure to be seen.
#[derive(Debug)]
pub struct Entries {
    base: u32,
    units: Vec<AtomicU64>,
}

const UNIT: usize = size_of::<u64>();

impl Entries {
    /// `bytes` zeros that begin at the offset `base`; both are multiples of 8.
    pub fn zeroed(base: u32, bytes: u32) -> Self {
        let units = (0..bytes as usize / UNIT).map(|_| AtomicU64::new(0)).collect();
        Self { base, units }
    }

    /// Whether the offset lies in here.
    pub fn contains(&self, offset: u32) -> bool {
        offset.checked_sub(self.base).is_some_and(|at| (at as usize) < self.units.len() * UNIT)
    }

    /// Copies out whole units.
    pub fn read(&self, offset: u32, out: &mut [u8]) {
        let units = &self.units[self.index(offset)..];
        for (unit, chunk) in units.iter().zip(out.chunks_exact_mut(UNIT)) {
            chunk.copy_from_slice(&unit.load(Ordering::Relaxed).to_le_bytes());
        }
    }

    /// Copies in whole units.
    pub fn write(&self, offset: u32, bytes: &[u8]) {
        let units = &self.units[self.index(offset)..];
        for (unit, chunk) in units.iter().zip(bytes.chunks_exact(UNIT)) {
            let mut value = [0; UNIT];
            value.copy_from_slice(chunk);
            unit.store(u64::from_le_bytes(value), Ordering::Relaxed);
        }
    }

    fn index(&self, offset: u32) -> usize {
        (offset - self.base) as usize / UNIT
    }
}
