//! Events on their way to connections.

use alloc::collections::BTreeMap;
use argo_core::DomainId;

use super::Store;
use super::connection::{Connection, ConnectionId};
use super::domain::Domains;
use super::events::{Event, Events, Pushed};
use super::settle::Signals;

/// Where events go, and who hears of it.
pub(super) struct Delivery<'a> {
    pub(super) connections: &'a mut BTreeMap<ConnectionId, Connection>,
    pub(super) domains: &'a mut Domains,
    pub(super) signals: &'a mut Signals,
}

impl Store {
    pub(super) fn delivery<'a>(&'a mut self, signals: &'a mut Signals) -> Delivery<'a> {
        Delivery { connections: &mut self.connections, domains: &mut self.domains, signals }
    }
}

impl Delivery<'_> {
    /// Passes an event on to a connection. If the events of its domain take too much memory then,
    /// the connection with most of it is given up, whichever that is.
    pub(super) fn push(&mut self, id: ConnectionId, event: Event) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let domain = connection.caller.domain;
        let Some(quota) = self.domains.known(domain).map(|domain| domain.quota) else { return };
        let push = |events: &mut Events| events.push(event, quota.pending_events);
        match self.domains.change_events(connection, push) {
            Pushed::Waits => _ = self.signals.events.insert(id),
            Pushed::Dropped => {}
            Pushed::Overrun => self.tell_overrun(id),
        }
        if self.domains.known(domain).is_some_and(|now| now.event_bytes > quota.event_bytes) {
            self.give_up_one_of(domain);
        }
    }

    fn give_up_one_of(&mut self, domain: DomainId) {
        let own = self.connections.iter_mut().filter(|(_, one)| one.caller.domain == domain);
        if let Some((id, fullest)) = own.max_by_key(|(_, one)| one.events.bytes()) {
            let id = *id;
            self.domains.change_events(fullest, Events::give_up);
            self.tell_overrun(id);
        }
    }

    fn tell_overrun(&mut self, id: ConnectionId) {
        self.signals.events.remove(&id);
        self.signals.overrun.insert(id);
    }
}
