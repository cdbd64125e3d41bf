//! Sleeping until argod interrupts: spin a little, then poll.

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use argo_core::platform::Gone;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use rustix::thread::sched_yield;

/// What a sleeper listens to: the attachment socket, and an eventfd for this process's own
/// threads.
pub(super) struct Bed {
    socket: OwnedFd,
    wake: OwnedFd,
    /// A wake-up was written that may not have been read yet: for who has not lain down.
    roused: AtomicBool,
}

impl Bed {
    pub(super) fn new(socket: OwnedFd) -> Result<Self, Errno> {
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { socket, wake, roused: AtomicBool::new(false) })
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
            self.rise();
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

    /// Whether a [`wake`](Self::wake) waits for the next sleep.
    pub(super) fn is_roused(&self) -> bool {
        self.roused.load(Ordering::Relaxed)
    }

    /// Takes the [`wake`](Self::wake) that there was.
    pub(super) fn rise(&self) {
        // Cleared first: a wake-up from here on is in the counter, or there to be seen.
        self.roused.store(false, Ordering::Relaxed);
        let _ = rustix::io::read(&self.wake, &mut [0; 8]);
    }

    /// Ends the current sleep, or else the next.
    pub(super) fn wake(&self) {
        self.roused.store(true, Ordering::Relaxed);
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

/// Whether to look for news before sleeping: while it pays.
///
/// Looking finds news without two switches of the processor, and costs the time for which it looks.
/// So it is done while two of three looks have found something lately; when it is not, every 64th
/// wait tries anew.
pub(super) struct Spin {
    limit: Duration,
    credit: AtomicU32,
    skipped: AtomicU32,
}

impl Spin {
    /// Credit at most: what a vain look costs, several times.
    const CREDIT_MAX: u32 = 8;
    /// What a vain look costs; a look that found news earns 1.
    const PRICE: u32 = 2;
    const RETRY_AFTER: u32 = 64;
    /// How long it looks before others are let run again.
    const STRETCH: Duration = Duration::from_micros(2);

    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, credit: AtomicU32::new(Self::CREDIT_MAX), skipped: AtomicU32::new(0) }
    }

    /// Looks for news for a while; whether there was some.
    ///
    /// Others of this processor are let run again and again: whoever sends the news, or the worker
    /// that carries it, may be one of them. What comes after the time is over was not worth it.
    pub(super) fn until(&self, news: impl Fn() -> bool) -> bool {
        if news() {
            return true;
        }
        if !self.is_worthwhile() {
            return false;
        }
        let start = Instant::now();
        let mut looked = Duration::ZERO;
        while looked < self.limit {
            sched_yield();
            let until = looked + Self::STRETCH;
            while looked < until {
                if news() {
                    self.learn(start.elapsed() < self.limit);
                    return true;
                }
                std::hint::spin_loop();
                looked = start.elapsed();
            }
        }
        self.learn(false);
        false
    }

    /// Threads that look at the same time may overwrite each other's lesson: the next is near.
    fn learn(&self, paid: bool) {
        let credit = self.credit.load(Ordering::Relaxed);
        let credit = match paid {
            true => Self::CREDIT_MAX.min(credit + 1),
            false => credit.saturating_sub(Self::PRICE),
        };
        self.credit.store(credit, Ordering::Relaxed);
    }

    fn is_worthwhile(&self) -> bool {
        if self.limit.is_zero() {
            return false;
        }
        let skip = || self.skipped.fetch_add(1, Ordering::Relaxed);
        self.credit.load(Ordering::Relaxed) > 0
            || skip() % Self::RETRY_AFTER == Self::RETRY_AFTER - 1
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const LIMIT: Duration = Duration::from_micros(1);

    /// Whether a wait without news looks for some.
    fn looks(spin: &Spin) -> bool {
        let asked = Cell::new(0);
        assert!(!spin.until(|| asked.replace(asked.get() + 1) == u32::MAX));
        // Once before it looks.
        asked.get() > 1
    }

    #[test]
    fn vain_looks_end_the_looking_but_for_a_try_now_and_then() {
        let spin = Spin::new(LIMIT);
        let first = (0..Spin::RETRY_AFTER).filter(|_| looks(&spin)).count();
        assert_eq!(first, (Spin::CREDIT_MAX / Spin::PRICE) as usize);
        let later = (0..10 * Spin::RETRY_AFTER).filter(|_| looks(&spin)).count();
        assert_eq!(later, 10);
    }

    #[test]
    fn a_limit_of_zero_is_never() {
        let spin = Spin::new(Duration::ZERO);
        assert!((0..2 * Spin::RETRY_AFTER).all(|_| !looks(&spin)));
    }

    #[test]
    fn who_is_roused_before_lying_down_is_so_once() {
        let flags = rustix::net::SocketFlags::CLOEXEC;
        let (socket, _argod) = rustix::net::socketpair(
            rustix::net::AddressFamily::UNIX,
            rustix::net::SocketType::SEQPACKET,
            flags,
            None,
        )
        .unwrap();
        let bed = Bed::new(socket).unwrap();
        bed.wake();
        assert!(bed.is_roused());
        bed.rise();
        assert!(!bed.is_roused());
        assert_eq!(rustix::io::read(&bed.wake, &mut [0; 8]), Err(Errno::AGAIN));
    }
}
