//! What the hub asks before it does something.

use argo_core::DomainId;
use argo_core::policy::Query;
use xen_services::store::Access;

/// Decides what domains may do to each other. Asked at every call, under the hub's lock: it must not
/// call the hub.
pub trait Policy: Send + Sync + 'static {
    /// Whether a grant or an event channel is allowed.
    fn allows(&self, query: Query) -> bool;

    /// Whether `domain` may do this at `path` of the store, as far as the node's permissions let it.
    fn allows_path(&self, domain: DomainId, path: &str, access: Access) -> bool;
}

/// No policy: for tests, and where all domains are one program's own.
#[derive(Clone, Copy, Debug)]
pub struct AllowAll;

impl Policy for AllowAll {
    fn allows(&self, _query: Query) -> bool {
        true
    }

    fn allows_path(&self, _domain: DomainId, _path: &str, _access: Access) -> bool {
        true
    }
}
