//! No panic that a guest, a peer or a host can bring about: searched for in the compiled code.
//!
//! `argo-core/no-std-proof` has a function for each way in which somebody else's bytes come in. The
//! whole is compiled to one object, optimised, so that a panic which can never happen is gone from
//! it. What is left is a reference to `argo_panicked`; no such function may lead there.

mod graph;
mod library;
mod location;
mod walk;

use std::collections::BTreeSet;

use graph::{Graph, GraphError, Node};
pub use library::BuildError;
use walk::Reached;

/// What every panic refers to.
const PANICKED: &str = "argo_panicked";

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

/// Which panics count.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// All.
    Strict,
    /// Not those inside the standard library: where memory is used up, and in its own collections
    /// should they be broken.
    Trusting,
}

/// What has to be found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expected {
    Nothing,
    /// Or the search itself is broken.
    Panics,
}

/// What is expected of an entrance, by how its name begins.
const EXPECTATIONS: [(&str, Rule, Expected); 4] = [
    ("strict_", Rule::Strict, Expected::Nothing),
    ("trusting_", Rule::Trusting, Expected::Nothing),
    ("broken_", Rule::Trusting, Expected::Panics),
    ("wasteful_", Rule::Strict, Expected::Panics),
];

/// Why the evidence is not there.
#[derive(Debug, thiserror::Error)]
pub enum PanicsError {
    /// The library cannot be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The library cannot be read.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The library has nothing to look at.
    #[error("the library has no {0}: the evidence looks at the wrong thing")]
    Nothing(&'static str),
    /// There are findings, printed before.
    #[error("{0} entrances are not as their names say")]
    Found(usize),
}

/// Builds the library and looks for panics; prints what it finds.
///
/// # Errors
/// There are any, or it cannot be known.
pub fn check() -> Result<(), PanicsError> {
    let graph = Graph::of_library(&library::build()?)?;
    graph.symbol(PANICKED).ok_or(PanicsError::Nothing(PANICKED))?;
    let mut findings = 0;
    let mut searched = 0;
    for (prefix, rule, expected) in EXPECTATIONS {
        let entrances = graph.symbols_with(prefix);
        if entrances.is_empty() {
            return Err(PanicsError::Nothing(prefix));
        }
        searched += entrances.len() as u64;
        for (_, entrance) in entrances {
            let found = search(&graph, entrance, rule);
            findings += usize::from(found != expected);
        }
    }
    if findings > 0 {
        return Err(PanicsError::Found(findings));
    }
    effort::ran(searched, "entrances searched for panics");
    Ok(())
}

/// Searches what is reached from an entrance; prints what it finds.
fn search(graph: &Graph, entrance: Node, rule: Rule) -> Expected {
    let forgiven = |node| rule == Rule::Trusting && is_one_of(graph, node, OUT_OF_MEMORY);
    let reached = Reached::from(graph, entrance, forgiven);
    let findings = match rule {
        Rule::Strict => reached.last_before(graph, |node| panics(graph, node)),
        Rule::Trusting => not_of_std(graph, &reached),
    };
    let (name, size) = (graph.name(entrance), reached.nodes().count());
    println!("{name}: {} that panic, of {size} functions and tables", findings.len());
    findings.iter().for_each(|node| report(graph, &reached.way(*node)));
    if findings.is_empty() { Expected::Nothing } else { Expected::Panics }
}

/// Whoever panics with a line of ours. The line may have been moved into what it calls, so that a
/// function which panics and names no line is meant, too.
fn not_of_std(graph: &Graph, reached: &Reached) -> BTreeSet<Node> {
    let names_no_line = |node: &Node| graph.locations(*node).next().is_none();
    let callers = reached.last_before(graph, |node| panics(graph, node));
    let names_ours = |node: &Node| graph.locations(*node).any(|line| !line.is_of_std());
    let ours = reached.nodes().filter(names_ours);
    callers.into_iter().filter(names_no_line).chain(ours).collect()
}

fn panics(graph: &Graph, node: Node) -> bool {
    is_one_of(graph, node, PANICS)
}

fn is_one_of(graph: &Graph, node: Node, names: &[&str]) -> bool {
    names.iter().any(|name| graph.name(node).starts_with(name))
}

/// Prints where in the source a function panics, and the way to it.
fn report(graph: &Graph, way: &[Node]) {
    let lines: BTreeSet<_> =
        way.last().into_iter().flat_map(|last| graph.locations(*last)).collect();
    for line in lines {
        println!("    at {line}");
    }
    for node in way.iter().rev() {
        println!("    in {}", graph.name(*node));
    }
}
