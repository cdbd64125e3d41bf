//! What can be reached from a function, and by which way.

use std::collections::{BTreeSet, VecDeque};

use super::graph::{Graph, Node};

/// All that is reached from one function, each with the one that reached it first.
pub struct Reached {
    from: Vec<Option<Node>>,
}

impl Reached {
    /// Follows every reference from `root`, except those to what `stops`.
    pub fn from(graph: &Graph, root: Node, stops: impl Fn(Node) -> bool) -> Self {
        let mut from = vec![None; graph.len()];
        from[root] = Some(root);
        let mut next = VecDeque::from([root]);
        while let Some(node) = next.pop_front() {
            for &target in graph.targets(node) {
                if from[target].is_none() && !stops(target) {
                    from[target] = Some(node);
                    next.push_back(target);
                }
            }
        }
        Self { from }
    }

    /// All that is reached.
    pub fn nodes(&self) -> impl Iterator<Item = Node> {
        let all = self.from.iter().enumerate();
        all.filter(|(_, from)| from.is_some()).map(|(node, _)| node)
    }

    fn has(&self, node: Node) -> bool {
        self.from[node].is_some()
    }

    /// The way to the node, from the root on.
    pub fn way(&self, node: Node) -> Vec<Node> {
        let mut way = vec![node];
        let mut at = node;
        while let Some(before) = self.from[at].filter(|before| *before != at) {
            way.push(before);
            at = before;
        }
        way.reverse();
        way
    }

    /// What is reached that refers to what is reached and `ends`, and does not itself end.
    pub fn last_before(&self, graph: &Graph, ends: impl Fn(Node) -> bool) -> BTreeSet<Node> {
        let leads = |node: &Node| graph.targets(*node).iter().any(|to| self.has(*to) && ends(*to));
        self.nodes().filter(|node| !ends(*node)).filter(leads).collect()
    }
}
