//! What a channel stands on: shared pages, an event channel and, for who has one, a store.
//!
//! | seam | what | Xen | argod | in one process |
//! |---|---|---|---|---|
//! | [`Platform`] | pages shared with one domain, ports | gntalloc, gntdev, evtchn, or hypercalls | `Op::Share` … | the heap |
//! | [`EventChannel`] | one port: notify, wait | a file, or an upcall | a socket | a counter |
//! | [`AsyncEventChannel`] | the same for a task | | `async-io` | wakers |
//! | [`Store`], [`Watch`] | where the two sides meet | xenstored | `Op::Store` | a tree |
//!
//! A platform is a cheap handle ([`Clone`]). One that has its grants and ports from elsewhere, such
//! as a device tree, implements [`Platform`] alone: a server tells its
//! `Meeting` and a client is given it.
//!
//! Nothing here is called while a lock of this crate is held. An implementation never panics and
//! never waits on the peer, except in the two calls that say so ([`EventChannel::wait`],
//! [`Watch::wait`]).

#[cfg(feature = "std")]
mod bell;
mod event;
mod fault;
#[cfg(any(all(feature = "host", target_os = "linux"), all(feature = "std", argo_loom)))]
pub(crate) mod sleepers;
mod store;

use core::time::Duration;

use argo_core::DomainId;
use argo_mem::{Memory, ReadMemory};

pub use crate::Cause;
#[cfg(feature = "std")]
pub use bell::Bell;
pub use event::{AsyncEventChannel, EventChannel, Waiter, Wake};
pub use fault::Fault;
pub use store::{Committed, Store, Transaction, Watch};

/// The name of a shared page: a number that means something together with the domain that shares it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GrantRef(pub u32);

/// One end of an event channel, as its domain names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Port(pub u32);

/// What the platform does when pages are given up, be it by their drop or by the death of who held
/// them: it stores a zero in one byte, then signals a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnmapNotify {
    /// The byte that becomes zero, from the first page's start.
    pub byte: usize,
    /// The port of this domain that is signalled.
    pub port: Port,
}

/// What the domain that pages are shared with may do with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read.
    Read,
    /// Read and write.
    Write,
}

/// Shared pages and event channels, for one domain.
pub trait Platform: Clone + Send + Sync + 'static {
    /// Pages that this side can write: its own shares, and what it mapped from others.
    ///
    /// Dropping them gives them up: what [`UnmapNotify`] says happens, a share is revoked (what is
    /// mapped lasts, new maps are refused), a mapping is taken down.
    type Pages: Memory + 'static;

    /// Pages of another domain, mapped to be read only. Dropping them takes the mapping down.
    type ReadPages: ReadMemory + 'static;

    /// A port of this domain. Dropping it closes the port.
    type Channel: EventChannel + 'static;

    /// Shares fresh, zeroed pages, as many as there are `references`, with `domain` and nobody else.
    /// The references are filled in, in the order of the pages.
    ///
    /// # Errors
    /// Policy, a quota or the platform refuses.
    fn share(
        &self,
        domain: DomainId,
        access: Access,
        references: &mut [GrantRef],
        notify: Option<UnmapNotify>,
    ) -> Result<Self::Pages, Fault>;

    /// Maps pages that `domain` has shared, one after the other in memory.
    ///
    /// # Errors
    /// There is no such share, it is not for us or not for writing, or as for [`share`](Self::share).
    fn map(
        &self,
        domain: DomainId,
        references: &[GrantRef],
        notify: Option<UnmapNotify>,
    ) -> Result<Self::Pages, Fault>;

    /// As [`map`](Self::map), to be read only.
    ///
    /// # Errors
    /// As [`map`](Self::map).
    fn map_to_read(
        &self,
        domain: DomainId,
        references: &[GrantRef],
    ) -> Result<Self::ReadPages, Fault>;

    /// Makes a port to which `domain` may bind one of its own. It can be signalled and waited for at
    /// once; when the other side closes its port, it may bind again.
    ///
    /// # Errors
    /// Policy, a quota or the platform refuses.
    fn alloc_unbound(&self, domain: DomainId) -> Result<Self::Channel, Fault>;

    /// Makes a port that is bound to `port` of `domain`.
    ///
    /// # Errors
    /// [`Cause::NotThere`]: no such port, or it is not for us. [`Cause::Busy`]: it is bound already
    /// (a platform that cannot tell says `NotThere`). Or policy, a quota or the platform refuses.
    fn bind_interdomain(&self, domain: DomainId, port: Port) -> Result<Self::Channel, Fault>;

    /// A monotonic clock, from any start: for timeouts over several waits. Read only by who waits.
    fn now(&self) -> Duration;

    /// Whether a port of this domain, of whatever process, is still allocated; `None` if the platform
    /// cannot tell. Tells the keys of a living server from those that a killed one has left; for that,
    /// a platform does not soon use a number again.
    fn is_allocated(&self, port: Port) -> Option<bool> {
        let _ = port;
        None
    }
}
