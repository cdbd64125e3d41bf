//! Asking about all ports, by asking once between any two at which the answer can change.

use std::collections::BTreeMap;
use std::fmt;

use argo_core::policy::{Action, PortQuery, PortRange, Rings};
use argo_core::{DomainId, Port};

use crate::policy::{CompiledPolicy, Cuts};

/// A sender and a receiver, as one policy knows them.
#[derive(Clone, Copy)]
pub(super) struct Pair<'p> {
    pub(super) policy: &'p CompiledPolicy,
    pub(super) from: DomainId,
    pub(super) to: DomainId,
}

/// Into which rings a message may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    Nowhere,
    /// Into those that the receiver has for the sender alone.
    Alone,
    /// Into those that the sender reaches.
    Everywhere,
}

/// What is decided about a message, and by which port rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Outcome {
    pub(super) reach: Reach,
    pub(super) rule: Option<usize>,
}

impl Outcome {
    /// What becomes of a message of nobody, or to nobody.
    pub(super) const NOBODY: Self = Self { reach: Reach::Nowhere, rule: None };
}

impl Pair<'_> {
    /// As the engine asks: for any ring, else for one that is for the sender alone.
    pub(super) fn outcome(self, from_port: Option<Port>, to_port: Port) -> Outcome {
        let Self { policy, from, to } = self;
        let ask = |rings| policy.decide_ports(PortQuery { from, from_port, to, to_port, rings });
        let (any, alone) = (ask(Rings::Any), ask(Rings::ForSender));
        match (any.action, alone.action) {
            (Action::Allow, _) => Outcome { reach: Reach::Everywhere, rule: any.rule },
            (_, Action::Allow) => Outcome { reach: Reach::Alone, rule: alone.rule },
            _ => Outcome { reach: Reach::Nowhere, rule: any.rule },
        }
    }
}

/// Source ports.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Sources {
    /// Those on which the sender owns a ring.
    pub(super) ports: Vec<PortRange>,
    /// Whether those on which it owns none are among them.
    pub(super) ringless: bool,
}

impl Sources {
    /// Whether the source port does not matter.
    pub(super) fn is_all(&self) -> bool {
        self.ringless && self.ports == [PortRange::ALL]
    }
}

/// Nothing if the port does not matter, else `:5,7-9`.
impl fmt::Display for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.is_all(), self.ports.is_empty(), self.ringless) {
            (true, _, _) => Ok(()),
            (_, true, _) => f.write_str(" (from a port where it has no ring)"),
            (_, _, true) => write!(f, ":{} or without a ring", listed(&self.ports)),
            (_, _, false) => write!(f, ":{}", listed(&self.ports)),
        }
    }
}

/// `5,7-9`
pub(super) fn listed(ranges: &[PortRange]) -> String {
    ranges.iter().map(PortRange::to_string).collect::<Vec<_>>().join(",")
}

/// The receiving ports for each thing that is true of them, and of messages from which ports.
pub(super) type Areas<V> = BTreeMap<(Sources, V), Vec<PortRange>>;

/// Asks about all ports of pairs that are one in each policy. `ask` is given a source port and a
/// receiving one; what it answers has to come from the policies alone.
pub(super) fn sweep<V: Ord>(
    pairs: &[Pair<'_>],
    ask: impl Fn(Option<Port>, Port) -> Option<V>,
) -> Areas<V> {
    let mut areas = Areas::new();
    let cuts = together(pairs, |pair| pair.policy.cuts(pair.from, pair.to));
    for ports in cuts.stretches() {
        let to_port = ports.first();
        let source_cuts =
            together(pairs, |pair| pair.policy.source_cuts(pair.from, pair.to, to_port));
        for (value, sources) in by_source(&source_cuts, |from_port| ask(from_port, to_port)) {
            append(areas.entry((sources, value)).or_default(), ports);
        }
    }
    areas
}

fn together(pairs: &[Pair<'_>], cuts: impl Fn(&Pair<'_>) -> Cuts) -> Cuts {
    pairs.iter().map(cuts).fold(Cuts::default(), Cuts::and)
}

fn by_source<V: Ord>(cuts: &Cuts, ask: impl Fn(Option<Port>) -> Option<V>) -> BTreeMap<V, Sources> {
    let mut answers: BTreeMap<V, Sources> = BTreeMap::new();
    for ports in cuts.stretches() {
        if let Some(value) = ask(Some(ports.first())) {
            append(&mut answers.entry(value).or_default().ports, ports);
        }
    }
    if let Some(value) = ask(None) {
        answers.entry(value).or_default().ringless = true;
    }
    answers
}

/// Adds ports that come after the others.
fn append(ranges: &mut Vec<PortRange>, next: PortRange) {
    let joined = ranges.last().and_then(|last| {
        let adjoins = last.last().0.checked_add(1) == Some(next.first().0);
        PortRange::new(last.first(), next.last()).filter(|_| adjoins)
    });
    match (joined, ranges.last_mut()) {
        (Some(joined), Some(last)) => *last = joined,
        _ => ranges.push(next),
    }
}
