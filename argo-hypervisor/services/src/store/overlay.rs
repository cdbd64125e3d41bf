//! What a transaction has seen and changed.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::node::Node;
use super::path::Path;
use super::refusal::Refusal;
use super::tree::Tree;

/// Which watches a change concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// None: it is made on the way to one below it, which is told of.
    Nobody,
    /// Those on the node itself: it goes because one above it goes.
    Node,
    /// Those on the nodes above it as well.
    Upwards,
}

/// One node as the transaction knows it.
#[derive(Debug)]
struct Touched {
    /// When the tree's node was changed last before the first touch; `None` if there was none.
    base: Option<u64>,
    /// The same for the list of its children, if that was asked for.
    listing: Option<u64>,
    node: Option<Arc<Node>>,
    change: Option<Reach>,
}

/// Bytes of what was touched in memory, besides its path and its node: in both lists, with what the
/// heap adds.
const TOUCHED_BYTES: usize = 256;

/// What a transaction has seen and changed. A request on its own is a transaction too.
#[derive(Debug)]
pub(super) struct Overlay {
    touched: BTreeMap<Path, Touched>,
    /// What has changed, in the order of the first change.
    changed: Vec<Path>,
    nodes_max: usize,
    bytes: usize,
    bytes_max: usize,
}

impl Overlay {
    /// One for a request on its own.
    pub(super) fn unlimited() -> Self {
        Self::new(usize::MAX)
    }

    /// One that touches `nodes_max` nodes at most.
    pub(super) fn new(nodes_max: usize) -> Self {
        let (touched, changed) = (BTreeMap::new(), Vec::new());
        Self { touched, changed, nodes_max, bytes: 0, bytes_max: usize::MAX }
    }

    /// Bytes of memory that it holds on to.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// From now on it may hold on to this much memory.
    pub(super) fn limit_bytes(&mut self, bytes_max: usize) {
        self.bytes_max = bytes_max;
    }

    /// Whether there is room for these bytes more.
    pub(super) fn has_room_for(&self, bytes: usize) -> Result<(), Refusal> {
        match self.bytes.saturating_add(bytes) <= self.bytes_max {
            true => Ok(()),
            false => Err(Refusal::QuotaUsedUp),
        }
    }

    /// The node at `path`, which is remembered from now on.
    pub(super) fn node(&mut self, tree: &Tree, path: &Path) -> Result<Option<&Arc<Node>>, Refusal> {
        Ok(self.look(tree, path)?.node.as_ref())
    }

    /// The node at `path` as it is after the transaction.
    pub(super) fn peek<'a>(&'a self, tree: &'a Tree, path: &Path) -> Option<&'a Arc<Node>> {
        match self.touched.get(path) {
            Some(touched) => touched.node.as_ref(),
            None => tree.node(path),
        }
    }

    /// The nodes directly below `path`, in order. That there are no others is remembered from now on.
    pub(super) fn children(&mut self, tree: &Tree, path: &Path) -> Result<Vec<Path>, Refusal> {
        let listing = tree.slot(path).map(|slot| slot.listing);
        let touched = self.look(tree, path)?;
        touched.listing = touched.listing.or(listing);
        let first = path.first_below(1);
        let own = self.touched.range(first.clone()..);
        let own = own.take_while(|(path, _)| path.is_beside(&first));
        let made = own.filter(|(_, touched)| touched.node.is_some()).map(|(path, _)| path.clone());
        let kept = tree.children(path).filter(|path| !self.touched.contains_key(path)).cloned();
        let mut children: Vec<_> = made.chain(kept).collect();
        children.sort_unstable();
        Ok(children)
    }

    /// The node at `path` and all below it, each before those below it. That there are no others is
    /// remembered from now on.
    pub(super) fn subtree(&mut self, tree: &Tree, path: &Path) -> Result<Vec<Path>, Refusal> {
        let mut paths = Vec::from([path.clone()]);
        let mut next = 0_usize;
        while let Some(path) = paths.get(next).cloned() {
            paths.append(&mut self.children(tree, &path)?);
            next = next.saturating_add(1);
        }
        Ok(paths)
    }

    /// Puts a node into its place, or takes it away.
    pub(super) fn put(&mut self, tree: &Tree, path: &Path, node: Option<Arc<Node>>, reach: Reach) {
        let more = bytes(node.as_ref());
        let touched = self.touch(tree, path);
        let fewer = bytes(touched.node.as_ref());
        touched.node = node;
        let is_first = touched.change.is_none();
        touched.change = touched.change.max(Some(reach));
        if is_first {
            self.changed.push(path.clone());
        }
        self.bytes = self.bytes.saturating_sub(fewer).saturating_add(more);
    }

    /// Takes away what [`subtree`](Self::subtree) has told.
    pub(super) fn take_away(&mut self, tree: &Tree, subtree: &[Path]) {
        let reaches = core::iter::once(Reach::Upwards).chain(core::iter::repeat(Reach::Node));
        for (path, reach) in subtree.iter().zip(reaches) {
            self.put(tree, path, None, reach);
        }
    }

    /// Whether all that was touched is still in the tree as it was.
    pub(super) fn is_current(&self, tree: &Tree) -> bool {
        self.touched.iter().all(|(path, touched)| {
            let slot = tree.slot(path);
            let listing = slot.map(|slot| slot.listing);
            slot.map(|slot| slot.changed) == touched.base
                && (touched.listing.is_none() || touched.listing == listing)
        })
    }

    /// What has changed, in the order of the first change.
    pub(super) fn changes(&self) -> impl Iterator<Item = (&Path, Option<&Arc<Node>>, Reach)> {
        self.changed.iter().filter_map(|path| {
            let touched = self.touched.get(path)?;
            Some((path, touched.node.as_ref(), touched.change?))
        })
    }

    /// Whether nothing has changed.
    pub(super) fn is_unchanged(&self) -> bool {
        self.changed.is_empty()
    }

    /// The node as it is from now on for the transaction, if there is room to remember it.
    fn look(&mut self, tree: &Tree, path: &Path) -> Result<&mut Touched, Refusal> {
        if !self.touched.contains_key(path) {
            if self.touched.len() >= self.nodes_max {
                return Err(Refusal::QuotaUsedUp);
            }
            self.has_room_for(touched_bytes(tree, path))?;
        }
        Ok(self.touch(tree, path))
    }

    fn touch(&mut self, tree: &Tree, path: &Path) -> &mut Touched {
        let slot = tree.slot(path);
        let bytes = &mut self.bytes;
        self.touched.entry(path.clone()).or_insert_with(|| {
            *bytes = bytes.saturating_add(touched_bytes(tree, path));
            Touched {
                base: slot.map(|slot| slot.changed),
                listing: None,
                node: slot.map(|slot| slot.node.clone()),
                change: None,
            }
        })
    }
}

fn touched_bytes(tree: &Tree, path: &Path) -> usize {
    let node = bytes(tree.node(path));
    TOUCHED_BYTES.saturating_add(path.text().len()).saturating_add(node)
}

fn bytes(node: Option<&Arc<Node>>) -> usize {
    node.map_or(0, |node| node.bytes())
}
