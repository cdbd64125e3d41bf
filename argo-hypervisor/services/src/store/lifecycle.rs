//! Domains and connections come and go.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use argo_core::DomainId;
use argo_core::xenstore::Kind;

use super::Store;
use super::connection::{Connection, ConnectionId};
use super::domain::{Domains, Quota, Usage};
use super::events::Events;
use super::guard::Guard;
use super::message::compose;
use super::node::Node;
use super::overlay::{Overlay, Reach};
use super::path::{INTRODUCE, Path, RELEASE};
use super::permissions::Permissions;
use super::settle::Signals;
use super::tree::Tree;
use super::watches::Watches;

impl Store {
    /// An empty store, in which there is domain 0 only, with this quota ([`Quota::CONTROL`]).
    pub fn new(control: Quota) -> Self {
        let mut store = Self {
            tree: Tree::default(),
            domains: Domains::new(control),
            connections: BTreeMap::new(),
            watches: Watches::default(),
            clock: 0,
            next_connection: 0,
        };
        let root = Path::root();
        let local = root.child("local");
        let paths =
            [local.child("domain"), local, root, Path::special(INTRODUCE), Path::special(RELEASE)];
        for path in paths.into_iter().rev() {
            let node = Node::new(Permissions::private(DomainId::CONTROL, 0));
            store.tree.apply(path, Some(Arc::new(node)), 0, &mut store.domains);
        }
        store
    }

    /// A domain comes: it gets its part of the tree, `/local/domain/N`, which it may read, with
    /// `domid` and `name`; below `data` it may write. `@introduceDomain` fires.
    ///
    /// A domain that is there, with its part of the tree, only gets this quota; what is past it
    /// already stays.
    pub fn introduce(
        &mut self,
        domain: DomainId,
        name: &str,
        quota: Quota,
        guard: &dyn Guard,
    ) -> Signals {
        let mut signals = Signals::default();
        let home = Path::home(domain);
        let is_new = self.domains.known(domain).is_none() || self.tree.node(&home).is_none();
        self.clock = self.clock.saturating_add(is_new.into());
        self.domains.introduce(domain, quota, self.clock);
        if is_new {
            let overlay = self.seed(domain, &home, name);
            self.settle(&overlay, guard, &mut signals);
            self.announce_special(INTRODUCE, guard, &mut signals);
        }
        signals
    }

    /// A domain goes: its connections end, its part of the tree goes, and so do the nodes that it
    /// owns elsewhere, with all below them. `@releaseDomain` fires. Of domain 0, only its part of
    /// the tree goes.
    pub fn forget(&mut self, domain: DomainId, guard: &dyn Guard) -> Signals {
        let mut signals = Signals::default();
        let Some(known) = self.domains.known(domain) else { return signals };
        let mut overlay = Overlay::unlimited();
        remove(&self.tree, &mut overlay, &Path::home(domain));
        if domain != DomainId::CONTROL {
            known.owned.iter().for_each(|path| self.disown(&mut overlay, path));
        }
        let ending = self.connections.iter().filter(|(_, known)| known.caller.domain == domain);
        let ending: Vec<_> = ending.map(|(id, _)| *id).collect();
        ending.into_iter().for_each(|id| self.disconnect(id));
        self.settle(&overlay, guard, &mut signals);
        self.domains.forget(domain);
        self.announce_special(RELEASE, guard, &mut signals);
        signals
    }

    /// Opens a connection for a domain; `None` if it was not introduced. The host limits how many
    /// a domain has.
    pub fn connect(&mut self, domain: DomainId) -> Option<ConnectionId> {
        let caller = self.domains.caller(domain)?;
        let id = ConnectionId(self.next_connection);
        self.next_connection = self.next_connection.saturating_add(1);
        self.connections.insert(id, Connection::new(caller));
        Some(id)
    }

    /// Ends a connection: its watches and transactions go, its events are dropped. Nothing happens
    /// if it has ended.
    pub fn disconnect(&mut self, connection: ConnectionId) {
        self.drop_state(connection);
        self.connections.remove(&connection);
    }

