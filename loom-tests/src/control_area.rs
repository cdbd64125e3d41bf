//! A session's control area in modelled memory.

use std::collections::BTreeMap;

use argo_core::host::layout::{
    ARMED, COMPLETION_BYTES, DOORBELL_ARMED, PEERS_GONE, QueueLayout, RINGS_CUT, SEQUENCE,
    SLOT_BYTES, SPACE_WANTED, VIRQS, WAITS_LOST,
};
use argo_core::host::words::{Word, Words};
use loom::sync::atomic::{AtomicU32, Ordering, fence};

use crate::entries::Entries;

/// Words that one side stores and the other swaps.
///
/// Loom does not know that nothing comes between an atomic swap's read and its own write: it would
/// order a store that came later before the swap, and report wake-ups lost that no machine loses.
/// As a Relaxed swap the store has its place. That makes nothing visible which the store would not:
/// what such a swap reads synchronizes only by a fence behind it, and both sides' fences are in
/// one order already.
const FLAGS: [Word; 2] = [ARMED, DOORBELL_ARMED];

/// A zeroed session page and the start of queue 0. An access outside is a fault of the model.
#[derive(Debug)]
pub struct ControlArea {
    words: BTreeMap<u32, AtomicU32>,
    slots: Entries,
    completions: Entries,
}

impl ControlArea {
    /// Room for that many calls, each of which is submitted once.
    pub fn for_calls(calls: u32) -> Self {
        let queue = QueueLayout::new(0);
        let events = [SEQUENCE, VIRQS, WAITS_LOST, SPACE_WANTED, PEERS_GONE, RINGS_CUT];
        let indexes = [queue.submitted(), queue.taken(), queue.completed()];
        let words =
            FLAGS.into_iter().chain(events).chain(indexes).map(|word| (word.0, AtomicU32::new(0)));
        Self {
            words: words.collect(),
            slots: Entries::zeroed(queue.slot(0), calls * SLOT_BYTES),
            completions: Entries::zeroed(queue.completion(0), calls * COMPLETION_BYTES),
        }
    }

    fn entries(&self, offset: u32) -> &Entries {
        if self.slots.contains(offset) { &self.slots } else { &self.completions }
    }
}

impl Words for ControlArea {
    fn load(&self, word: Word, order: Ordering) -> u32 {
        self.words[&word.0].load(order)
    }

    fn store(&self, word: Word, value: u32, order: Ordering) {
        let cell = &self.words[&word.0];
        if FLAGS.contains(&word) {
            cell.swap(value, order);
        } else {
            cell.store(value, order);
        }
    }

    fn swap(&self, word: Word, value: u32, order: Ordering) -> u32 {
        self.words[&word.0].swap(value, order)
    }

    fn increment(&self, word: Word, order: Ordering) {
        self.words[&word.0].fetch_add(1, order);
    }

    fn fence(&self) {
        fence(Ordering::SeqCst);
    }

    fn read(&self, offset: u32, out: &mut [u8]) {
        self.entries(offset).read(offset, out);
    }

    fn write(&self, offset: u32, bytes: &[u8]) {
        self.entries(offset).write(offset, bytes);
    }
}

/// The same memory for code that left its full fences out. Known to be wrong.
#[derive(Debug)]
pub struct Unfenced(pub ControlArea);

impl Words for Unfenced {
    fn load(&self, word: Word, order: Ordering) -> u32 {
        self.0.load(word, order)
    }

    fn store(&self, word: Word, value: u32, order: Ordering) {
        self.0.store(word, value, order);
    }

    fn swap(&self, word: Word, value: u32, order: Ordering) -> u32 {
        self.0.swap(word, value, order)
    }

    fn increment(&self, word: Word, order: Ordering) {
        self.0.increment(word, order);
    }

    fn fence(&self) {}

    fn read(&self, offset: u32, out: &mut [u8]) {
        self.0.read(offset, out);
    }

    fn write(&self, offset: u32, bytes: &[u8]) {
        self.0.write(offset, bytes);
    }
}
