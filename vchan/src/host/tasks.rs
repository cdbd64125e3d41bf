//! Tasks that wait for a descriptor to be readable: one that reads, one that writes.

use core::task::{Context, Poll, Waker};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::{Arc, OnceLock};
use std::task::Wake;

use async_io::Async;
use futures::task::AtomicWaker;
use rustix::io::Errno;

use crate::platform::Waiter;

#[derive(Default)]
pub(super) struct Tasks {
    wakers: Arc<Wakers>,
    /// From the first task on: the descriptor again, as async-io's reactor watches it.
    watched: OnceLock<Async<OwnedFd>>,
}

#[derive(Default)]
struct Wakers {
    reader: AtomicWaker,
    writer: AtomicWaker,
}

impl Tasks {
    pub(super) fn register(&self, waiter: Waiter, waker: &Waker) {
        match waiter {
            Waiter::Read => self.wakers.reader.register(waker),
            Waiter::Write => self.wakers.writer.register(waker),
        }
    }

    pub(super) fn wake(&self) {
        self.wakers.reader.wake();
        self.wakers.writer.wake();
    }

    /// Whether the descriptor may be readable; if not, both tasks are woken when it is.
    pub(super) fn poll_readable(&self, fd: BorrowedFd<'_>) -> Result<Poll<()>, Errno> {
        let waker = Waker::from(Arc::clone(&self.wakers));
        match self.watched(fd)?.poll_readable(&mut Context::from_waker(&waker)) {
            Poll::Ready(Ok(())) => Ok(Poll::Ready(())),
            Poll::Ready(Err(error)) => Err(errno(&error)),
            Poll::Pending => Ok(Poll::Pending),
        }
    }

    fn watched(&self, fd: BorrowedFd<'_>) -> Result<&Async<OwnedFd>, Errno> {
        if let Some(watched) = self.watched.get() {
            return Ok(watched);
        }
        let again = fd.try_clone_to_owned().map_err(|error| errno(&error))?;
        let watched = Async::new_nonblocking(again).map_err(|error| errno(&error))?;
        Ok(self.watched.get_or_init(|| watched))
    }
}

impl Wake for Wakers {
    fn wake(self: Arc<Self>) {
        self.reader.wake();
        self.writer.wake();
    }
}

fn errno(error: &std::io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}
