//! The seam to one event channel.

use core::task::{Context, Poll};
use core::time::Duration;

use super::{Fault, Port};

/// One port.
///
/// Events are counted, so that several threads and tasks can wait on one port and none takes an
/// event away from another: who wants to wait reads [`seen`](Self::seen), looks whether there is
/// something to do, and if not waits for an event *after* that count. Several events may be counted
/// as one; an event may be counted though nothing happened.
pub trait EventChannel: Send + Sync {
    /// Its number in this domain.
    fn port(&self) -> Port;

    /// Signals the other side. Never waits; a port whose other side is not there takes it and does
    /// nothing.
    ///
    /// # Errors
    /// The platform has gone.
    fn notify(&self) -> Result<(), Fault>;

    /// How many events were counted so far, modulo 2^32. Costs no system call, and therefore need
    /// not know yet of an event that nobody has waited for.
    fn seen(&self) -> u32;

    /// Waits until an event after the count `seen` has come. What happened before the other side's
    /// [`notify`](Self::notify) is visible afterwards. With `Duration::ZERO` it does not wait but
    /// only looks; with `None` it waits without limit.
    ///
    /// # Errors
    /// No event will come any more: the other side has closed its port for ever, or the platform
    /// has gone. Events that came before are counted first.
    fn wait(&self, seen: u32, timeout: Option<Duration>) -> Result<Wake, Fault>;

    /// Counts an event on this side, as if the other had signalled: who waits here goes on.
    fn interrupt(&self);
}

/// Why a wait is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// There was an event.
    Event,
    /// The time was over.
    TimedOut,
}

/// Who waits in a task: one task for each at most, the last one that polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiter {
    /// Who reads.
    Read,
    /// Who writes.
    Write,
}

/// A port that tasks can wait on.
pub trait AsyncEventChannel: EventChannel {
    /// Ready when an event after the count `seen` has come; else the task is woken by the next one.
    /// A task that goes away without having been woken leaves nothing but a waker.
    ///
    /// # Errors
    /// As [`EventChannel::wait`].
    fn poll_event(
        &self,
        waiter: Waiter,
        seen: u32,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Fault>>;
}
