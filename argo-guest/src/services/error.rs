//! Why a request came to nothing.

use alloc::string::String;
use std::time::Duration;

use argo_core::host::services::Op;
use argo_mem::MapError;
use rustix::io::Errno;

/// A request to argod that was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// argod refused, and said why.
    #[error("{op:?}: refused by argod: {text} (errno {errno})")]
    Refused {
        /// What was asked for.
        op: Op,
        /// The (positive) errno, as Xen's device would give.
        errno: u32,
        /// Why.
        text: String,
    },
    /// The connection has ended: argod is gone, or has ended it.
    #[error("argod has ended the connection")]
    Gone,
    /// argod did not answer in time. The connection was given up.
    #[error("argod has not answered within {0:?}; the connection was given up")]
    TimedOut(Duration),
    /// The body is longer than a packet may be.
    #[error("a request of {len} bytes, {maximum} at most")]
    TooLong {
        /// The bytes given.
        len: usize,
        /// The most.
        maximum: usize,
    },
    /// The answer makes no sense. The connection was given up, unless only this answer was bad.
    #[error("{what} is {found}, expected {expected}")]
    Protocol {
        /// The field or property.
        what: &'static str,
        /// Its value.
        found: u64,
        /// What it should have been, at most (or exactly).
        expected: u64,
    },
    /// Watch events were not taken, and no more are kept. The connection was given up.
    #[error("{0} watch events were not taken; the connection was given up")]
    Flooded(usize),
    /// The connection is that of the process with this id, which has forked. It was not used.
    #[error("the connection is that of process {0}, from which this one was forked")]
    Inherited(u32),
    /// A system call failed.
    #[error("{0}")]
    System(#[from] Errno),
    /// The memory that came with the answer cannot be mapped.
    #[error(transparent)]
    Memory(#[from] MapError),
}

impl RequestError {
    /// The errno that Xen's device would give for this.
    pub fn errno(&self) -> i32 {
        match self {
            Self::Refused { errno, .. } => i32::try_from(*errno).unwrap_or(libc_errno(Errno::IO)),
            Self::Gone => libc_errno(Errno::NODEV),
            Self::TimedOut(_) => libc_errno(Errno::TIMEDOUT),
            Self::TooLong { .. } => libc_errno(Errno::TOOBIG),
            Self::Protocol { .. } | Self::Flooded(_) => libc_errno(Errno::IO),
            Self::Inherited(_) => libc_errno(Errno::PERM),
            Self::System(errno) => libc_errno(*errno),
            Self::Memory(error) => libc_errno(error.errno),
        }
    }
}

fn libc_errno(errno: Errno) -> i32 {
    errno.raw_os_error()
}

/// Something asked of the store that was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The store refused.
    #[error("{path}: {name}")]
    Refused {
        /// What it was about.
        path: String,
        /// The errno's name, such as "ENOENT".
        name: String,
    },
    /// A path or token has a zero byte in it, or makes the message too long.
    #[error("a message of {len} bytes, {maximum} at most and no zero within a name")]
    Unsendable {
        /// Bytes of the message.
        len: usize,
        /// The most.
        maximum: usize,
    },
    /// The reply makes no sense.
    #[error("the store's reply makes no sense: {0}")]
    Nonsense(&'static str),
    /// The store was not reached.
    #[error(transparent)]
    Request(#[from] RequestError),
}

impl StoreError {
    /// Whether the store refused with the errno of this name, such as "ENOENT".
    pub fn is(&self, errno: &str) -> bool {
        matches!(self, Self::Refused { name, .. } if name == errno)
    }
}
