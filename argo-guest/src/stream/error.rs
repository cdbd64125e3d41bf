//! What can go wrong with a stream: one enum an operation.

use core::time::Duration;

use argo_core::platform::Gone;
use argo_core::ring::Corrupt;

use crate::address::Address;
use crate::arena::OutOfMemory;
use crate::datagram::{BindError, SendError};
use crate::domain::TimedOut;
use crate::io;

/// Why a connection was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// Nobody listens there, or the listener takes no more connections of this domain.
    #[error("connection refused by {to}")]
    Refused {
        /// Where to.
        to: Address,
    },
    /// No answer came in time.
    #[error("no answer from {to} within {after:?}")]
    TimedOut {
        /// Where to.
        to: Address,
        /// The time that was waited.
        after: Duration,
    },
    /// The policy in force no longer allows the connection, or the domain was reset, before there
    /// was an answer.
    #[error("the request for a connection to {to} was cut off by the hypervisor")]
    Cut {
        /// Where to.
        to: Address,
    },
    /// The peer's ring cannot take a stream's messages.
    #[error("the ring at {to} is too small for streams: messages of at most {max} bytes")]
    PeerRing {
        /// Where to.
        to: Address,
        /// The longest message that it takes, in bytes.
        max: u32,
    },
    /// No ring could be made to receive in.
    #[error("no ring to receive in: {0}")]
    Bind(#[from] BindError),
    /// The request could not be sent.
    #[error(transparent)]
    Send(SendError),
    /// The session has ended.
    #[error(transparent)]
    Gone(#[from] Gone),
}

/// Why no connection was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AcceptError {
    /// Nobody wants to connect now. Only the `try_` form says so, the others wait.
    #[error("no connection to accept now")]
    WouldBlock,
    /// Nobody wanted to connect in time.
    #[error("no connection to accept within {after:?}")]
    TimedOut {
        /// The time that was waited.
        after: Duration,
    },
    /// The listener's ring breaks Argo's rules. Bind anew.
    #[error(transparent)]
    Corrupt(#[from] Corrupt),
    /// The hypervisor took the listener's ring away: the policy in force no longer allows it, or
    /// its domain was reset and it could not be registered anew. Whoever had asked before was
    /// accepted. Bind anew, should that be allowed again.
    #[error("the listener's ring was taken away: {cause}")]
    Cut {
        /// Why it is not registered again.
        cause: BindError,
    },
    /// The session has ended.
    #[error(transparent)]
    Gone(#[from] Gone),
}

/// Why bytes were not read or written: inside the [`io::Error`] of each operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// Nothing to read, or no room to write, now. Only the `try_` forms say so.
    #[error("not now: it would block")]
    WouldBlock,
    /// Nothing to read, or no room to write, in time.
    #[error("nothing within {after:?}")]
    TimedOut {
        /// The time that was waited.
        after: Duration,
    },
    /// The peer broke the connection off. What it sent before was read.
    #[error("{peer} broke the connection off")]
    Reset {
        /// The peer.
        peer: Address,
    },
    /// The peer went without a word: its ring is no more.
    #[error("{peer} is gone")]
    PeerGone {
        /// The peer.
        peer: Address,
    },
    /// The policy in force no longer allows the connection, or its domain was reset. What the peer
    /// sent before was read.
    #[error("the connection to {peer} was cut off by the hypervisor")]
    Cut {
        /// The peer.
        peer: Address,
    },
    /// Written after the end: this side is shut down, or the peer receives no more.
    #[error("the connection to {peer} takes no more data")]
    Closed {
        /// The peer.
        peer: Address,
    },
    /// The message is longer than a message of this connection can be. (Seqpacket only.)
    #[error("a message of {len} bytes is too big: at most {max}")]
    TooBig {
        /// Its length in bytes.
        len: usize,
        /// The longest message, in bytes.
        max: usize,
    },
    /// The domain's RAM is used up.
    #[error(transparent)]
    OutOfMemory(#[from] OutOfMemory),
    /// The hypervisor did not deliver what was written before.
    #[error(transparent)]
    Send(SendError),
    /// The ring breaks Argo's rules; nothing can be read from it any more.
    #[error(transparent)]
    Corrupt(#[from] Corrupt),
    /// The session has ended, and everything that had come was read.
    #[error(transparent)]
    Gone(#[from] Gone),
}

impl From<TimedOut> for StreamError {
    fn from(TimedOut { after }: TimedOut) -> Self {
        Self::TimedOut { after }
    }
}

impl From<TimedOut> for AcceptError {
    fn from(TimedOut { after }: TimedOut) -> Self {
        Self::TimedOut { after }
    }
}

impl From<StreamError> for io::Error {
    fn from(error: StreamError) -> Self {
        let kind = match error {
            // The kind alone, without an allocation: it is no failure.
            StreamError::WouldBlock => return io::ErrorKind::WouldBlock.into(),
            StreamError::TimedOut { .. } => io::ErrorKind::TimedOut,
            StreamError::Reset { .. } | StreamError::PeerGone { .. } => {
                io::ErrorKind::ConnectionReset
            }
            StreamError::Cut { .. } => io::ErrorKind::ConnectionAborted,
            StreamError::Closed { .. } | StreamError::Gone(_) => io::ErrorKind::BrokenPipe,
            StreamError::TooBig { .. } => io::ErrorKind::InvalidInput,
            StreamError::OutOfMemory(_) => io::ErrorKind::OutOfMemory,
            StreamError::Send(error) => Self::from(error).kind(),
            StreamError::Corrupt(_) => io::ErrorKind::InvalidData,
        };
        Self::new(kind, error)
    }
}

impl From<ConnectError> for io::Error {
    fn from(error: ConnectError) -> Self {
        let kind = match error {
            ConnectError::Refused { .. } => io::ErrorKind::ConnectionRefused,
            ConnectError::TimedOut { .. } => io::ErrorKind::TimedOut,
            ConnectError::Cut { .. } => io::ErrorKind::ConnectionAborted,
            ConnectError::PeerRing { .. } => io::ErrorKind::Unsupported,
            ConnectError::Bind(error) => return error.into(),
            ConnectError::Send(error) => return error.into(),
            ConnectError::Gone(_) => io::ErrorKind::BrokenPipe,
        };
        Self::new(kind, error)
    }
}

impl From<AcceptError> for io::Error {
    fn from(error: AcceptError) -> Self {
        let kind = match error {
            AcceptError::WouldBlock => return io::ErrorKind::WouldBlock.into(),
            AcceptError::TimedOut { .. } => io::ErrorKind::TimedOut,
            AcceptError::Corrupt(_) => io::ErrorKind::InvalidData,
            AcceptError::Cut { .. } => io::ErrorKind::ConnectionAborted,
            AcceptError::Gone(_) => io::ErrorKind::BrokenPipe,
        };
        Self::new(kind, error)
    }
}
