//! Domains: what each may use, and uses.

use alloc::collections::{BTreeMap, BTreeSet};
use argo_core::DomainId;
use argo_core::xenstore::PAYLOAD_MAX;

use super::connection::Connection;
use super::events::Events;
use super::path::Path;

/// What one domain may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Nodes that it owns. For domain 0: nodes in the whole store, past which it makes no more.
    pub nodes: usize,
    /// Bytes of a value.
    pub value: usize,
    /// Watches, over all its connections.
    pub watches: usize,
    /// Open transactions, over all its connections.
    pub transactions: usize,
    /// Nodes that one transaction reads or changes.
    pub transaction_nodes: usize,
    /// Entries in the permissions of a node that it sets, the owner's included.
    pub permissions: usize,
    /// Events that wait on one connection to be fetched.
    pub pending_events: usize,
    /// Bytes of memory of the events that wait, over all its connections.
    pub event_bytes: usize,
    /// Bytes of memory of what open transactions have read and changed, over all its connections.
    pub transaction_bytes: usize,
}

impl Quota {
    /// The limits that Xen's daemon has if it is not told otherwise. That has one limit on all memory
    /// of a domain, 2 MiB, instead of the last two.
    pub const XEN: Self = Self {
        nodes: 1000,
        value: 2048,
        watches: 128,
        transactions: 10,
        transaction_nodes: 1024,
        permissions: 5,
        pending_events: 1024,
        event_bytes: 2 << 20,
        transaction_bytes: 2 << 20,
    };

    /// For domain 0, which Xen does not limit.
    pub const CONTROL: Self = Self {
        nodes: 1 << 20,
        value: PAYLOAD_MAX,
        watches: 1 << 14,
        transactions: 1 << 10,
        transaction_nodes: 1 << 16,
        permissions: 256,
        pending_events: 1 << 14,
        event_bytes: 64 << 20,
        transaction_bytes: 64 << 20,
    };
}

impl Default for Quota {
    fn default() -> Self {
        Self::XEN
    }
}

/// What one domain uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Nodes that it owns.
    pub nodes: usize,
    /// Watches.
    pub watches: usize,
    /// Open transactions.
    pub transactions: usize,
    /// Bytes of memory of events that wait.
    pub event_bytes: usize,
    /// Bytes of memory of what open transactions have read and changed.
    pub transaction_bytes: usize,
    /// Requests that were refused since it came because a limit was reached.
    pub refused: u64,
}

/// A domain that there is.
#[derive(Debug)]
pub(super) struct Domain {
    pub(super) quota: Quota,
    pub(super) owned: BTreeSet<Path>,
    pub(super) watches: usize,
    pub(super) transactions: usize,
    pub(super) event_bytes: usize,
    pub(super) transaction_bytes: usize,
    pub(super) refused: u64,
    /// When it came.
    since: u64,
}

/// Who makes a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) domain: DomainId,
    pub(super) since: u64,
}

/// All domains that there are. Domain 0 always is.
#[derive(Debug)]
pub(super) struct Domains {
    domains: BTreeMap<DomainId, Domain>,
}

impl Caller {
    /// Whether nodes' permissions do not count for it.
    pub(super) fn is_privileged(self) -> bool {
        self.domain == DomainId::CONTROL
    }
}

impl Domain {
    fn new(quota: Quota, since: u64) -> Self {
        Self {
            quota,
            owned: BTreeSet::new(),
            watches: 0,
            transactions: 0,
            event_bytes: 0,
            transaction_bytes: 0,
            refused: 0,
            since,
        }
    }

    fn usage(&self) -> Usage {
        let Self { watches, transactions, event_bytes, transaction_bytes, refused, .. } = *self;
        let nodes = self.owned.len();
        Usage { nodes, watches, transactions, event_bytes, transaction_bytes, refused }
    }
}

impl Domains {
    pub(super) fn new(control: Quota) -> Self {
        let control = Domain::new(control, 0);
        Self { domains: BTreeMap::from([(DomainId::CONTROL, control)]) }
    }

    /// Adds a domain that came at `since`; only its quota is new if it is there.
    pub(super) fn introduce(&mut self, id: DomainId, quota: Quota, since: u64) {
        self.domains.entry(id).or_insert_with(|| Domain::new(quota, since)).quota = quota;
    }

    /// Removes a domain that has nothing any more.
    pub(super) fn forget(&mut self, id: DomainId) {
        if id != DomainId::CONTROL {
            self.domains.remove(&id);
        }
    }

    pub(super) fn known(&self, id: DomainId) -> Option<&Domain> {
        self.domains.get(&id)
    }

    pub(super) fn known_mut(&mut self, id: DomainId) -> Option<&mut Domain> {
        self.domains.get_mut(&id)
    }

    pub(super) fn caller(&self, domain: DomainId) -> Option<Caller> {
        Some(Caller { domain, since: self.known(domain)?.since })
    }

    /// Changes a connection's events, and with them what its domain has waiting.
    pub(super) fn change_events<T>(
        &mut self,
        connection: &mut Connection,
        change: impl FnOnce(&mut Events) -> T,
    ) -> T {
        let before = connection.events.bytes();
        let done = change(&mut connection.events);
        if let Some(domain) = self.known_mut(connection.caller.domain) {
            let others = domain.event_bytes.saturating_sub(before);
            domain.event_bytes = others.saturating_add(connection.events.bytes());
        }
        done
    }

    /// Whether the domain was there at that time, and still is.
    pub(super) fn is_current(&self, id: DomainId, at: u64) -> bool {
        self.known(id).is_some_and(|domain| domain.since <= at)
    }

    pub(super) fn usage(&self, id: DomainId) -> Option<Usage> {
        self.known(id).map(Domain::usage)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (DomainId, Usage)> {
        self.domains.iter().map(|(id, domain)| (*id, domain.usage()))
    }
}
