//! Changes become visible: the tree is changed, and watches fire.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;
use argo_core::DomainId;

use super::Store;
use super::connection::ConnectionId;
use super::delivery::Delivery;
use super::domain::Caller;
use super::events::Event;
use super::guard::{Access, Guard};
use super::node::Node;
use super::overlay::{Overlay, Reach};
use super::path::Path;

/// What a message led to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Outcome {
    /// The answer, for the connection that the message came from.
    pub reply: Vec<u8>,
    /// What happened to connections.
    pub signals: Signals,
}

/// What the host has to do for connections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Signals {
    /// These have got an event: see [`Store::next_event`].
    pub events: BTreeSet<ConnectionId>,
    /// These have not fetched their events, have one too many and will get none any more: the host
    /// ends them. Each is told once.
    pub overrun: BTreeSet<ConnectionId>,
}

/// A change of a node, with all who can tell whether a domain may know of it.
struct Change<'a> {
    path: &'a Path,
    reach: Reach,
    /// The node and its parent, before and after.
    witnesses: [Option<&'a Arc<Node>>; 4],
}

impl Change<'_> {
    fn is_visible(&self, caller: Caller, guard: &dyn Guard) -> bool {
        let readable = |node: &Arc<Node>| node.permissions.allow(caller, Access::Read);
        self.witnesses.iter().flatten().any(|node| readable(node))
            && guard.passes(caller.domain, self.path, Access::Read)
    }
}

impl Store {
    /// Makes the overlay's changes the tree's, and fires watches.
    pub(super) fn settle(&mut self, overlay: &Overlay, guard: &dyn Guard, signals: &mut Signals) {
        if overlay.is_unchanged() {
            return;
        }
        self.clock = self.clock.saturating_add(1);
        self.announce(overlay, guard, signals);
        for (path, node, _) in overlay.changes() {
            self.tree.apply(path.clone(), node.cloned(), self.clock, &mut self.domains);
        }
    }

    /// Fires the watches on a special node.
    pub(super) fn announce_special(
        &mut self,
        name: &str,
        guard: &dyn Guard,
        signals: &mut Signals,
    ) {
        let path = Path::special(name);
        let node = self.tree.node(&path).cloned();
        let witnesses = [node.as_ref(), None, None, None];
        self.fire(&Change { path: &path, reach: Reach::Node, witnesses }, guard, signals);
    }

    fn announce(&mut self, overlay: &Overlay, guard: &dyn Guard, signals: &mut Signals) {
        for (path, after, reach) in overlay.changes() {
            let parent = path.parent();
            let parent_before = parent.as_ref().and_then(|parent| self.tree.node(parent)).cloned();
            let parent_after =
                parent.as_ref().and_then(|parent| overlay.peek(&self.tree, parent)).cloned();
            let before = self.tree.node(path).cloned();
            let witnesses = [before.as_ref(), after, parent_before.as_ref(), parent_after.as_ref()];
            self.fire(&Change { path, reach, witnesses }, guard, signals);
        }
    }

    /// Decides for each domain once, however many connections and watches it has.
    fn fire(&mut self, change: &Change, guard: &dyn Guard, signals: &mut Signals) {
        let mut visible: BTreeMap<DomainId, bool> = BTreeMap::new();
        let (connections, domains) = (&mut self.connections, &mut self.domains);
        let mut delivery = Delivery { connections, domains, signals };
        for (watched, id, tokens) in self.watches.concerned(change.path, change.reach) {
            let Some(connection) = delivery.connections.get(&id) else { continue };
            let caller = connection.caller;
            let is_visible = || change.is_visible(caller, guard);
            if connection.events.is_overrun()
                || !*visible.entry(caller.domain).or_insert_with(is_visible)
            {
                continue;
            }
            for (token, from) in tokens {
                let path = change.path.text().clone();
                let watched = watched.len();
                let event = Event { path, watched, from: *from, token: token.clone() };
                delivery.push(id, event);
            }
        }
    }
}
