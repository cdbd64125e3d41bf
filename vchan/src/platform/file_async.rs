//! Tasks that wait for a file's events, woken by the reactor of `async-io`: a thread of its own,
//! so that no runtime is needed and any will do.

use alloc::string::ToString;
use core::task::{Context, Poll, Waker};
use std::sync::Arc;
use std::task::Wake;

use async_io::Async;

use super::file::Shared;
use super::{Cause, EventFile, Fault, FileEvents, Waiter};

impl<F: EventFile> FileEvents<F> {
    /// As [`AsyncEventChannel::poll_event`](super::AsyncEventChannel::poll_event).
    ///
    /// # Errors
    /// No event will come any more, or the reactor cannot watch the file.
    pub fn poll(
        &self,
        waiter: Waiter,
        seen: u32,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Fault>> {
        let bell = &self.shared.bell;
        if let Poll::Ready(ready) = bell.poll(waiter, seen, context) {
            return Poll::Ready(ready);
        }
        // The reactor wakes the bell, which wakes the tasks: it knows of one waker only.
        let waker = Waker::from(Arc::clone(&self.shared));
        match self.reactor()?.poll_readable(&mut Context::from_waker(&waker)) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(_readable) => {
                self.shared.collect()?;
                bell.ring();
                Poll::Ready(Ok(()))
            }
        }
    }

    fn reactor(&self) -> Result<&Async<std::os::fd::OwnedFd>, Fault> {
        let failed = |error: std::io::Error| Fault::new(Cause::Failed, error.to_string());
        if let Some(reactor) = self.reactor.get() {
            return Ok(reactor);
        }
        let file = self.shared.file.as_fd().try_clone_to_owned().map_err(failed)?;
        let made = Async::new_nonblocking(file).map_err(failed)?;
        Ok(self.reactor.get_or_init(|| made))
    }
}

impl<F: EventFile> Wake for Shared<F> {
    fn wake(self: Arc<Self>) {
        // An end is told by the bell.
        let _told = self.collect();
        // Also when another thread has taken the events: the tasks must ask the reactor again.
        self.bell.ring();
    }
}
