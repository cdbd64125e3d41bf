//! Who holds a share, a map or a port.

use argo_core::DomainId;

/// Names a connection for as long as its host runs.
pub type ConnectionId = u64;

/// A connection of a domain. What it makes goes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The domain.
    pub domain: DomainId,
    /// The connection.
    pub connection: ConnectionId,
}
