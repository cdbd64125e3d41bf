//! What others tell the reception.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, unbounded};
use rustix::event::{EventfdFlags, eventfd};

use super::bell::Kicker;
use super::host::EndReason;
use super::session::{Session, SessionKey};

/// Something to be done by the reception. A session is in at most one notice a worker and of a kind,
/// so their number is bounded by the number of sessions.
pub enum Notice {
    /// This session is to be ended.
    End(SessionKey, EndReason),
    /// This session has ended; drop it.
    Discard(Arc<Session>),
    /// A session is slow to interrupt and needs a thread for that. Who found it out may not start one.
    Slow(Kicker),
    /// argod stops.
    Stop,
}

/// Where notices are put.
pub struct Notices {
    wake: OwnedFd,
    sender: Sender<Notice>,
}

impl Notices {
    /// None so far, and where they come out.
    ///
    /// # Errors
    /// The system has no descriptors left.
    pub fn new() -> io::Result<(Self, Receiver<Notice>)> {
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let (sender, receiver) = unbounded();
        Ok((Self { wake, sender }, receiver))
    }

    /// Becomes readable when there are some, or somebody wakes the reception.
    pub fn descriptor(&self) -> &OwnedFd {
        &self.wake
    }

    /// Tells the reception something.
    pub fn put(&self, notice: Notice) {
        // An error means that argod stops, and the reception is gone.
        let _ = self.sender.send(notice);
        self.wake();
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
