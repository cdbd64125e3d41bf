//! Sleeping until argod interrupts: spin a little, then poll.

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use argo_core::platform::Gone;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};

/// What a sleeper listens to: the attachment socket, and an eventfd for this process's own
/// threads.
pub(super) struct Bed {
    socket: OwnedFd,
    wake: OwnedFd,
}

impl Bed {
    pub(super) fn new(socket: OwnedFd) -> Result<Self, Errno> {
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { socket, wake })
    }

    /// Sleeps until an interrupt, a [`wake`](Self::wake), a signal handler or the timeout.
    pub(super) fn sleep(&self, timeout: Option<Duration>) -> Result<(), Gone> {
        // A timeout too long for the system's clock is one that never comes.
        let limit = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let listen = PollFlags::IN | PollFlags::RDHUP;
        let mut fds = [PollFd::new(&self.socket, listen), PollFd::new(&self.wake, PollFlags::IN)];
        match poll(&mut fds, limit.as_ref()) {
            Err(Errno::INTR | Errno::AGAIN | Errno::NOMEM) | Ok(0) => return Ok(()),
            Err(_) => return Err(Gone),
            Ok(_) => {}
        }
        if fds[1].revents().contains(PollFlags::IN) {
            let _ = rustix::io::read(&self.wake, &mut [0; 8]);
        }
        if fds[0].revents().is_empty() { Ok(()) } else { self.drain() }
    }

    /// Whether argod is still there. Takes no interrupt, which another thread may be about to
    /// sleep for.
    pub(super) fn check(&self) -> Result<(), Gone> {
        let mut socket = [PollFd::new(&self.socket, PollFlags::RDHUP)];
        match poll(&mut socket, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })) {
            Ok(1..) => Err(Gone),
            _ => Ok(()),
        }
    }

    /// Ends the current sleep, or else the next.
    pub(super) fn wake(&self) {
        // The counter is full only if a wake-up is pending.
        let _ = rustix::io::write(&self.wake, &1u64.to_ne_bytes());
    }

    /// Ends the attachment. A sleeper wakes.
    pub(super) fn shut(&self) {
        // Fails only if argod was quicker.
        let _ = rustix::net::shutdown(&self.socket, rustix::net::Shutdown::Both);
        self.wake();
    }

    /// Takes the interrupt that lies in the socket. There is hardly ever a second one, as one is
    /// sent for each sleep; it would end the next sleep early.
    fn drain(&self) -> Result<(), Gone> {
        match recv(&self.socket, &mut [0; 8], RecvFlags::DONTWAIT) {
            Ok((0, _)) => Err(Gone),
            Ok(_) | Err(Errno::INTR | Errno::AGAIN) => Ok(()),
            Err(_) => Err(Gone),
        }
    }
}

/// How long to look for news before sleeping: as long as it pays.
///
/// Each spin that found news doubles the next (up to the maximum), each vain one halves it; when
/// it has come down to nothing, every 64th wait tries anew.
pub(super) struct Spin {
    max_ns: u32,
    next_ns: AtomicU32,
    skipped: AtomicU32,
}

impl Spin {
    const SHORTEST_NS: u32 = 250;
    const RETRY_AFTER: u32 = 64;

    pub(super) fn new(max: Duration) -> Self {
        let max_ns = u32::try_from(max.as_nanos()).unwrap_or(u32::MAX);
        Self { max_ns, next_ns: AtomicU32::new(max_ns), skipped: AtomicU32::new(0) }
    }

    /// Looks for news for a while; whether there was some.
    pub(super) fn until(&self, news: impl Fn() -> bool) -> bool {
        if news() {
            return true;
        }
        let limit = self.limit();
        if limit == 0 {
            return false;
        }
        let start = Instant::now();
        let limit_ns = Duration::from_nanos(u64::from(limit));
        while start.elapsed() < limit_ns {
            if news() {
                self.next_ns.store(limit.saturating_mul(2).min(self.max_ns), Ordering::Relaxed);
                return true;
            }
            std::hint::spin_loop();
        }
        self.next_ns.store(limit / 2, Ordering::Relaxed);
        false
    }

    fn limit(&self) -> u32 {
        let next = self.next_ns.load(Ordering::Relaxed);
        if next >= Self::SHORTEST_NS {
            return next;
        }
        let skipped = self.skipped.fetch_add(1, Ordering::Relaxed);
        if skipped % Self::RETRY_AFTER == Self::RETRY_AFTER - 1 { self.max_ns } else { 0 }
    }
}
