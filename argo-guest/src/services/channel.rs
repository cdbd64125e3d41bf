//! An event channel's end.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use argo_core::host::services::{Handle, Op};
use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};

use super::connection::Connection;
use super::error::RequestError;
use super::memory::{head, the_only};
use super::packet::ready;
use super::told::Told;

/// What was pending at a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pending {
    /// Nothing.
    Nothing,
    /// A notification. It has been taken.
    Notified,
    /// The other domain has closed the port that this one was bound to. None will come any more.
    Ended,
}

/// A port of this domain, and this side's end of its channel.
///
/// Its descriptor ([`AsFd`]) is readable while a notification is pending and from the end on.
/// Dropping it closes the port.
pub struct Channel {
    told: Told,
    end: OwnedFd,
    ended: AtomicBool,
}

impl Channel {
    pub(super) fn ask(
        connection: &Arc<Connection>,
        op: Op,
        body: &[u8],
    ) -> Result<Self, RequestError> {
        let answer = connection.ask(op, body)?;
        let (Handle { number: port }, _) = head(&answer.body)?;
        // From here on the port is given back, whatever fails.
        let told = Told::new(connection, Op::CloseChannel, port);
        let end = the_only(answer.into_fds()?)?;
        Ok(Self { told, end, ended: AtomicBool::new(false) })
    }

    /// The port's number in this domain.
    pub fn port(&self) -> u32 {
        self.told.number()
    }

    /// Notifies the other side. Never waits; one that is pending already is not sent twice.
    pub fn notify(&self) {
        // Would block: one is pending. Anything else: nobody is there to be told.
        let _ = rustix::net::send(&self.end, &[1], SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
    }

    /// Takes a pending notification, without waiting.
    pub fn take(&self) -> Pending {
        if self.has_ended() {
            return Pending::Ended;
        }
        let mut bytes = [0; 4096];
        // One call takes all bytes of a peer that keeps to the protocol. One that sends more than
        // fit leaves the channel pending, which costs a needless wake-up.
        match rustix::net::recv(&self.end, &mut bytes[..], RecvFlags::DONTWAIT) {
            Ok((_, 1..)) => Pending::Notified,
            Err(Errno::AGAIN | Errno::INTR) => Pending::Nothing,
            Ok(_) | Err(_) => {
                self.ended.store(true, Ordering::Relaxed);
                Pending::Ended
            }
        }
    }

    /// Waits until a notification is pending and takes it, or for the end, or for the timeout
    /// ([`Pending::Nothing`]); `None` waits for ever.
    ///
    /// # Errors
    /// The system refuses to wait.
    pub fn wait(&self, timeout: Option<Duration>) -> Result<Pending, RequestError> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            match self.take() {
                Pending::Nothing if ready(&self.end, PollFlags::IN, deadline)? => {}
                pending => return Ok(pending),
            }
        }
    }

    /// Whether the end was seen by [`take`](Self::take) or [`wait`](Self::wait).
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.end.as_fd()
    }
}
