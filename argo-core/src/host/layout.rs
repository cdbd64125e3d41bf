//! The control area: one session page, then the queues.
//!
//! Each word that one side writes and the other polls has a cache line of its own. Everything here
//! is writable by the guest; argod reads each word once and believes none of it.

use crate::abi::PAGE_SIZE;
use crate::host::words::Word;

/// Bytes between words of different writers.
const LINE: u32 = 64;

/// Bumped by argod after each completion and each event.
pub const SEQUENCE: Word = Word(0);
/// Set to 1 by the guest before it sleeps; taken by whoever sends the interrupt.
pub const ARMED: Word = Word(LINE);
/// How often `VIRQ_ARGO` was raised.
pub const VIRQS: Word = Word(2 * LINE);
/// How often a wait of the domain was dropped together with the ring.
pub const WAITS_LOST: Word = Word(2 * LINE + 4);
/// How often somebody began to wait for space in one of the domain's rings, or waited still while a
/// message came.
pub const SPACE_WANTED: Word = Word(2 * LINE + 8);
/// How often rings that others had for the domain alone went.
pub const PEERS_GONE: Word = Word(2 * LINE + 12);
/// How often rings of the domain were taken away, and not by its wish.
pub const RINGS_CUT: Word = Word(2 * LINE + 16);
/// Set to 1 by argod before it stops watching the queues; taken by the guest that rings.
pub const DOORBELL_ARMED: Word = Word(3 * LINE);

/// Entries of a submission queue, and of its completion queue. A power of two.
pub const QUEUE_ENTRIES: u32 = 256;
/// Queues a session may ask for.
pub const QUEUES_MAX: u32 = 8;
/// Bytes of a submission slot.
pub const SLOT_BYTES: u32 = 64;
/// Bytes of a completion.
pub const COMPLETION_BYTES: u32 = 16;

const COMPLETIONS_OFFSET: u32 = PAGE_SIZE;
const SLOTS_OFFSET: u32 = COMPLETIONS_OFFSET + QUEUE_ENTRIES * COMPLETION_BYTES;
const QUEUE_BYTES: u32 = SLOTS_OFFSET + QUEUE_ENTRIES * SLOT_BYTES;

const _: () = {
    assert!(QUEUE_ENTRIES.is_power_of_two());
    assert!(QUEUE_BYTES.is_multiple_of(PAGE_SIZE));
};

/// Bytes of the control area of a session with that many queues (at most [`QUEUES_MAX`]).
pub const fn control_bytes(queues: u32) -> u32 {
    PAGE_SIZE.saturating_add(queues.saturating_mul(QUEUE_BYTES))
}

/// Where the words and entries of one queue lie. Indexes run free modulo 2^32.
#[derive(Clone, Copy, Debug)]
pub struct QueueLayout {
    base: u32,
}

impl QueueLayout {
    /// The queue with this number, below [`QUEUES_MAX`].
    pub const fn new(queue: u32) -> Self {
        Self { base: control_bytes(queue) }
    }

    /// One past the last submission: the guest's.
    pub const fn submitted(self) -> Word {
        Word(self.base)
    }

    /// One past the last submission that argod has read: argod's.
    pub const fn taken(self) -> Word {
        Word(self.base.saturating_add(LINE))
    }

    /// One past the last completion: argod's.
    pub const fn completed(self) -> Word {
        Word(self.base.saturating_add(2 * LINE))
    }

    /// How long the next wait of a virtual machine that names this queue may take, in microseconds;
    /// 0: no limit. The guest's. Sessions have no such waits.
    pub const fn patience(self) -> Word {
        Word(self.base.saturating_add(3 * LINE))
    }

    /// Where submission number `index` lies.
    pub const fn slot(self, index: u32) -> u32 {
        self.entry(SLOTS_OFFSET, index, SLOT_BYTES)
    }

    /// Where completion number `index` lies.
    pub const fn completion(self, index: u32) -> u32 {
        self.entry(COMPLETIONS_OFFSET, index, COMPLETION_BYTES)
    }

    const fn entry(self, first: u32, index: u32, bytes: u32) -> u32 {
        let before = (index % QUEUE_ENTRIES).saturating_mul(bytes);
        self.base.saturating_add(first).saturating_add(before)
    }
}
