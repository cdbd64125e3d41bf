// The shared memory of a channel inside one process, for the tests and the crate's example (which
// includes this file, so its comments are plain ones).

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering, fence};

use vchan::{
    Flag, Geometry, Reader, Ring, Role, SharedPage, SharedRings, Word, Writer, start_client,
    start_server,
};

pub struct TestMemory {
    words: Vec<AtomicU32>,
    flags: [AtomicU8; 4],
    left: Box<[AtomicU8]>,
    right: Box<[AtomicU8]>,
}

impl TestMemory {
    // A page that both sides have started on.
    pub fn started(geometry: Geometry) -> Arc<TestMemory> {
        let memory = TestMemory::zeroed(geometry);
        start_server(&memory, geometry);
        let _the_server_is_not_waiting_yet = start_client(&memory);
        Arc::new(memory)
    }

    pub fn zeroed(geometry: Geometry) -> TestMemory {
        let bytes = |ring| (0..geometry.order(ring).size()).map(|_| AtomicU8::new(0)).collect();
        TestMemory {
            words: (0..1024).map(|_| AtomicU32::new(0)).collect(),
            flags: Default::default(),
            left: bytes(Ring::Left),
            right: bytes(Ring::Right),
        }
    }

    fn flag(&self, flag: Flag) -> &AtomicU8 {
        &self.flags[flag.offset() - Flag::CliLive.offset()]
    }

    // Slicing makes a copy that leaves its ring a failed test.
    fn bytes(&self, ring: Ring, offset: u32, len: usize) -> &[AtomicU8] {
        let bytes = match ring {
            Ring::Left => &self.left,
            Ring::Right => &self.right,
        };
        &bytes[offset as usize..][..len]
    }
}

impl SharedPage for TestMemory {
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

impl SharedRings for TestMemory {
    fn copy_in(&self, ring: Ring, offset: u32, from: &[u8]) {
        for (cell, byte) in self.bytes(ring, offset, from.len()).iter().zip(from) {
            cell.store(*byte, Ordering::Relaxed);
        }
    }

    fn copy_out(&self, ring: Ring, offset: u32, to: &mut [u8]) {
        for (cell, byte) in self.bytes(ring, offset, to.len()).iter().zip(to) {
            *byte = cell.load(Ordering::Relaxed);
        }
    }
}

// Both ends of the ring that `writer` writes, its indexes starting at `index`.
pub fn ends_at(
    memory: &Arc<TestMemory>,
    geometry: Geometry,
    writer: Role,
    index: u32,
) -> (Writer<Arc<TestMemory>>, Reader<Arc<TestMemory>>) {
    memory.store(Word::cons(writer.write_ring()), index, Ordering::Relaxed);
    memory.store(Word::prod(writer.write_ring()), index, Ordering::Relaxed);
    (
        Writer::new(Arc::clone(memory), writer, geometry),
        Reader::new(Arc::clone(memory), writer.peer(), geometry),
    )
}
