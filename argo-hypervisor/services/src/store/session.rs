//! One request about nodes, of one caller, in one transaction.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::domain::{Caller, Domains, Quota};
use super::guard::{Access, Guard};
use super::node::Node;
use super::overlay::{Overlay, Reach};
use super::path::Path;
use super::refusal::Refusal;
use super::tree::Tree;

/// What a request about nodes works on. A request that is refused changes nothing in the overlay.
pub(super) struct Session<'a> {
    pub(super) tree: &'a Tree,
    pub(super) domains: &'a Domains,
    pub(super) overlay: &'a mut Overlay,
    pub(super) caller: Caller,
    pub(super) quota: Quota,
    pub(super) guard: &'a dyn Guard,
    pub(super) now: u64,
}

impl Session<'_> {
    /// The node at `path`, if the caller may do that with it. Where there is none, the nearest node
    /// above decides whether the caller may know that.
    pub(super) fn existing(&mut self, path: &Path, access: Access) -> Result<Arc<Node>, Refusal> {
        self.ask(path, access)?;
        let mut at = Some(path.clone());
        while let Some(place) = at {
            if let Some(node) = self.overlay.node(self.tree, &place)? {
                return match node.permissions.allow(self.caller, access) {
                    false => Err(Refusal::Denied),
                    true if place == *path => Ok(node.clone()),
                    true => Err(Refusal::Missing),
                };
            }
            at = place.parent();
        }
        Err(Refusal::Missing)
    }

    /// Makes the node and those above it that are missing. The caller may write the nearest node
    /// that is there.
    pub(super) fn make(&mut self, path: &Path, value: Arc<[u8]>) -> Result<(), Refusal> {
        let mut missing = Vec::from([path.clone()]);
        let mut parent = path.parent().ok_or(Refusal::Invalid)?;
        let above = loop {
            match self.overlay.node(self.tree, &parent)? {
                Some(node) => break node.clone(),
                None => missing.push(parent.clone()),
            }
            parent = parent.parent().ok_or(Refusal::Missing)?;
        };
        missing.iter().try_for_each(|path| self.ask(path, Access::Write))?;
        let permissions = above.permissions.inherited(self.caller, self.domains, self.now);
        let node = Node::new(permissions);
        let bytes = missing.len().saturating_mul(node.bytes()).saturating_add(value.len());
        self.overlay.has_room_for(bytes)?;
        for path in missing.iter().skip(1).rev() {
            self.put(path, node.clone(), Reach::Nobody);
        }
        self.put(path, Node { value, ..node }, Reach::Upwards);
        Ok(())
    }

    /// Removes the node and all below it.
    pub(super) fn remove(&mut self, path: &Path) -> Result<(), Refusal> {
        let doomed = self.overlay.subtree(self.tree, path)?;
        doomed.iter().try_for_each(|path| self.ask(path, Access::Write))?;
        self.overlay.take_away(self.tree, &doomed);
        Ok(())
    }

    /// Puts another node in the place of one that exists.
    pub(super) fn replace(&mut self, path: &Path, node: Node) -> Result<(), Refusal> {
        self.overlay.has_room_for(node.bytes())?;
        self.put(path, node, Reach::Upwards);
        Ok(())
    }

    fn put(&mut self, path: &Path, node: Node, reach: Reach) {
        self.overlay.put(self.tree, path, Some(Arc::new(node)), reach);
    }

    fn ask(&self, path: &Path, access: Access) -> Result<(), Refusal> {
        match self.guard.passes(self.caller.domain, path, access) {
            true => Ok(()),
            false => Err(Refusal::Denied),
        }
    }
}
