//! The store of the host: who asks it, and who is told what watches have seen.
//!
//! Events wait in the store until their connection's thread finds room for them in its socket.
//! Nobody else waits for that.

use std::collections::HashMap;
use std::sync::Arc;

use argo_core::DomainId;
use argo_core::policy::{StoreAccess, StoreQuery};
use argo_hypervisor::Policy;
use xen_services::store::{Access, ConnectionId, Guard, Quota, Signals, Store, Usage};

use super::Services;
use super::connection::Connection;
use super::error::RequestError;
use crate::config;
use crate::policy::{Judging, LivePolicy};

/// The store, and who has a connection to it.
pub(super) struct Room {
    store: Store,
    listeners: HashMap<ConnectionId, Arc<Connection>>,
}

impl Default for Room {
    fn default() -> Self {
        Self { store: Store::new(Quota::CONTROL), listeners: HashMap::new() }
    }
}

/// The policy about paths, one and the same for all that a request leads to: a reload waits for it,
/// so that nothing is done any more by earlier rules when the reload is over. What it keeps from the domain that asks is told; that another domain's
/// watch does not see something is nothing that anybody asked for.
struct PolicyGuard<'p> {
    judging: Judging<'p>,
    asks: Option<DomainId>,
}

impl<'p> PolicyGuard<'p> {
    /// To be made when the store is locked: a reload is not to wait for that lock.
    fn new(policy: &'p LivePolicy, asks: Option<DomainId>) -> Self {
        Self { judging: policy.judge(), asks }
    }
}

impl Guard for PolicyGuard<'_> {
    fn may(&self, domain: DomainId, path: &str, access: Access) -> bool {
        let access = match access {
            Access::Read => StoreAccess::Read,
            Access::Write => StoreAccess::Write,
        };
        let query = StoreQuery { domain, path, access };
        match self.asks == Some(domain) {
            true => self.judging.may_store(query),
            false => self.judging.may_see_stored(query),
        }
    }
}

/// Connections whose events are more than may wait.
#[must_use]
struct Overrun(Vec<Arc<Connection>>);

impl Overrun {
    /// Has them ended by their own threads.
    fn hang_up(self) {
        self.0.iter().for_each(|connection| connection.hang_up());
    }
}

impl Room {
    /// Has connections told by their own threads; returns those that are to be ended, once the store
    /// is not locked any more.
    fn tell(&self, signals: &Signals) -> Overrun {
        let of = |id| self.listeners.get(id);
        signals.events.iter().filter_map(of).for_each(|connection| connection.await_room());
        Overrun(signals.overrun.iter().filter_map(of).cloned().collect())
    }

    /// The store's name for a connection, which it gets with its first request.
    fn name(&mut self, connection: &Arc<Connection>) -> Option<ConnectionId> {
        if let Some(known) = connection.store.get() {
            return Some(*known);
        }
        let name = self.store.connect(connection.holder.domain)?;
        self.listeners.insert(name, connection.clone());
        Some(*connection.store.get_or_init(|| name))
    }
}

impl Services {
    /// A domain is there: it has its part of the store.
    pub fn introduce(&self, policy: &LivePolicy, domain: &config::Domain) {
        let quotas = &domain.quotas.services;
        let nodes = match domain.id {
            // All domains' nodes are counted for it, which is none of its own doing.
            DomainId::CONTROL => Quota::CONTROL.nodes,
            _ => quotas.store_nodes as usize,
        };
        let quota = Quota {
            nodes,
            watches: quotas.store_watches as usize,
            transactions: quotas.store_transactions as usize,
            ..Quota::XEN
        };
        let mut room = self.room.lock();
        let guard = PolicyGuard::new(policy, None);
        let signals = room.store.introduce(domain.id, &domain.name, quota, &guard);
        let overrun = room.tell(&signals);
        drop(room);
        overrun.hang_up();
    }

    /// Passes a message to the store; returns its answer.
    pub(super) fn ask_store(
        &self,
        policy: &LivePolicy,
        connection: &Arc<Connection>,
        message: &[u8],
    ) -> Result<Vec<u8>, RequestError> {
        let mut room = self.room.lock();
        // Whoever ends it marks it first and has it disconnected then.
        if connection.is_over() {
            return Err(RequestError::Over);
        }
        let name = room.name(connection).ok_or(RequestError::Over)?;
        let guard = PolicyGuard::new(policy, Some(connection.holder.domain));
        let outcome = room.store.request(name, &guard, message);
        let overrun = room.tell(&outcome.signals);
        drop(room);
        overrun.hang_up();
        Ok(outcome.reply)
    }

    /// The next event of a connection whose socket has room for it.
    pub(super) fn next_event(&self, connection: &Connection) -> Option<Vec<u8>> {
        let mut room = self.room.lock();
        let event = connection.store.get().and_then(|name| room.store.next_event(*name));
        if event.is_none() {
            connection.await_requests();
        }
        event
    }

    /// Ends what a connection has in the store.
    pub(super) fn disconnect(&self, connection: &Connection) {
        let mut room = self.room.lock();
        if let Some(name) = connection.store.get() {
            room.store.disconnect(*name);
            room.listeners.remove(name);
        }
    }

    /// A domain is destroyed: its part of the store goes.
    pub(super) fn forget_in_store(&self, policy: &LivePolicy, domain: DomainId) {
        let mut room = self.room.lock();
        let signals = room.store.forget(domain, &PolicyGuard::new(policy, None));
        let overrun = room.tell(&signals);
        drop(room);
        overrun.hang_up();
    }

    /// What a domain uses of the store.
    pub(super) fn store_usage(&self, domain: DomainId) -> Usage {
        self.room.lock().store.usage(domain).unwrap_or_default()
    }
}
