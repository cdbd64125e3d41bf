//! A vchan's shared page and rings in modelled memory.

use std::collections::BTreeMap;

use loom::sync::atomic::{AtomicU8, AtomicU32, Ordering, fence};
use vchan::{Flag, Ring, SharedPage, SharedRings, Word};

/// Bytes of a ring that are modelled: those at offsets that are equal modulo this are one.
const BYTES: usize = 2;

/// A zeroed page with both rings' first bytes. An access to anything else is a fault of the model.
#[derive(Debug)]
pub struct VchanPage {
    words: BTreeMap<usize, AtomicU32>,
    flags: BTreeMap<usize, AtomicU8>,
    left: [AtomicU8; BYTES],
    right: [AtomicU8; BYTES],
}

impl VchanPage {
    /// A page that no side has started on.
    pub fn zeroed() -> Self {
        let rings = [Ring::Left, Ring::Right];
        let words = rings.into_iter().flat_map(|ring| [Word::cons(ring), Word::prod(ring)]);
        let words = words.chain([Word::ORDERS]);
        let flags = [Flag::CliLive, Flag::SrvLive, Flag::CliNotify, Flag::SrvNotify];
        Self {
            words: words.map(|word| (word.offset(), AtomicU32::new(0))).collect(),
            flags: flags.into_iter().map(|flag| (flag.offset(), AtomicU8::new(0))).collect(),
            left: std::array::from_fn(|_| AtomicU8::new(0)),
            right: std::array::from_fn(|_| AtomicU8::new(0)),
        }
    }

    fn byte(&self, ring: Ring, offset: usize) -> &AtomicU8 {
        match ring {
            Ring::Left => &self.left[offset % BYTES],
            Ring::Right => &self.right[offset % BYTES],
        }
    }
}

impl SharedPage for VchanPage {
    fn load(&self, word: Word, ordering: Ordering) -> u32 {
        self.words[&word.offset()].load(ordering)
    }

    fn store(&self, word: Word, value: u32, ordering: Ordering) {
        self.words[&word.offset()].store(value, ordering);
    }

    fn load_flag(&self, flag: Flag, ordering: Ordering) -> u8 {
        self.flags[&flag.offset()].load(ordering)
    }

    fn store_flag(&self, flag: Flag, value: u8, ordering: Ordering) {
        self.flags[&flag.offset()].store(value, ordering);
    }

    fn fetch_or_flag(&self, flag: Flag, bits: u8, ordering: Ordering) -> u8 {
        self.flags[&flag.offset()].fetch_or(bits, ordering)
    }

    fn fetch_and_flag(&self, flag: Flag, bits: u8, ordering: Ordering) -> u8 {
        self.flags[&flag.offset()].fetch_and(bits, ordering)
    }

    fn fence_seq_cst(&self) {
        fence(Ordering::SeqCst);
    }
}

impl SharedRings for VchanPage {
    fn copy_in(&self, ring: Ring, offset: u32, from: &[u8]) {
        for (at, byte) in (offset as usize..).zip(from) {
            self.byte(ring, at).store(*byte, Ordering::Relaxed);
        }
    }

    fn copy_out(&self, ring: Ring, offset: u32, to: &mut [u8]) {
        for (at, byte) in (offset as usize..).zip(to) {
            *byte = self.byte(ring, at).load(Ordering::Relaxed);
        }
    }
}

/// The same page for code that left its full fences out. Known to be wrong.
#[derive(Debug)]
pub struct UnfencedPage(pub VchanPage);

impl SharedPage for UnfencedPage {
    fn load(&self, word: Word, ordering: Ordering) -> u32 {
        self.0.load(word, ordering)
    }

    fn store(&self, word: Word, value: u32, ordering: Ordering) {
        self.0.store(word, value, ordering);
    }

    fn load_flag(&self, flag: Flag, ordering: Ordering) -> u8 {
        self.0.load_flag(flag, ordering)
    }

    fn store_flag(&self, flag: Flag, value: u8, ordering: Ordering) {
        self.0.store_flag(flag, value, ordering);
    }

    fn fetch_or_flag(&self, flag: Flag, bits: u8, ordering: Ordering) -> u8 {
        self.0.fetch_or_flag(flag, bits, ordering)
    }

    fn fetch_and_flag(&self, flag: Flag, bits: u8, ordering: Ordering) -> u8 {
        self.0.fetch_and_flag(flag, bits, ordering)
    }

    fn fence_seq_cst(&self) {}
}

impl SharedRings for UnfencedPage {
    fn copy_in(&self, ring: Ring, offset: u32, from: &[u8]) {
        self.0.copy_in(ring, offset, from);
    }

    fn copy_out(&self, ring: Ring, offset: u32, to: &mut [u8]) {
        self.0.copy_out(ring, offset, to);
    }
}
