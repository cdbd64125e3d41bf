//! One port, whose events are counted for all who wait.

use core::sync::atomic::{AtomicU32, Ordering};
use core::task::{Context, Poll};
use core::time::Duration;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use argo_guest::services::{Channel, Pending};

use super::bed::{Alarm, Polled};
use super::fault::fault;
use super::tasks::Tasks;
use crate::platform::sleepers::Sleepers;
use crate::platform::{AsyncEventChannel, Cause, EventChannel, Fault, Port, Waiter, Wake};

/// A port of a domain of argod.
///
/// Its descriptor ([`AsFd`]) is readable while an event has not been counted yet, and from the end
/// of the channel on; do not read it.
pub struct HostChannel {
    channel: Channel,
    counted: AtomicU32,
    sleepers: Sleepers,
    alarm: Alarm,
    tasks: Tasks,
}

impl HostChannel {
    pub(super) fn new(channel: Channel) -> Result<HostChannel, Fault> {
        let alarm = Alarm::new().map_err(|errno| fault(errno.into()))?;
        let (counted, sleepers) = (AtomicU32::new(0), Sleepers::default());
        Ok(HostChannel { channel, counted, sleepers, alarm, tasks: Tasks::default() })
    }

    fn bed(&self) -> Polled<'_> {
        Polled { channel: &self.channel, alarm: &self.alarm }
    }

    /// Counts a pending event, if there is one. `Ok(false)`: nothing new after `seen`.
    fn look(&self, seen: u32) -> Result<bool, Fault> {
        if self.seen() != seen {
            return Ok(true);
        }
        match self.channel.take() {
            Pending::Notified => {
                self.interrupt();
                Ok(true)
            }
            Pending::Nothing => Ok(self.seen() != seen),
            // Another thread may have counted the last event just now.
            Pending::Ended if self.seen() != seen => Ok(true),
            Pending::Ended => Err(ended()),
        }
    }
}

impl EventChannel for HostChannel {
    fn port(&self) -> Port {
        Port(self.channel.port())
    }

    fn notify(&self) -> Result<(), Fault> {
        self.channel.notify();
        Ok(())
    }

    fn seen(&self) -> u32 {
        self.counted.load(Ordering::Acquire)
    }

    fn wait(&self, seen: u32, timeout: Option<Duration>) -> Result<Wake, Fault> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            if self.look(seen)? {
                return Ok(Wake::Event);
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Ok(Wake::TimedOut);
            }
            let slept = self.sleepers.sleep(&self.bed(), deadline, || self.seen() == seen);
            slept.map_err(|errno| fault(errno.into()))?;
        }
    }

    fn interrupt(&self) {
        // Before those who wait are woken; pairs with the Acquire in `seen`.
        self.counted.fetch_add(1, Ordering::Release);
        self.sleepers.wake(&self.bed());
        self.tasks.wake();
    }
}

impl AsyncEventChannel for HostChannel {
    fn poll_event(
        &self,
        waiter: Waiter,
        seen: u32,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Fault>> {
        self.tasks.register(waiter, context.waker());
        loop {
            // After the registration: an event counted from here on wakes the task.
            if self.look(seen)? {
                return Poll::Ready(Ok(()));
            }
            let readable = self.tasks.poll_readable(self.as_fd());
            match readable.map_err(|errno| fault(errno.into()))? {
                Poll::Ready(()) => {}
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

impl AsFd for HostChannel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.channel.as_fd()
    }
}

fn ended() -> Fault {
    Fault::new(Cause::Ended, "the other domain has closed its port")
}
