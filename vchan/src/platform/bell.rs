//! Events as a count, with the threads and tasks that wait for the next one.

use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::sync::PoisonError;
use std::time::Instant;

use super::{Fault, Waiter, Wake};
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::sync::{Condvar, Mutex, MutexGuard};

/// The waiting side of an [`EventChannel`](super::EventChannel), for platforms with std: a counter
/// that threads and tasks can wait on.
#[derive(Debug, Default)]
pub struct Bell {
    seen: AtomicU32,
    waiting: Mutex<Waiting>,
    rung: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    ended: Option<Fault>,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Waiting {
    fn slot(&mut self, waiter: Waiter) -> &mut Option<Waker> {
        match waiter {
            Waiter::Read => &mut self.reader,
            Waiter::Write => &mut self.writer,
        }
    }
}

impl Bell {
    /// How many events were counted, modulo 2^32.
    pub fn seen(&self) -> u32 {
        self.seen.load(Ordering::SeqCst)
    }

    /// Counts an event and wakes all who wait.
    pub fn ring(&self) {
        self.seen.fetch_add(1, Ordering::SeqCst);
        self.wake();
    }

    /// No event will come after those that were counted. The first reason stays.
    pub fn end(&self, fault: Fault) {
        self.lock().ended.get_or_insert(fault);
        self.wake();
    }

    /// As [`EventChannel::wait`](super::EventChannel::wait).
    ///
    /// # Errors
    /// The bell has [ended](Self::end).
    pub fn wait(&self, seen: u32, timeout: Option<Duration>) -> Result<Wake, Fault> {
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut waiting = self.lock();
        loop {
            if self.seen() != seen {
                return Ok(Wake::Event);
            }
            if let Some(fault) = &waiting.ended {
                return Err(fault.clone());
            }
            waiting = match until.map(|until| until.saturating_duration_since(Instant::now())) {
                Some(Duration::ZERO) => return Ok(Wake::TimedOut),
                Some(left) => {
                    self.rung.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.rung.wait(waiting).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// As [`AsyncEventChannel::poll_event`](super::AsyncEventChannel::poll_event).
    ///
    /// # Errors
    /// The bell has [ended](Self::end).
    pub fn poll(
        &self,
        waiter: Waiter,
        seen: u32,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Fault>> {
        let mut waiting = self.lock();
        if self.seen() != seen {
            return Poll::Ready(Ok(()));
        }
        if let Some(fault) = &waiting.ended {
            return Poll::Ready(Err(fault.clone()));
        }
        waiting.slot(waiter).replace(context.waker().clone());
        Poll::Pending
    }

    /// The count was raised before the lock is taken: who holds it and has not seen that yet is
    /// asleep when it lets go, and is woken.
    fn wake(&self) {
        let mut waiting = self.lock();
        let wakers = [waiting.reader.take(), waiting.writer.take()];
        self.rung.notify_all();
        drop(waiting);
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
