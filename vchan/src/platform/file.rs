//! Events that come over a file descriptor.

use alloc::string::ToString;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::Errno;

use super::{Bell, Cause, Fault, Wake};

/// A file that is readable when an event is pending.
pub trait EventFile: AsFd + Send + Sync + 'static {
    /// Takes all pending events without waiting; whether there were any.
    ///
    /// # Errors
    /// No event will come any more.
    fn take(&self) -> Result<bool, Fault>;
}

/// The waiting side of an [`EventChannel`](super::EventChannel) whose events come over a file: any
/// number of threads and tasks can wait.
///
/// Of the threads that wait, one sleeps on the file and the others on it: a [`Bell`] that it rings.
pub struct FileEvents<F> {
    pub(super) shared: Arc<Shared<F>>,
    #[cfg(feature = "host")]
    pub(super) reactor: std::sync::OnceLock<async_io::Async<OwnedFd>>,
}

pub(super) struct Shared<F> {
    pub(super) bell: Bell,
    pub(super) file: F,
    /// Whether a thread sleeps on the file.
    led: AtomicBool,
    /// Wakes that thread from this side.
    poke: OwnedFd,
}

impl<F: EventFile> FileEvents<F> {
    /// Waits on this file.
    ///
    /// # Errors
    /// There is no descriptor left for what wakes a waiting thread from this side.
    pub fn new(file: F) -> Result<FileEvents<F>, Fault> {
        let poke = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map_err(system)?;
        let shared = Shared { bell: Bell::default(), file, led: AtomicBool::new(false), poke };
        Ok(FileEvents {
            shared: Arc::new(shared),
            #[cfg(feature = "host")]
            reactor: std::sync::OnceLock::new(),
        })
    }

    /// The file.
    pub fn file(&self) -> &F {
        &self.shared.file
    }

    /// As [`EventChannel::seen`](super::EventChannel::seen).
    pub fn seen(&self) -> u32 {
        self.shared.bell.seen()
    }

    /// As [`EventChannel::wait`](super::EventChannel::wait).
    ///
    /// # Errors
    /// No event will come any more.
    pub fn wait(&self, seen: u32, timeout: Option<Duration>) -> Result<Wake, Fault> {
        let Shared { bell, led, .. } = &*self.shared;
        if bell.seen() != seen {
            return Ok(Wake::Event);
        }
        if led.swap(true, Ordering::SeqCst) {
            // The one that leads rings when it stops, so that another can take its place.
            return bell.wait(seen, timeout);
        }
        // Pairs with `interrupt`: either the count is seen here, or there that the file is slept on.
        if bell.seen() == seen && timeout != Some(Duration::ZERO) {
            self.shared.sleep(timeout);
        }
        let ended = self.shared.collect();
        let woken = bell.seen() != seen;
        led.store(false, Ordering::SeqCst);
        // Who came to wait meanwhile waits for the bell: one of them goes to the file next.
        bell.ring();
        match woken {
            true => Ok(Wake::Event),
            false => ended.map(|()| Wake::TimedOut),
        }
    }

    /// As [`EventChannel::interrupt`](super::EventChannel::interrupt).
    pub fn interrupt(&self) {
        self.shared.bell.ring();
        if self.shared.led.load(Ordering::SeqCst) {
            // Full means that it is woken already.
            let _woken = rustix::io::write(&self.shared.poke, &1u64.to_ne_bytes());
        }
    }
}

impl<F: EventFile> Shared<F> {
    /// Counts what is pending. The count is raised before anybody else can go to sleep on the file.
    pub(super) fn collect(&self) -> Result<(), Fault> {
        match self.file.take() {
            Ok(true) => self.bell.ring(),
            Ok(false) => {}
            Err(fault) => {
                self.bell.end(fault.clone());
                return Err(fault);
            }
        }
        Ok(())
    }

    /// Sleeps until the file is readable, somebody pokes, a signal handler ran or the time is over.
    fn sleep(&self, timeout: Option<Duration>) {
        let files =
            &mut [PollFd::new(&self.file, PollFlags::IN), PollFd::new(&self.poke, PollFlags::IN)];
        // A time that the system cannot express is one that nobody lives to see.
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let _counted_afterwards = poll(files, timeout.as_ref());
        if !files[1].revents().is_empty() {
            let _drained = rustix::io::read(&self.poke, &mut [0; 8]);
        }
    }
}

impl<F: EventFile> AsFd for FileEvents<F> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.shared.file.as_fd()
    }
}

fn system(errno: Errno) -> Fault {
    Fault::new(Cause::Failed, std::io::Error::from(errno).to_string())
}
