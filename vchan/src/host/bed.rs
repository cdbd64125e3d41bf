//! Sleeping until a descriptor is readable.

use std::os::fd::{AsFd, OwnedFd};
use std::time::Instant;

use argo_guest::services::Channel;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::Errno;

use crate::platform::sleepers::Bed;

/// A second descriptor, which ends the sleep.
pub(super) struct Alarm(OwnedFd);

impl Alarm {
    pub(super) fn new() -> Result<Alarm, Errno> {
        Ok(Alarm(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?))
    }
}

/// A port's descriptor with its alarm.
pub(super) struct Polled<'c> {
    pub(super) channel: &'c Channel,
    pub(super) alarm: &'c Alarm,
}

impl Bed for Polled<'_> {
    type Error = Errno;

    fn sleep(&self, deadline: Option<Instant>) -> Result<(), Errno> {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        // A timeout too long for the system's clock is one that never comes.
        let limit = left.and_then(|left| Timespec::try_from(left).ok());
        let alarm = &self.alarm.0;
        let readable = |fd| PollFd::from_borrowed_fd(fd, PollFlags::IN);
        let mut fds: [PollFd<'_>; 2] = [self.channel.as_fd(), alarm.as_fd()].map(readable);
        match poll(&mut fds, limit.as_ref()) {
            Ok(_) | Err(Errno::INTR | Errno::AGAIN) => {}
            Err(errno) => return Err(errno),
        }
        if !fds[1].revents().is_empty() {
            // Empty only if another took it.
            let _ = rustix::io::read(alarm, &mut [0; 8]);
        }
        Ok(())
    }

    fn rouse(&self) {
        // The counter is full only if a wake-up is pending.
        let _ = rustix::io::write(&self.alarm.0, &1u64.to_ne_bytes());
    }
}
