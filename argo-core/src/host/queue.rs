//! Submissions and completions: single-producer, single-consumer queues in the control area.
//!
//! The guest keeps at most [`QUEUE_ENTRIES`] calls in flight, counted from submission to the
//! moment it reaps the completion, so completions always have room. A guest that breaks this
//! overwrites its own completions and nothing else.

use core::sync::atomic::Ordering;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::layout::{COMPLETION_BYTES, QUEUE_ENTRIES, QueueLayout, SLOT_BYTES};
use super::words::Words;
use crate::platform::{Call, Link, Tag};

/// A submitted hypercall in shared memory.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Slot {
    /// The operation's number.
    pub cmd: u32,
    /// [`LINK`] or 0; other bits are refused with `EINVAL`.
    pub flags: u32,
    /// Returned with the result.
    pub tag: u64,
    /// The arguments.
    pub args: [u64; 4],
    /// Must be zero.
    pub reserved: [u64; 2],
}

/// In [`Slot::flags`]: if this call fails, the next is not executed ([`Link::Next`]).
pub const LINK: u32 = 1;

/// A result in shared memory.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Completion {
    /// The call's tag.
    pub tag: u64,
    /// What the hypercall returned.
    pub ret: i64,
}

const _: () = {
    assert!(size_of::<Slot>() == SLOT_BYTES as usize);
    assert!(size_of::<Completion>() == COMPLETION_BYTES as usize);
};

impl Slot {
    /// The slot that submits this call.
    pub fn new(call: &Call, tag: Tag) -> Self {
        let flags = match call.link {
            Link::None => 0,
            Link::Next => LINK,
        };
        Self { cmd: call.cmd, flags, tag, args: call.args, reserved: [0; 2] }
    }

    /// The call in the slot; `None` if it has flags or reserved bits that this version does not
    /// know.
    pub fn call(&self) -> Option<Call> {
        let link = match self.flags {
            0 => Link::None,
            LINK => Link::Next,
            _ => return None,
        };
        let known = self.reserved == [0; 2];
        known.then_some(Call { cmd: self.cmd, args: self.args, link })
    }
}

/// The guest's end of one queue.
#[derive(Debug)]
pub struct GuestQueue {
    layout: QueueLayout,
    submitted: u32,
    reaped: u32,
}

impl GuestQueue {
    /// The queue with this number in a fresh session.
    pub fn new(queue: u32) -> Self {
        Self { layout: QueueLayout::new(queue), submitted: 0, reaped: 0 }
    }

    /// Calls submitted and not yet reaped.
    pub fn in_flight(&self) -> u32 {
        self.submitted.wrapping_sub(self.reaped)
    }

    /// Puts a call into the queue; it is visible to argod once this returns. `false`: too many are
    /// in flight. Ask [`doorbell`](super::wake::doorbell) after the last of several.
    #[must_use]
    pub fn submit(&mut self, words: &impl Words, call: &Call, tag: Tag) -> bool {
        if self.in_flight() >= QUEUE_ENTRIES {
            return false;
        }
        words.write(self.layout.slot(self.submitted), Slot::new(call, tag).as_bytes());
        self.submitted = self.submitted.wrapping_add(1);
        // Release: the slot is written before argod sees the index.
        words.store(self.layout.submitted(), self.submitted, Ordering::Release);
        true
    }

    /// Takes the next completion, if one has come.
    pub fn reap(&mut self, words: &impl Words) -> Option<Completion> {
        // Acquire: pairs with the Release in `HostQueue::publish`.
        let completed = words.load(self.layout.completed(), Ordering::Acquire);
        if completed == self.reaped || self.in_flight() == 0 {
            return None;
        }
        let mut completion = Completion::default();
        words.read(self.layout.completion(self.reaped), completion.as_mut_bytes());
        self.reaped = self.reaped.wrapping_add(1);
        Some(completion)
    }
}

/// argod's end of one queue. It trusts nothing in the queue but its own indexes.
#[derive(Debug)]
pub struct HostQueue {
    layout: QueueLayout,
    taken: u32,
    completed: u32,
}

/// The guest's index lies: it claims more submissions than the queue has entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("submission index {submitted} is {pending} ahead of {taken}: at most {QUEUE_ENTRIES}")]
pub struct BadIndex {
    /// The index that was seen.
    pub submitted: u32,
    /// Up to where argod has read.
    pub taken: u32,
    /// The difference.
    pub pending: u32,
}

impl HostQueue {
    /// The queue with this number in a fresh session.
    pub fn new(queue: u32) -> Self {
        Self { layout: QueueLayout::new(queue), taken: 0, completed: 0 }
    }

    /// Up to where submissions were taken.
    pub fn taken(&self) -> u32 {
        self.taken
    }

    /// How many submissions wait.
    ///
    /// # Errors
    /// [`BadIndex`]: the session broke the protocol and is to be ended.
    pub fn pending(&self, words: &impl Words) -> Result<u32, BadIndex> {
        // Acquire: pairs with the Release in `GuestQueue::submit`.
        let submitted = words.load(self.layout.submitted(), Ordering::Acquire);
        let pending = submitted.wrapping_sub(self.taken);
        if pending > QUEUE_ENTRIES {
            return Err(BadIndex { submitted, taken: self.taken, pending });
        }
        Ok(pending)
    }

    /// Takes the next submission: one copy of its bytes, which the guest may be changing. Call it
    /// only while [`pending`](Self::pending) said that there is one.
    pub fn take(&mut self, words: &impl Words) -> Slot {
        let mut slot = Slot::default();
        words.read(self.layout.slot(self.taken), slot.as_mut_bytes());
        self.taken = self.taken.wrapping_add(1);
        words.store(self.layout.taken(), self.taken, Ordering::Relaxed);
        slot
    }

    /// Posts a result. Raise [`Event::Completion`](super::wake::Event) after the last of several.
    pub fn complete(&mut self, words: &impl Words, completion: Completion) {
        self.post(words, completion);
        self.publish(words);
    }

    /// Writes a result down, which the guest does not see before [`publish`](Self::publish).
    pub fn post(&mut self, words: &impl Words, completion: Completion) {
        words.write(self.layout.completion(self.completed), completion.as_bytes());
        self.completed = self.completed.wrapping_add(1);
    }

    /// Shows the guest the results that were posted.
    pub fn publish(&self, words: &impl Words) {
        // Release: the entries are written before the guest sees the index.
        words.store(self.layout.completed(), self.completed, Ordering::Release);
    }
}
