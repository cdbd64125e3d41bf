//! No panic that a guest, a peer or a host can bring about: searched for in the compiled code.
//!
//! `argo-core/no-std-proof` has a function for each way in which somebody else's bytes come in. The
//! whole is compiled to one object, optimised, so that a panic which can never happen is gone from
//! it. What is left is a reference to `argo_panicked`; no such function may lead there.
//!
//! Of a strict entrance that holds without exception. Of a trusting one it holds but where memory is
//! used up, and where the standard library checks itself (`rule` names its files). Arithmetic that
//! overflows is no panic in a release; the lints of the crates refuse what could.

mod graph;
mod library;
mod location;
mod rule;
mod walk;

use std::collections::BTreeSet;

use graph::{Graph, GraphError, Node};
pub use library::BuildError;
use rule::{PANICKED, Rule};

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
    /// Something is reached of which it is not known what it does.
    #[error("reached, but defined nowhere: {0}")]
    Undefined(String),
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
            let found = search(&graph, entrance, rule)?;
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
fn search(graph: &Graph, entrance: Node, rule: Rule) -> Result<Expected, PanicsError> {
    let reached = rule.reached(graph, entrance);
    let unknown = rule::unknown(graph, &reached);
    if !unknown.is_empty() {
        return Err(PanicsError::Undefined(unknown.join(", ")));
    }
    let findings = rule.findings(graph, &reached);
    let (name, size) = (graph.name(entrance), reached.nodes().count());
    println!("{name}: {} that panic, of {size} functions and tables", findings.len());
    findings.iter().for_each(|node| report(graph, &reached.way(*node)));
    Ok(if findings.is_empty() { Expected::Nothing } else { Expected::Panics })
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
