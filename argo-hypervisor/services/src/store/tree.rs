//! The nodes as all see them.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;

use super::domain::Domains;
use super::node::Node;
use super::path::Path;

/// A node in its place.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) node: Arc<Node>,
    /// When the node was made or changed.
    pub(super) changed: u64,
    /// When a node directly below was made or removed.
    pub(super) listing: u64,
}

/// All nodes. Each but the root and the special ones has a parent.
#[derive(Debug, Default)]
pub(super) struct Tree {
    slots: BTreeMap<Path, Slot>,
}

impl Tree {
    pub(super) fn slot(&self, path: &Path) -> Option<&Slot> {
        self.slots.get(path)
    }

    pub(super) fn node(&self, path: &Path) -> Option<&Arc<Node>> {
        self.slot(path).map(|slot| &slot.node)
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// The nodes directly below.
    pub(super) fn children(&self, path: &Path) -> impl Iterator<Item = &Path> {
        let first = path.first_below(1);
        self.slots
            .range(first.clone()..)
            .map(|(path, _)| path)
            .take_while(move |path| path.is_beside(&first))
    }

    /// Puts a node into its place, or takes it away, at the time `now`.
    pub(super) fn apply(
        &mut self,
        path: Path,
        node: Option<Arc<Node>>,
        now: u64,
        domains: &mut Domains,
    ) {
        let was = self.node(&path).map(|node| node.permissions.owner);
        let is = node.as_ref().map(|node| node.permissions.owner);
        if was != is {
            if let Some(domain) = was.and_then(|id| domains.known_mut(id)) {
                domain.owned.remove(&path);
            }
            if let Some(domain) = is.and_then(|id| domains.known_mut(id)) {
                domain.owned.insert(path.clone());
            }
        }
        if was.is_some() != is.is_some() {
            self.touch_listing(&path, now);
        }
        self.replace(path, node, now);
    }

    fn touch_listing(&mut self, path: &Path, now: u64) {
        if let Some(slot) = path.parent().and_then(|parent| self.slots.get_mut(&parent)) {
            slot.listing = now;
        }
    }

    fn replace(&mut self, path: Path, node: Option<Arc<Node>>, now: u64) {
        let Some(node) = node else {
            self.slots.remove(&path);
            return;
        };
        let listing = self.slot(&path).map_or(now, |slot| slot.listing);
        self.slots.insert(path, Slot { node, changed: now, listing });
    }
}
