//! Where messages come from and go to.

use core::fmt;

use argo_core::abi::Addr;
use argo_core::{DomainId, Port};

/// A port of a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// The domain. Of a received message it is true: the hypervisor wrote it.
    pub domain: DomainId,
    /// The port. Of a received message it is what the sender claims.
    pub port: Port,
}

impl Address {
    /// That port of that domain.
    pub const fn new(domain: DomainId, port: Port) -> Self {
        Self { domain, port }
    }

    pub(crate) fn raw(self) -> Addr {
        Addr { aport: self.port.0, domain_id: self.domain.raw(), pad: 0 }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.domain, self.port)
    }
}
