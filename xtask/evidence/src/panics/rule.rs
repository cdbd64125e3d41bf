//! Which of the functions and lines that are reached count as a panic.

use std::collections::BTreeSet;

use super::graph::{Graph, Node};
use super::location::Location;
use super::walk::Reached;

/// What every panic refers to.
pub const PANICKED: &str = "argo_panicked";

/// Functions that are called only where memory is used up.
const OUT_OF_MEMORY: &[&str] = &[
    "alloc::alloc::handle_alloc_error",
    "alloc::raw_vec::handle_error",
    "alloc::raw_vec::capacity_overflow",
];

/// Functions that do nothing but panic. Named so that a finding is the function that calls them.
const PANICS: &[&str] = &[
    "core::panicking::",
    "core::slice::index::slice_index_fail",
    "core::slice::copy_from_slice_impl::len_mismatch_fail",
    "core::str::slice_error_fail",
    "core::option::unwrap_failed",
    "core::option::expect_failed",
    "core::result::unwrap_failed",
    "alloc::raw_vec::handle_error",
    "alloc::raw_vec::capacity_overflow",
    "alloc::alloc::handle_alloc_error",
    "__rustc::rust_begin_unwind",
    "no_std_proof::reach::panicked",
    PANICKED,
];

/// Files of the standard library whose panics no argument of a caller brings about: those about
/// memory that is used up, and those by which collections, iterators and searches check themselves,
/// or an order or a text that a type of ours has made. What checks a caller's index, length or
/// number has other files, or names its caller's line.
const TRUSTED: &[&str] = &[
    "alloc/src/alloc.rs",
    "alloc/src/collections/btree/map/entry.rs",
    "alloc/src/collections/btree/navigate.rs",
    "alloc/src/collections/btree/node.rs",
    "alloc/src/fmt.rs",
    "alloc/src/sync.rs",
    "core/src/slice/iter.rs",
    "core/src/slice/memchr.rs",
    "core/src/slice/sort/shared/smallsort.rs",
    "core/src/str/pattern.rs",
];

/// What may be undefined: the end of every panic, and what every platform brings for copies.
const DEFINED_ELSEWHERE: &[&str] =
    &[PANICKED, "memcpy", "memmove", "memset", "memcmp", "bcmp", "strlen"];

/// Which panics count.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// All.
    Strict,
    /// Not those where memory is used up, and not those of files that are trusted.
    Trusting,
}

impl Rule {
    /// All that is reached from an entrance, as far as it counts.
    pub fn reached(self, graph: &Graph, entrance: Node) -> Reached {
        let forgiven = |node| self == Self::Trusting && is_one_of(graph, node, OUT_OF_MEMORY);
        Reached::from(graph, entrance, forgiven)
    }

    /// Who panics of what is reached.
    pub fn findings(self, graph: &Graph, reached: &Reached) -> BTreeSet<Node> {
        let callers = reached.last_before(graph, |node| is_one_of(graph, node, PANICS));
        match self {
            Self::Strict => callers,
            Self::Trusting => untrusted(graph, reached, callers),
        }
    }
}

/// Whoever panics with a line that is not trusted. The line may have been moved into what it calls,
/// so that a function which panics and names no line is meant, too.
fn untrusted(graph: &Graph, reached: &Reached, callers: BTreeSet<Node>) -> BTreeSet<Node> {
    let names_no_line = |node: &Node| graph.locations(*node).next().is_none();
    let names_such = |node: &Node| graph.locations(*node).any(|line| !is_trusted(line));
    let such = reached.nodes().filter(names_such);
    callers.into_iter().filter(names_no_line).chain(such).collect()
}

fn is_trusted(line: &Location) -> bool {
    line.file_of_std().is_some_and(|file| TRUSTED.contains(&file))
}

/// What is reached and nobody defines, so that what it leads to is not known.
pub fn unknown<'g>(graph: &'g Graph, reached: &Reached) -> Vec<&'g str> {
    let undefined = reached.nodes().filter(|node| graph.is_undefined(*node));
    let names = undefined.map(|node| graph.name(node));
    names.filter(|name| !DEFINED_ELSEWHERE.contains(name)).collect()
}

fn is_one_of(graph: &Graph, node: Node, names: &[&str]) -> bool {
    names.iter().any(|name| graph.name(node).starts_with(name))
}
