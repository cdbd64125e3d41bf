//! Why a request was refused, and why a connection was not served or is not any more.

use argo_core::policy::Query;
use argo_core::{DomainId, Errno};
use argo_mem::MapError as MemoryError;
use xen_services::channels::ChannelError;
use xen_services::grants::{MapError, ShareError};

/// Why a request was refused. The process is told.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// There is no such operation.
    #[error("there is no operation {op}")]
    NoOperation {
        /// Its number.
        op: u32,
    },
    /// Its body has the wrong size.
    #[error("a body of {found} bytes; {expected} were expected")]
    Body {
        /// Bytes that there were.
        found: usize,
        /// Bytes that there should have been.
        expected: usize,
    },
    /// No domain can have this id.
    #[error("{id} is no id of a domain")]
    NoDomain {
        /// The number.
        id: u32,
    },
    /// There is no such access.
    #[error("there is no access {access}")]
    NoAccess {
        /// Its number.
        access: u32,
    },
    /// An event is to be sent over a port that the domain has not.
    #[error("an event is to be sent over port {port}, which the domain has not, or which was shut")]
    NoNotifyPort {
        /// The port.
        port: u32,
    },
    /// The policy forbids it.
    #[error("the policy forbids it: {}", query.hook().name())]
    Forbidden {
        /// What it was asked.
        query: Query,
    },
    /// The pages were not shared.
    #[error(transparent)]
    Share(#[from] ShareError),
    /// They were not mapped.
    #[error(transparent)]
    Map(#[from] MapError),
    /// There is no port.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// An earlier binder, or its own process, has shut the port's end.
    #[error("port {port} of domain {remote} was shut by a process that had an end of it")]
    Shut {
        /// The domain that allocated it.
        remote: DomainId,
        /// The port.
        port: u32,
    },
    /// argod has as many descriptors as it may have for services.
    #[error("all descriptors that argod has for services are used up: {pairs} pairs")]
    Descriptors {
        /// How many.
        pairs: usize,
    },
    /// There is no memory.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// The system has no event channel.
    #[error("making an event channel: {0}")]
    Socket(rustix::io::Errno),
    /// The connection has ended.
    #[error("the connection has ended")]
    Over,
}

impl RequestError {
    /// The errno as the answer has it.
    pub fn number(&self) -> u32 {
        self.errno().number().unsigned_abs()
    }

    fn errno(&self) -> Errno {
        match self {
            Self::NoOperation { .. } => Errno::EOPNOTSUPP,
            Self::Body { .. }
            | Self::NoAccess { .. }
            | Self::NoNotifyPort { .. }
            | Self::Shut { .. } => Errno::EINVAL,
            Self::NoDomain { .. } | Self::Over => Errno::ESRCH,
            Self::Forbidden { .. } => Errno::EACCES,
            Self::Share(error) => error.errno(),
            Self::Map(error) => error.errno(),
            Self::Channel(error) => error.errno(),
            Self::Descriptors { .. } | Self::Memory(_) | Self::Socket(_) => Errno::ENOMEM,
        }
    }
}

/// Why a connection is not served.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// The domain has as many as it may.
    #[error("domain {domain} allows {allowed} connection(s) for services")]
    Full {
        /// The domain's name.
        domain: String,
        /// How many it may have.
        allowed: u32,
    },
    /// The domain is being destroyed.
    #[error("domain {domain} is being destroyed")]
    Over {
        /// The domain's name.
        domain: String,
    },
    /// The system has no descriptors or threads left.
    #[error("beginning to serve: {0}")]
    System(#[from] std::io::Error),
}

impl JoinError {
    /// The errno that tells of it.
    pub fn errno(&self) -> Errno {
        match self {
            Self::Full { .. } => Errno::EBUSY,
            Self::Over { .. } => Errno::ESRCH,
            Self::System(_) => Errno::ENOMEM,
        }
    }
}

/// Why a connection is served no more. It is its own fault, or its wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ending {
    /// Its process hung up or is gone.
    #[error("the process left")]
    Left,
    /// It broke the protocol.
    #[error("protocol broken: {0}")]
    Protocol(&'static str),
    /// It does not take its answers.
    #[error("the process does not take its answers")]
    Unread,
    /// The system refused.
    #[error("answering: {0}")]
    System(rustix::io::Errno),
    /// The thread that would serve it could not be caged.
    #[error("no cage for its thread")]
    Uncaged,
}
