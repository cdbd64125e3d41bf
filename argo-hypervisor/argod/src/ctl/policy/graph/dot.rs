//! The graph for Graphviz.

use std::fmt::Write;

use super::model::{Graph, Way};

impl Graph {
    /// A `digraph`. Names have no characters that would have to be escaped, nor have labels.
    pub(in crate::ctl::policy) fn dot(&self) -> String {
        let mut text = "digraph policy {\n  rankdir = LR\n  node [shape = box]\n".to_owned();
        for (at, node) in self.domains.iter().enumerate() {
            let style = if node.enabled { "" } else { ", style = dotted" };
            // Writing to a String does not fail.
            let _ = writeln!(text, "  d{at} [label = \"{}\"{style}]", node.name);
        }
        for edge in &self.edges {
            let style = match edge.way {
                Way::Ports => "",
                Way::Replies => ", color = gray",
                Way::HookOnly => ", style = dashed",
            };
            let (from, to, label) = (edge.from, edge.to, &edge.label);
            let _ = writeln!(text, "  d{from} -> d{to} [label = \"{label}\"{style}]");
        }
        text + "}\n"
    }
}
