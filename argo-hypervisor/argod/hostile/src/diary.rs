//! What a process did, in words that outlive it.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::Ordering;

use argo_mem::{Mapping, Memory};

/// Bytes of the memory.
const BYTES: usize = 4096;

/// Words that one process writes and another reads, even after the first one's death.
pub struct Diary(Mapping);

impl Diary {
    /// An empty one, and what another process can have it by.
    pub fn create() -> (Self, OwnedFd) {
        let (mapping, memfd) = Mapping::create("diary", BYTES).unwrap();
        (Self(mapping), memfd)
    }

    /// The one of another process.
    pub fn of(memfd: impl AsFd) -> Self {
        Self(Mapping::of(memfd, BYTES).unwrap())
    }

    /// Writes a word.
    pub fn set(&self, word: usize, value: u32) {
        self.0.view().store_u32(4 * word, value, Ordering::SeqCst).unwrap();
    }

    /// Reads a word.
    pub fn word(&self, word: usize) -> u32 {
        self.0.view().load_u32(4 * word, Ordering::SeqCst).unwrap()
    }
}
