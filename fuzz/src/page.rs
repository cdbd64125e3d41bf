//! The shared memory of a vchan, on plain atomics.

use std::sync::atomic::Ordering::{self, Relaxed};
use std::sync::atomic::{AtomicU8, AtomicU32, fence};

use vchan::layout::PAGE_SIZE;
use vchan::{Flag, Geometry, Ring, SharedPage, SharedRings, Word};

/// The page's words and flags, and both rings beside it.
pub struct SharedMemory {
    words: Vec<AtomicU32>,
    flags: [AtomicU8; 4],
    left: Vec<AtomicU8>,
    right: Vec<AtomicU8>,
}

/// What was in it at one moment, flags left out.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    /// The page's words.
    pub words: Vec<u32>,
    left: Vec<u8>,
    right: Vec<u8>,
}

impl SharedMemory {
    /// A page without rings.
    pub fn of_page() -> Self {
        let words = (0..PAGE_SIZE / 4).map(|_| AtomicU32::new(0)).collect();
        Self { words, flags: Default::default(), left: Vec::new(), right: Vec::new() }
    }

    /// A page and its rings.
    pub fn zeroed(geometry: Geometry) -> Self {
        let bytes = |ring| (0..geometry.order(ring).size()).map(|_| AtomicU8::new(0)).collect();
        Self { left: bytes(Ring::Left), right: bytes(Ring::Right), ..Self::of_page() }
    }

    /// Writes into a ring, as far as it goes.
    pub fn scribble(&self, ring: Ring, at: usize, bytes: &[u8]) {
        for (cell, byte) in self.cells(ring).iter().skip(at).zip(bytes) {
            cell.store(*byte, Relaxed);
        }
    }

    /// A ring's bytes.
    pub fn ring(&self, ring: Ring) -> Vec<u8> {
        self.cells(ring).iter().map(|cell| cell.load(Relaxed)).collect()
    }

    /// All of it.
    pub fn image(&self) -> Image {
        let words = self.words.iter().map(|word| word.load(Relaxed)).collect();
        Image { words, left: self.ring(Ring::Left), right: self.ring(Ring::Right) }
    }

    fn flag(&self, flag: Flag) -> &AtomicU8 {
        &self.flags[flag.offset() - Flag::CliLive.offset()]
    }

    fn cells(&self, ring: Ring) -> &[AtomicU8] {
        match ring {
            Ring::Left => &self.left,
            Ring::Right => &self.right,
        }
    }

    /// A copy that leaves its ring panics.
    fn part(&self, ring: Ring, offset: u32, len: usize) -> &[AtomicU8] {
        &self.cells(ring)[offset as usize..][..len]
    }
}

impl Image {
    /// A ring's bytes.
    pub fn ring(&self, ring: Ring) -> &[u8] {
        match ring {
            Ring::Left => &self.left,
            Ring::Right => &self.right,
        }
    }

    /// The same, to be changed.
    pub fn ring_mut(&mut self, ring: Ring) -> &mut [u8] {
        match ring {
            Ring::Left => &mut self.left,
            Ring::Right => &mut self.right,
        }
    }
}

impl SharedPage for SharedMemory {
    fn load(&self, word: Word, ordering: Ordering) -> u32 {
        self.words[word.offset() / 4].load(ordering)
    }

    fn store(&self, word: Word, value: u32, ordering: Ordering) {
        self.words[word.offset() / 4].store(value, ordering);
    }

    fn load_flag(&self, flag: Flag, ordering: Ordering) -> u8 {
        self.flag(flag).load(ordering)
    }

    fn store_flag(&self, flag: Flag, value: u8, ordering: Ordering) {
        self.flag(flag).store(value, ordering);
    }

    fn fetch_or_flag(&self, flag: Flag, bits: u8, ordering: Ordering) -> u8 {
        self.flag(flag).fetch_or(bits, ordering)
    }

    fn fetch_and_flag(&self, flag: Flag, bits: u8, ordering: Ordering) -> u8 {
        self.flag(flag).fetch_and(bits, ordering)
    }

    fn fence_seq_cst(&self) {
        fence(Ordering::SeqCst);
    }
}

impl SharedRings for SharedMemory {
    fn copy_in(&self, ring: Ring, offset: u32, from: &[u8]) {
        for (cell, byte) in self.part(ring, offset, from.len()).iter().zip(from) {
            cell.store(*byte, Relaxed);
        }
    }

    fn copy_out(&self, ring: Ring, offset: u32, to: &mut [u8]) {
        for (cell, byte) in self.part(ring, offset, to.len()).iter().zip(to) {
            *byte = cell.load(Relaxed);
        }
    }
}
