//! What others tell the reception.

use std::io;
use std::os::fd::OwnedFd;

use crossbeam_queue::{ArrayQueue, SegQueue};
use rustix::event::{EventfdFlags, eventfd};

use super::bell::Kicker;
use super::host::EndReason;
use super::session::SessionKey;

/// Something to be done by the reception. A session is in at most one notice a worker and of a kind,
/// so their number is bounded by the number of sessions.
pub enum Notice {
    /// This session is to be ended.
    End(SessionKey, EndReason),
    /// A session is slow to interrupt and needs a thread for that. Who found it out may not start one.
    Slow(Kicker),
    /// argod stops.
    Stop,
}

/// Where notices are put.
pub struct Notices {
    wake: OwnedFd,
    /// Whoever puts a notice takes no memory for it as long as there is room here.
    waiting: ArrayQueue<Notice>,
    more: SegQueue<Notice>,
}

/// Notices that there is room for beside those of sessions whose number is known.
const ROOM: usize = 64;
/// Notices that a session may cause: its end, a thread for its interrupts; and those of the session
/// that was in its place before.
const PER_SESSION: usize = 4;

impl Notices {
    /// None so far, and room for those of so many sessions.
    ///
    /// # Errors
    /// The system has no descriptors left.
    pub fn new(sessions: usize) -> io::Result<Self> {
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let waiting = ArrayQueue::new(ROOM + PER_SESSION * sessions);
        Ok(Self { wake, waiting, more: SegQueue::new() })
    }

    /// Becomes readable when there are some, or somebody wakes the reception.
    pub fn descriptor(&self) -> &OwnedFd {
        &self.wake
    }

    /// Tells the reception something.
    pub fn put(&self, notice: Notice) {
        if let Err(notice) = self.waiting.push(notice) {
            self.more.push(notice);
        }
        self.wake();
    }

    /// The next one, in hardly any order.
    pub fn take(&self) -> Option<Notice> {
        self.waiting.pop().or_else(|| self.more.pop())
    }

    /// Has the reception pass its loop.
    pub fn wake(&self) {
        // A full counter wakes it too.
        let _ = rustix::io::write(&self.wake, &1u64.to_ne_bytes());
    }

    /// Not to be woken by the same once more.
    pub fn woken(&self) {
        // An error means that it was read already.
        let _ = rustix::io::read(&self.wake, &mut [0; 8]);
    }
}
