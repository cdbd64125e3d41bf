//! The mandatory policy, which the host brings.

use argo_core::DomainId;

use super::path::Path;

/// What a domain wants to do with a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Read its value, its permissions or its children's names; watch it; be told of a change.
    Read,
    /// Make, change or remove it, or set its permissions.
    Write,
}

/// The host's policy, asked for each path that a request concerns, before the node's own
/// permissions, and of what a transaction has changed again at its commit. A refusal is answered with
/// `EACCES`.
///
/// It is not asked about `@introduceDomain` and `@releaseDomain`, which are no paths: they are
/// domain 0's, and nobody is told of them whom domain 0 has not let read them.
pub trait Guard {
    /// Whether `domain` may do this with the node at `path`, an absolute path. There need not be
    /// such a node.
    fn may(&self, domain: DomainId, path: &str, access: Access) -> bool;
}

impl dyn Guard + '_ {
    /// The guard's word on a path, if it is one.
    pub(super) fn passes(&self, domain: DomainId, path: &Path, access: Access) -> bool {
        path.is_special() || self.may(domain, path.text(), access)
    }
}

impl<F: Fn(DomainId, &str, Access) -> bool> Guard for F {
    fn may(&self, domain: DomainId, path: &str, access: Access) -> bool {
        self(domain, path, access)
    }
}
