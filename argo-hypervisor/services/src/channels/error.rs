//! Why there is no port.

use argo_core::{DomainId, Errno};

/// Why there is no port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChannelError {
    /// The domain has as many as it may.
    #[error("the domain has {limit} ports, which is all it may have")]
    Full {
        /// How many it may have.
        limit: u32,
    },
    /// The connection has no such port.
    #[error("this connection has no port {port}")]
    NoPort {
        /// The port.
        port: u32,
    },
    /// The remote domain has no such port.
    #[error("domain {remote} has no port {port}")]
    NoRemotePort {
        /// The remote domain.
        remote: DomainId,
        /// The port.
        port: u32,
    },
    /// It was allocated for another domain.
    #[error("port {port} of domain {remote} is for another domain to bind to")]
    NotForYou {
        /// The remote domain.
        remote: DomainId,
        /// The port.
        port: u32,
    },
    /// Somebody is bound to it.
    #[error("port {port} of domain {remote} is bound already")]
    Taken {
        /// The remote domain.
        remote: DomainId,
        /// The port.
        port: u32,
    },
    /// It was bound itself, or was shut.
    #[error("port {port} of domain {remote} is none that was allocated, or it was shut")]
    NotUnbound {
        /// The remote domain.
        remote: DomainId,
        /// The port.
        port: u32,
    },
}

impl ChannelError {
    /// The errno that Xen answers with; `EBUSY` where Xen does not tell a port that is bound already
    /// from one that is not there.
    pub fn errno(self) -> Errno {
        match self {
            Self::Full { .. } => Errno::ENOSPC,
            Self::NoPort { .. } => Errno::ENOENT,
            Self::Taken { .. } => Errno::EBUSY,
            Self::NoRemotePort { .. } | Self::NotForYou { .. } | Self::NotUnbound { .. } => {
                Errno::EINVAL
            }
        }
    }
}
