//! What can go wrong with a datagram socket: one enum an operation.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use core::time::Duration;

use argo_core::platform::Gone;
use argo_core::ring::Corrupt;
use argo_core::{Errno, Partner, Port};

use crate::address::Address;
use crate::arena::OutOfMemory;
use crate::io;

/// Why a socket could not be bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BindError {
    /// No ring can have that length.
    #[error("a ring of {len} bytes: expected {min} to {max}, a multiple of 16")]
    RingLength {
        /// The length wanted, in bytes.
        len: u32,
        /// The shortest.
        min: u32,
        /// The longest.
        max: u32,
    },
    /// The domain has a ring with that port and partner already.
    #[error("port {port} is in use for {partner:?}")]
    InUse {
        /// The port.
        port: Port,
        /// The partner.
        partner: Partner,
    },
    /// All the ports tried were in use.
    #[error("none of {tried} ports was free")]
    NoFreePort {
        /// How many were tried.
        tried: u32,
    },
    /// The policy does not let this domain receive from that partner.
    #[error("policy refuses a ring on port {port} for {}", whom(*partner))]
    Denied {
        /// The port.
        port: Port,
        /// The partner.
        partner: Partner,
    },
    /// The domain has as many rings, or ring bytes, as its quota allows.
    #[error("a quota of the domain is used up: no further ring of {ring_len} bytes")]
    Quota {
        /// The length of the ring that was refused, in bytes.
        ring_len: u32,
    },
    /// There is no such partner, or it does not use Argo now.
    #[error("partner {partner:?} cannot be reached ({errno})")]
    PartnerAway {
        /// The partner.
        partner: Partner,
        /// The hypervisor's answer.
        errno: Errno,
    },
    /// The domain's RAM is used up.
    #[error(transparent)]
    OutOfMemory(#[from] OutOfMemory),
    /// Any other answer of the hypervisor.
    #[error("registration refused: {0}")]
    Refused(Errno),
    /// The session has ended.
    #[error(transparent)]
    Gone(#[from] Gone),
}

/// Why a datagram was not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The receiver's ring has no room now. Only the `try_` forms say so, the others wait.
    #[error("no room now in the ring at {to}")]
    WouldBlock {
        /// Where to.
        to: Address,
    },
    /// The receiver's ring has no room, and no more domains may wait for it: no event will tell
    /// of room. Only the `try_` forms say so; the others try again at the next event of the
    /// session, or after 5 ms.
    #[error("no room now in the ring at {to}, and too many wait for it")]
    Busy {
        /// Where to.
        to: Address,
    },
    /// No room came in time. Nothing was sent.
    #[error("no room in the receiver's ring, or too much sent for a limit, within {after:?}")]
    TimedOut {
        /// The time that was waited.
        after: Duration,
    },
    /// The message can never fit the receiver's ring.
    #[error("a message of {len} bytes is too big: at most {max}")]
    TooBig {
        /// Its length in bytes.
        len: usize,
        /// The longest message that fits, in bytes.
        max: u32,
    },
    /// Nobody receives there.
    #[error("nobody receives at {to}")]
    ConnectionRefused {
        /// Where to.
        to: Address,
    },
    /// There is no such domain.
    #[error("no such domain: {to}")]
    NoSuchDomain {
        /// Where to.
        to: Address,
    },
    /// The policy does not let this domain send there.
    #[error("policy refuses messages to {to}")]
    Denied {
        /// Where to.
        to: Address,
    },
    /// [`Datagram::connect`](super::Datagram::connect) has not said where to.
    #[error("the socket is not connected: where to?")]
    NotConnected,
    /// The domain's RAM is used up.
    #[error(transparent)]
    OutOfMemory(#[from] OutOfMemory),
    /// Any other answer of the hypervisor.
    #[error("send to {to} refused: {errno}")]
    Refused {
        /// Where to.
        to: Address,
        /// The answer.
        errno: Errno,
    },
    /// The session has ended. Whether the message was delivered is unknown.
    #[error(transparent)]
    Gone(#[from] Gone),
}

/// Why nothing was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecvError {
    /// There is no message now. Only the `try_` forms say so, the others wait.
    #[error("no message now")]
    WouldBlock,
    /// No message came in time.
    #[error("no message within {after:?}")]
    TimedOut {
        /// The time that was waited.
        after: Duration,
    },
    /// The ring breaks Argo's rules; nothing can be read from it any more. Bind anew.
    #[error(transparent)]
    Corrupt(#[from] Corrupt),
    /// The first message names a sender that cannot exist. As for [`Corrupt`](Self::Corrupt).
    #[error("message from the reserved domain id {domain_id}")]
    BadSource {
        /// The id in the message's header.
        domain_id: u16,
    },
    /// The hypervisor took the ring away, and everything that had come was read: the policy in
    /// force no longer allows it, or its domain was reset and it could not be registered anew. Bind
    /// anew, should that be allowed again.
    #[error("the ring was taken away: {cause}")]
    Cut {
        /// Why it is not registered again.
        cause: BindError,
    },
    /// The session has ended, and everything that had come was read.
    #[error(transparent)]
    Gone(#[from] Gone),
}

/// A batch that was not delivered as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{delivered} messages were delivered, then: {cause}")]
pub struct BatchError {
    /// How many were delivered before the first that was not. None after it was.
    pub delivered: usize,
    /// Why that one was not.
    pub cause: SendError,
}

impl BindError {
    pub(crate) fn of(errno: Errno, port: Port, partner: Partner, ring_len: u32) -> Self {
        match errno {
            Errno::EEXIST => Self::InUse { port, partner },
            Errno::EACCES | Errno::EPERM => Self::Denied { port, partner },
            Errno::ENOSPC => Self::Quota { ring_len },
            Errno::ESRCH | Errno::ECONNREFUSED => Self::PartnerAway { partner, errno },
            errno => Self::Refused(errno),
        }
    }
}

impl SendError {
    /// The error for an answer other than EMSGSIZE, which needs a number more.
    pub(crate) fn of(errno: Errno, to: Address) -> Self {
        match errno {
            Errno::EAGAIN => Self::WouldBlock { to },
            Errno::EBUSY => Self::Busy { to },
            Errno::ECONNREFUSED => Self::ConnectionRefused { to },
            Errno::ESRCH => Self::NoSuchDomain { to },
            Errno::EACCES | Errno::EPERM => Self::Denied { to },
            errno => Self::Refused { to, errno },
        }
    }
}

impl From<BindError> for io::Error {
    fn from(error: BindError) -> Self {
        let kind = match error {
            BindError::RingLength { .. } => io::ErrorKind::InvalidInput,
            BindError::InUse { .. } | BindError::NoFreePort { .. } => io::ErrorKind::AddrInUse,
            BindError::Denied { .. } => io::ErrorKind::PermissionDenied,
            BindError::Quota { .. } => io::ErrorKind::QuotaExceeded,
            BindError::PartnerAway { .. } => io::ErrorKind::AddrNotAvailable,
            BindError::OutOfMemory(_) => io::ErrorKind::OutOfMemory,
            BindError::Refused(_) => io::ErrorKind::Other,
            BindError::Gone(_) => io::ErrorKind::BrokenPipe,
        };
        Self::new(kind, error)
    }
}

impl From<SendError> for io::Error {
    fn from(error: SendError) -> Self {
        let kind = match error {
            SendError::WouldBlock { .. } | SendError::Busy { .. } => io::ErrorKind::WouldBlock,
            SendError::TimedOut { .. } => io::ErrorKind::TimedOut,
            SendError::TooBig { .. } => io::ErrorKind::InvalidInput,
            SendError::ConnectionRefused { .. } => io::ErrorKind::ConnectionRefused,
            SendError::NoSuchDomain { .. } => io::ErrorKind::HostUnreachable,
            SendError::Denied { .. } => io::ErrorKind::PermissionDenied,
            SendError::NotConnected => io::ErrorKind::NotConnected,
            SendError::OutOfMemory(_) => io::ErrorKind::OutOfMemory,
            SendError::Refused { .. } => io::ErrorKind::Other,
            SendError::Gone(_) => io::ErrorKind::BrokenPipe,
        };
        Self::new(kind, error)
    }
}

impl From<RecvError> for io::Error {
    fn from(error: RecvError) -> Self {
        let kind = match error {
            RecvError::WouldBlock => io::ErrorKind::WouldBlock,
            RecvError::TimedOut { .. } => io::ErrorKind::TimedOut,
            RecvError::Corrupt(_) | RecvError::BadSource { .. } => io::ErrorKind::InvalidData,
            RecvError::Cut { .. } => io::ErrorKind::ConnectionAborted,
            RecvError::Gone(_) => io::ErrorKind::BrokenPipe,
        };
        Self::new(kind, error)
    }
}

fn whom(partner: Partner) -> String {
    match partner {
        Partner::Any => "every domain".to_owned(),
        Partner::Domain(domain) => format!("domain {domain}"),
    }
}
