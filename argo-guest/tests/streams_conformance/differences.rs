//! Where our library does on purpose what the driver does not, step by step: `differences.tsv`.

use std::sync::LazyLock;

/// The driver's message does not come.
pub const NOTHING: &str = "nothing";

/// The name of a reason: see the section "Streams" of `docs/deviations.md`.
pub type Why = &'static str;

/// Scenarios that are not played, and why not.
const NOT_APPLICABLE: &[(&str, Why)] = &[
    ("f8", "unreadable"),
    ("k1", "bound-twice"),
    ("x1", READ_NOT_RUN),
    ("x2", READ_NOT_RUN),
    ("x3", READ_NOT_RUN),
    ("x4", READ_NOT_RUN),
    ("x5", READ_NOT_RUN),
    ("x6", READ_NOT_RUN),
    ("x7", READ_NOT_RUN),
    ("x8", "accident"),
    ("x9", READ_NOT_RUN),
    ("x10", READ_NOT_RUN),
];

/// What was only read in the driver's source.
pub const READ_NOT_RUN: Why = "read-not-run";

static TABLE: LazyLock<Vec<Difference>> = LazyLock::new(|| {
    let lines = include_str!("differences.tsv").lines();
    lines.filter(|line| !line.starts_with('#')).map(Difference::parse).collect()
});

/// What differs at a step.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// The outcome, in the words of `expected.rs`.
    Outcome,
    /// Before it comes a message that the driver does not send.
    MessageBefore,
    /// From it on a port has this name that ours chose itself.
    Port,
    /// The rest of the scenario knows by this name a connection that ours accepts and the driver
    /// does not.
    Name,
    /// The script closes this socket after it, which the record does not show.
    AlsoClosed,
}

pub struct Difference {
    pub why: Why,
    pub scenario: &'static str,
    pub step: usize,
    pub what: What,
    pub ours: &'static str,
}

impl Difference {
    fn parse(line: &'static str) -> Self {
        let fields: Vec<&str> = line.split('\t').collect();
        let [why, scenario, step, ours] = fields[..] else { panic!("four fields: {line}") };
        let (what, step) = match step.split_at(1) {
            ("+", step) => (What::MessageBefore, step),
            ("@", step) => (What::Port, step),
            ("~", step) => (What::Name, step),
            ("-", step) => (What::AlsoClosed, step),
            _ => (What::Outcome, step),
        };
        Self { why, scenario, step: step.parse().unwrap(), what, ours }
    }
}

/// What differs in that way at that step.
pub fn at(scenario: &str, step: usize, what: What) -> impl Iterator<Item = &'static Difference> {
    let of_step = move |listed: &&Difference| {
        listed.scenario == scenario && listed.step == step && listed.what == what
    };
    TABLE.iter().filter(of_step)
}

pub fn not_applicable(scenario: &str) -> Option<Why> {
    NOT_APPLICABLE.iter().find(|(id, _)| *id == scenario).map(|(_, why)| *why)
}

/// Each scenario with each of its reasons.
pub fn reasons() -> impl Iterator<Item = (&'static str, Why)> {
    let table = TABLE.iter().map(|listed| (listed.scenario, listed.why));
    table.chain(NOT_APPLICABLE.iter().copied())
}
