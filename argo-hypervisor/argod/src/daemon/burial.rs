//! Memory of ended sessions: whether somebody still holds it.
//!
//! A descriptor or a mapping that leaked out of a session cannot be taken back, so RAM is never
//! used again; and a domain gets new RAM only as old RAM is let go, or a guest could hold any
//! amount by attaching and dying in a loop; for what argod itself still has, who attaches waits a moment. Linux grants a write lease on a file only while nobody
//! else has opened it for writing: that is the question asked here.
//!
//! The descriptor that `memfd_create` makes does not count as such an open. So the guest is passed
//! one that was opened again, and a third is kept for the question.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::{Arc, Weak};
use std::time::Duration;

use argo_mem::Mapping;
use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;
use rustix::fs::{Mode, OFlags, open};

use super::host::Host;
use super::meter::Work;
use super::processor::Stopwatch;
use super::session::Session;
use super::sockopt::try_write_lease;

/// Between two looks at memory that is still held.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The RAM of a session that is over, or will be.
pub struct Buried {
    fd: OwnedFd,
    mapping: Weak<Mapping>,
}

impl Buried {
    /// Prepares the question for a memfd of which the guest gets what [`reopen`] gives.
    ///
    /// # Errors
    /// As [`reopen`].
    pub fn prepare(memfd: impl AsFd, mapping: Weak<Mapping>) -> rustix::io::Result<Self> {
        Ok(Self { fd: reopen(memfd)?, mapping })
    }

    /// Whether somebody still has the memory: argod itself, or a process that kept a descriptor or a
    /// mapping.
    pub fn is_held(&self) -> bool {
        self.is_held_here() || !try_write_lease(&self.fd)
    }

    /// Whether argod has it: a call is being finished, or the undertaker has not come to it.
    pub fn is_held_here(&self) -> bool {
        self.mapping.strong_count() > 0
    }
}

/// Has memory of ended sessions given back as soon as nobody holds it, by a thread of its own:
/// freeing pages takes long.
pub struct Undertaker {
    /// Sessions that a worker was not done with when they ended. It shall not be the last to let go:
    /// that unmaps their memory.
    ended: Mutex<Vec<Arc<Session>>>,
    call: Sender<()>,
    called: Receiver<()>,
}

impl Default for Undertaker {
    fn default() -> Self {
        let (call, called) = bounded(1);
        Self { ended: Mutex::default(), call, called }
    }
}

impl Undertaker {
    /// Takes a session that has ended, and lets it go once nobody else works with it.
    pub fn receive(&self, session: Arc<Session>) {
        if let Err(session) = Arc::try_unwrap(session) {
            self.ended.lock().push(session);
        }
        self.call();
    }

    /// Lets ended sessions go that nobody else has. `true`: there are others.
    fn dismiss(&self, stopwatch: &mut Stopwatch) -> bool {
        let mut ended = self.ended.lock();
        // Of these nobody can become one more.
        let alone = |session: &mut Arc<Session>| Arc::strong_count(session) == 1;
        let gone: Vec<_> = ended.extract_if(.., alone).collect();
        let others = !ended.is_empty();
        drop(ended);
        for session in gone {
            let domain = session.domain.clone();
            drop(session);
            domain.meter().add_time(Work::Endings, stopwatch.lap());
        }
        others
    }

    /// Has it look soon.
    pub fn call(&self) {
        // Full: it has been called and has not looked yet.
        let _ = self.call.try_send(());
    }

    /// Works until argod stops.
    pub fn run(&self, host: &Host) {
        let mut stopwatch = Stopwatch::start();
        while !host.is_stopping() {
            let mut wanted = self.dismiss(&mut stopwatch);
            for domain in host.domains().iter().filter(|domain| domain.wants_the_undertaker()) {
                wanted |= domain.sweep() | !domain.restock();
                domain.meter().add_time(Work::Endings, stopwatch.lap());
            }
            // Called or not, there is a reason to look.
            let _ = match wanted {
                false => self.called.recv().ok(),
                true => self.called.recv_timeout(LOOK_EVERY).ok(),
            };
        }
    }
}

/// Opens a memfd again, as an open that leases count.
///
/// # Errors
/// No descriptors are left, or /proc is not there.
pub fn reopen(memfd: impl AsFd) -> rustix::io::Result<OwnedFd> {
    let path = format!("/proc/self/fd/{}", memfd.as_fd().as_raw_fd());
    open(path, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())
}
