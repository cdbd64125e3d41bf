//! The mandatory policy, which the host brings.

use argo_core::DomainId;

/// What a domain wants to do with a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Read its value, its permissions or its children's names; watch it; be told of a change.
    Read,
    /// Make, change or remove it, or set its permissions.
    Write,
}

/// The host's policy, asked for each path that a request concerns, before the node's own
/// permissions. A refusal is answered with `EACCES`.
pub trait Guard {
    /// Whether `domain` may do this with the node at `path`: an absolute path, or one of
    /// `@introduceDomain` and `@releaseDomain`. There need not be such a node.
    fn may(&self, domain: DomainId, path: &str, access: Access) -> bool;
}

impl<F: Fn(DomainId, &str, Access) -> bool> Guard for F {
    fn may(&self, domain: DomainId, path: &str, access: Access) -> bool {
        self(domain, path, access)
    }
}
