//! The hub: one lock over all tables. What has to be done to memory and ports is done outside of it.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use argo_core::DomainId;
use argo_core::policy::Query;
use xen_services::channels::Channels;
use xen_services::grants::{Grants, Release};
use xen_services::store::{ConnectionId, Quota, Signals, Store};
use xen_services::{Holder, grants};

use super::memory::Ram;
use super::policy::Policy;
use super::port::End;
use super::{Domain, GrantLimits};
use crate::platform::{Bell, Cause, Fault};

/// How much each domain may have.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Pages, shares and maps.
    pub grants: grants::Limits,
    /// Ports.
    pub ports: u32,
    /// Nodes, watches and transactions.
    pub store: Quota,
}

impl Default for Limits {
    fn default() -> Limits {
        let grants = GrantLimits { pages: 1 << 16, shares: 4096, maps: 4096 };
        Limits { grants, ports: 4096, store: Quota::XEN }
    }
}

/// Where domains of one process meet.
#[derive(Clone)]
pub struct Hub {
    shared: Arc<Shared>,
}

struct Shared {
    policy: Box<dyn Policy>,
    limits: Limits,
    start: Instant,
    tables: Mutex<Tables>,
}

pub(super) struct Tables {
    pub(super) grants: Grants<Ram, End>,
    pub(super) channels: Channels<End>,
    pub(super) store: Store,
    /// Who is told of a connection's events.
    pub(super) watches: BTreeMap<ConnectionId, Arc<Bell>>,
    connections: u64,
}

impl Hub {
    /// A hub under this policy, with the default [`Limits`].
    pub fn new(policy: impl Policy) -> Hub {
        Hub::with_limits(policy, Limits::default())
    }

    /// A hub under this policy, with these limits a domain.
    pub fn with_limits(policy: impl Policy, limits: Limits) -> Hub {
        let tables = Tables {
            grants: Grants::default(),
            channels: Channels::default(),
            store: Store::new(Quota::CONTROL),
            watches: BTreeMap::new(),
            connections: 0,
        };
        let (policy, start, tables) = (Box::new(policy), Instant::now(), Mutex::new(tables));
        Hub { shared: Arc::new(Shared { policy, limits, start, tables }) }
    }

    /// A connection of this domain, as a process of it would have. The domain begins to be with its
    /// first one, and stays. As with Xen, permissions in the store that name a domain before it is
    /// there do not count for it: make the domains before their servers listen.
    pub fn domain(&self, id: DomainId) -> Domain {
        let mut tables = self.lock();
        tables.connections += 1;
        let holder = Holder { domain: id, connection: tables.connections };
        let guard = self.guard();
        let signals = tables.store.introduce(id, &format!("{id}"), self.limits().store, &guard);
        let store = tables.store.connect(id);
        tables.signal(signals);
        drop(tables);
        Domain::new(self.clone(), holder, store)
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.shared.limits
    }

    pub(super) fn start(&self) -> Instant {
        self.shared.start
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Tables> {
        self.shared.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The policy as the store asks for it.
    pub(super) fn guard(&self) -> impl xen_services::store::Guard {
        |domain, path: &str, access| self.shared.policy.allows_path(domain, path, access)
    }

    pub(super) fn ask(&self, query: Query) -> Result<(), Fault> {
        match self.shared.policy.allows(query) {
            true => Ok(()),
            false => Err(Fault::new(Cause::Refused, format!("policy: {query:?}"))),
        }
    }

    /// What a process leaves when it dies, in the order in which argod does it.
    pub(super) fn end_connection(&self, holder: Holder, store: Option<ConnectionId>) {
        let mut tables = self.lock();
        let releases = tables.grants.end_connection(holder);
        let ends = tables.channels.end_connection(holder);
        if let Some(store) = store {
            tables.store.disconnect(store);
        }
        drop(tables);
        releases.into_iter().for_each(carry_out);
        close_ends(ends);
    }
}

impl Tables {
    /// Tells the watches. Their events carry nothing that is not read again, so they are dropped.
    pub(super) fn signal(&mut self, signals: Signals) {
        for connection in signals.events.iter().chain(&signals.overrun) {
            while self.store.next_event(*connection).is_some() {}
            if let Some(bell) = self.watches.get(connection) {
                bell.ring();
            }
        }
    }
}

/// Does what a share or a map says that is to be done at its end.
pub(super) fn carry_out(release: Release<Ram, End>) {
    if let Some(clear) = release.clear {
        clear.memory.clear(clear.offset);
    }
    if let Some(end) = release.event {
        end.send();
    }
}

/// Has it known to who is bound that a port was closed for ever.
pub(super) fn close_ends(ends: Vec<End>) {
    ends.iter().for_each(End::close);
}
