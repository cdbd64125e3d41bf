//! Threads that sleep until a descriptor is readable, of which one alone polls it.
//!
//! Whoever takes what made it readable would leave the others asleep. So one polls for all, and who
//! takes something wakes it, by a second descriptor, and the rest.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::Errno;

pub(super) struct Sleepers {
    polling: Mutex<Polling>,
    changed: Condvar,
    wake: OwnedFd,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Polling {
    Nobody,
    Somebody,
}

impl Sleepers {
    pub(super) fn new() -> Result<Sleepers, Errno> {
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Sleepers { polling: Mutex::new(Polling::Nobody), changed: Condvar::new(), wake })
    }

    /// Sleeps while `still` holds: until a [`wake`](Self::wake), the deadline, or the descriptor is
    /// readable. May return early.
    pub(super) fn sleep(
        &self,
        fd: BorrowedFd<'_>,
        deadline: Option<Instant>,
        still: impl Fn() -> bool,
    ) -> Result<(), Errno> {
        let mut polling = self.lock();
        // Under the lock, which a wake takes after the change.
        if !still() {
            return Ok(());
        }
        if *polling == Polling::Somebody {
            self.follow(polling, deadline);
            return Ok(());
        }
        *polling = Polling::Somebody;
        drop(polling);
        let slept = self.poll(fd, deadline);
        *self.lock() = Polling::Nobody;
        // One of them polls from here on.
        self.changed.notify_all();
        slept
    }

    /// Wakes all. Called after the change that they wait for.
    pub(super) fn wake(&self) {
        if *self.lock() == Polling::Somebody {
            // The counter is full only if a wake-up is pending.
            let _ = rustix::io::write(&self.wake, &1u64.to_ne_bytes());
        }
        self.changed.notify_all();
    }

    fn follow(&self, polling: MutexGuard<'_, Polling>, deadline: Option<Instant>) {
        let Some(deadline) = deadline else {
            drop(self.changed.wait(polling));
            return;
        };
        let left = deadline.saturating_duration_since(Instant::now());
        drop(self.changed.wait_timeout(polling, left));
    }

    fn poll(&self, fd: BorrowedFd<'_>, deadline: Option<Instant>) -> Result<(), Errno> {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        // A timeout too long for the system's clock is one that never comes.
        let limit = left.and_then(|left| Timespec::try_from(left).ok());
        let mut fds =
            [PollFd::from_borrowed_fd(fd, PollFlags::IN), PollFd::new(&self.wake, PollFlags::IN)];
        match poll(&mut fds, limit.as_ref()) {
            Ok(_) | Err(Errno::INTR | Errno::AGAIN) => {}
            Err(errno) => return Err(errno),
        }
        if !fds[1].revents().is_empty() {
            // Empty only if another took it.
            let _ = rustix::io::read(&self.wake, &mut [0; 8]);
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Polling> {
        self.polling.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
