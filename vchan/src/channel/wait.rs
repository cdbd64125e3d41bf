//! From "would block" to waiting: ask, look again, sleep.

use core::time::Duration;

use super::link::{Deadline, Link};
use crate::cause::Cause;
use crate::platform::{EventChannel, Platform, Wake};
use crate::reader::{ReadError, RecvError};
use crate::writer::{SendError, WriteError};

/// An error that may be "would block", and what it becomes when the wait ends otherwise.
pub(crate) trait Refusal: Sized {
    fn would_block(&self) -> bool;
    fn timed_out(self) -> Self;
    fn lost(cause: Cause) -> Self;
}

/// A half of a channel, for what both have in common.
pub(crate) trait Half {
    type Platform: Platform;

    fn link(&self) -> &Link<Self::Platform>;
}

/// Attempts until the answer is another than "would block", which has asked the peer for a signal,
/// or the time is over.
pub(crate) fn block<H: Half, T, E: Refusal>(
    half: &mut H,
    timeout: Option<Duration>,
    mut attempt: impl FnMut(&mut H) -> Result<T, E>,
) -> Result<T, E> {
    let mut deadline = Deadline::after(timeout);
    loop {
        // Before the attempt: an event that comes after it is not slept through.
        let seen = half.link().channel().seen();
        match attempt(half) {
            Err(refusal) if refusal.would_block() => {}
            answer => return answer,
        }
        match half.link().wait(seen, &mut deadline) {
            Ok(Wake::Event) => {}
            Ok(Wake::TimedOut) => return attempt(half).map_err(timed_out_if_blocked),
            // What came before the end still counts.
            Err(fault) => {
                return attempt(half).map_err(|refusal| lost_if_blocked(refusal, fault.cause));
            }
        }
    }
}

fn timed_out_if_blocked<E: Refusal>(refusal: E) -> E {
    if refusal.would_block() { refusal.timed_out() } else { refusal }
}

pub(crate) fn lost_if_blocked<E: Refusal>(refusal: E, cause: Cause) -> E {
    if refusal.would_block() { E::lost(cause) } else { refusal }
}

impl Refusal for RecvError {
    fn would_block(&self) -> bool {
        matches!(self, RecvError::WouldBlock { .. })
    }

    fn timed_out(self) -> Self {
        match self {
            RecvError::WouldBlock { needed, ready } => RecvError::TimedOut { needed, ready },
            other => other,
        }
    }

    fn lost(cause: Cause) -> Self {
        RecvError::Lost(cause)
    }
}

impl Refusal for ReadError {
    fn would_block(&self) -> bool {
        matches!(self, ReadError::WouldBlock)
    }

    fn timed_out(self) -> Self {
        ReadError::TimedOut
    }

    fn lost(cause: Cause) -> Self {
        ReadError::Lost(cause)
    }
}

impl Refusal for SendError {
    fn would_block(&self) -> bool {
        matches!(self, SendError::WouldBlock { .. })
    }

    fn timed_out(self) -> Self {
        match self {
            SendError::WouldBlock { needed, free } => SendError::TimedOut { needed, free },
            other => other,
        }
    }

    fn lost(cause: Cause) -> Self {
        SendError::Lost(cause)
    }
}

impl Refusal for WriteError {
    fn would_block(&self) -> bool {
        matches!(self, WriteError::WouldBlock { .. })
    }

    fn timed_out(self) -> Self {
        match self {
            WriteError::WouldBlock { size } => WriteError::TimedOut { size },
            other => other,
        }
    }

    fn lost(cause: Cause) -> Self {
        WriteError::Lost(cause)
    }
}