    /// The oldest event that waits for this connection: a `WATCH_EVENT` message.
    pub fn next_event(&mut self, connection: ConnectionId) -> Option<Vec<u8>> {
        let connection = self.connections.get_mut(&connection)?;
        let event = self.domains.change_events(connection, Events::pop)?;
        Some(compose(Kind::WatchEvent, 0, 0, &event.payload()))
    }

    /// What a domain uses; `None` if it was not introduced.
    pub fn usage(&self, domain: DomainId) -> Option<Usage> {
        self.domains.usage(domain)
    }

    /// What each domain uses, in the order of their ids; domain 0 is always there.
    pub fn usages(&self) -> impl Iterator<Item = (DomainId, Usage)> {
        self.domains.all()
    }

    /// Forgets watches, events and transactions of a connection.
    pub(super) fn drop_state(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let domain = connection.caller.domain;
        self.domains.change_events(connection, Events::clear);
        let watches = core::mem::take(&mut connection.watches);
        let transactions = core::mem::take(&mut connection.transactions);
        for (path, token) in watches {
            self.drop_watch(domain, id, &path, &token);
        }
        if let Some(domain) = self.domains.known_mut(domain) {
            let bytes = transactions.values().map(Overlay::bytes).sum();
            domain.transactions = domain.transactions.saturating_sub(transactions.len());
            domain.transaction_bytes = domain.transaction_bytes.saturating_sub(bytes);
        }
    }

    /// Forgets a watch that the connection does not list any more.
    pub(super) fn drop_watch(
        &mut self,
        domain: DomainId,
        connection: ConnectionId,
        path: &str,
        token: &[u8],
    ) {
        let removed = self.watches.remove(path, connection, token);
        if let (Some(domain), true) = (self.domains.known_mut(domain), removed) {
            domain.watches = domain.watches.saturating_sub(1);
        }
    }

    /// Removes a node whose owner goes. The root and the special nodes fall to domain 0.
    fn disown(&self, overlay: &mut Overlay, path: &Path) {
        match self.tree.node(path) {
            Some(node) if path.is_lasting() => {
                let permissions = Permissions::private(DomainId::CONTROL, self.clock);
                let node = Node { value: node.value.clone(), permissions };
                overlay.put(&self.tree, path, Some(Arc::new(node)), Reach::Upwards);
            }
            _ => remove(&self.tree, overlay, path),
        }
    }

    /// The nodes that a new domain gets, as Xen's tools make them.
    fn seed(&self, domain: DomainId, home: &Path, name: &str) -> Overlay {
        let readable = || Node::new(Permissions::readable(domain, self.clock));
        let telling = |value: &str| Node { value: value.as_bytes().into(), ..readable() };
        let nodes = [
            (home.clone(), readable()),
            (home.child("domid"), telling(&format!("{domain}"))),
            (home.child("name"), telling(name)),
            (home.child("data"), Node::new(Permissions::private(domain, self.clock))),
        ];
        let mut overlay = Overlay::unlimited();
        let above = core::iter::successors(home.parent(), Path::parent);
        let missing: Vec<_> = above.filter(|path| self.tree.node(path).is_none()).collect();
        for path in missing.iter().rev() {
            let node = Node::new(Permissions::private(DomainId::CONTROL, self.clock));
            overlay.put(&self.tree, path, Some(Arc::new(node)), Reach::Nobody);
        }
        remove(&self.tree, &mut overlay, home);
        for (path, node) in nodes {
            overlay.put(&self.tree, &path, Some(Arc::new(node)), Reach::Upwards);
        }
        overlay
    }
}

/// Removes a node, if it is there, with all below it; the overlay has no limit.
fn remove(tree: &Tree, overlay: &mut Overlay, path: &Path) {
    if overlay.peek(tree, path).is_some() {
        let doomed = overlay.subtree(tree, path).unwrap_or_default();
        overlay.take_away(tree, &doomed);
    }
}
