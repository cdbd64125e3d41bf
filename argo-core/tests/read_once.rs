//! argod's end of a session's queue reads each word and each slot of the guest's once.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::cell::RefCell;
use std::ops::Range;
use std::sync::atomic::Ordering;

use argo_core::host::layout::{QUEUE_ENTRIES, QueueLayout, SLOT_BYTES, control_bytes};
use argo_core::host::queue::{BadIndex, Completion, GuestQueue, HostQueue};
use argo_core::host::words::{Word, Words};
use argo_core::platform::{Call, Link};
use argo_mem::{HeapRam, Memory};

/// A control area in which what was read is something else at once, and which notes the reads.
struct Fickle {
    ram: HeapRam,
    reads: RefCell<Vec<Range<u32>>>,
}

impl Fickle {
    fn new() -> Self {
        Self { ram: HeapRam::zeroed(control_bytes(1) as usize), reads: RefCell::default() }
    }

    fn spoil(&self, read: Range<u32>) {
        let mut bytes = vec![0; read.len()];
        Words::read(&self.ram.view(), read.start, &mut bytes);
        bytes.iter_mut().for_each(|byte| *byte = !*byte);
        Words::write(&self.ram.view(), read.start, &bytes);
        self.reads.borrow_mut().push(read);
    }

    /// What was read since the last time.
    fn take_reads(&self) -> Vec<Range<u32>> {
        effort::ran(self.reads.borrow().len() as u64, "reads of a session's queue, each once");
        self.reads.take()
    }
}

fn bytes_of(Word(at): Word) -> Range<u32> {
    at..at + 4
}

impl Words for Fickle {
    fn load(&self, word: Word, order: Ordering) -> u32 {
        let value = self.ram.view().load(word, order);
        self.spoil(bytes_of(word));
        value
    }

    fn store(&self, word: Word, value: u32, order: Ordering) {
        self.ram.view().store(word, value, order);
    }

    fn swap(&self, word: Word, value: u32, order: Ordering) -> u32 {
        self.reads.borrow_mut().push(bytes_of(word));
        self.ram.view().swap(word, value, order)
    }

    fn increment(&self, word: Word, order: Ordering) {
        self.ram.view().increment(word, order);
    }

    fn fence(&self) {
        self.ram.view().fence();
    }

    fn read(&self, offset: u32, out: &mut [u8]) {
        Words::read(&self.ram.view(), offset, out);
        self.spoil(offset..offset + out.len() as u32);
    }

    fn write(&self, offset: u32, bytes: &[u8]) {
        Words::write(&self.ram.view(), offset, bytes);
    }
}

#[test]
fn a_call_is_as_it_was_read() {
    let area = Fickle::new();
    let layout = QueueLayout::new(0);
    let (mut guest, mut host) = (GuestQueue::new(0), HostQueue::new(0));
    // Around the queue's end, too.
    for tag in 0..2 * u64::from(QUEUE_ENTRIES) {
        let call = Call { cmd: tag as u32, args: [tag, 2, 3, 4], link: Link::Next };
        assert!(guest.submit(&area.ram.view(), &call, tag));
        assert_eq!(host.pending(&area), Ok(1));
        assert_eq!(area.take_reads(), [bytes_of(layout.submitted())]);
        let slot = host.take(&area);
        assert_eq!((slot.call(), slot.tag), (Some(call), tag));
        let at = layout.slot(tag as u32);
        assert_eq!(area.take_reads(), std::slice::from_ref(&(at..at + SLOT_BYTES)));
        host.complete(&area, Completion { tag, ret: 0 });
        assert_eq!(area.take_reads(), []);
        assert_eq!(guest.reap(&area.ram.view()), Some(Completion { tag, ret: 0 }));
    }
}

#[test]
fn an_index_that_lies_is_named_as_it_was_read() {
    let area = Fickle::new();
    let submitted = QueueLayout::new(0).submitted();
    area.store(submitted, QUEUE_ENTRIES + 1, Ordering::Release);
    let lie = QUEUE_ENTRIES + 1;
    let bad = BadIndex { submitted: lie, taken: 0, pending: lie };
    assert_eq!(HostQueue::new(0).pending(&area), Err(bad));
    assert_eq!(area.take_reads(), [bytes_of(submitted)]);
}
