//! Rules about ports: who may send to which port of whom.

use core::fmt;
use core::ops::RangeInclusive;

use super::{Action, Decision, LabelSet, Subject, first};
use crate::{DomainId, Port};

/// Ports in a row, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PortRange {
    first: Port,
    last: Port,
}

impl PortRange {
    /// Every port.
    pub const ALL: Self = Self { first: Port(0), last: Port(u32::MAX) };
    /// The ports that are handed out to whoever does not care which one it gets.
    pub const DYNAMIC: Self = Self { first: Port::DYNAMIC_FIRST, last: Port(u32::MAX) };

    /// These ports; `None` if the first comes after the last.
    pub const fn new(first: Port, last: Port) -> Option<Self> {
        if first.0 <= last.0 { Some(Self { first, last }) } else { None }
    }

    /// One port.
    pub const fn one(port: Port) -> Self {
        Self { first: port, last: port }
    }

    /// The first port.
    pub const fn first(self) -> Port {
        self.first
    }

    /// The last port.
    pub const fn last(self) -> Port {
        self.last
    }

    /// Whether the port is one of them.
    pub const fn contains(self, port: Port) -> bool {
        self.first.0 <= port.0 && port.0 <= self.last.0
    }

    /// The numbers of the ports.
    pub const fn numbers(self) -> RangeInclusive<u32> {
        self.first.0..=self.last.0
    }
}

/// `any`, `7` or `7-9`.
impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, last } = self;
        match (*self == Self::ALL, first == last) {
            (true, _) => f.write_str("any"),
            (_, true) => first.fmt(f),
            (_, false) => write!(f, "{first}-{last}"),
        }
    }
}

/// Which rings at a port are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rings {
    /// Whichever the sender reaches there.
    Any,
    /// Only one that its owner registered for the sender alone (its exact partner).
    ForSender,
}

/// One rule about ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PortRule {
    /// The sender.
    pub from: Subject,
    /// The port that it sends from, if that matters. A source port is only a claim, so the rule
    /// matches only if the sender owns a ring there.
    pub from_port: Option<PortRange>,
    /// The receiver.
    pub to: Subject,
    /// The port that it receives on.
    pub to_port: PortRange,
    /// Which rings there.
    pub rings: Rings,
    /// The answer.
    pub action: Action,
}

impl PortRule {
    /// Whether all but the source port matches.
    fn fits(&self, labels: impl Fn(DomainId) -> LabelSet + Copy, query: PortQuery) -> bool {
        self.to_port.contains(query.to_port)
            && (self.rings == Rings::Any || query.rings == Rings::ForSender)
            && self.from.covers(query.from, labels)
            && self.to.covers(query.to, labels)
    }
}

/// May a message go from here to there?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PortQuery {
    /// The sender.
    pub from: DomainId,
    /// The port that it says it sends from, if it owns a ring there.
    pub from_port: Option<Port>,
    /// The receiver.
    pub to: DomainId,
    /// The port there.
    pub to_port: Port,
    /// Which rings it may end up in: [`Rings::ForSender`] if it is sure to reach none but one that
    /// is for the sender alone.
    pub rings: Rings,
}

/// Decides a message's ports: the first rule that matches, else no.
///
/// `labels` tells the labels of a domain. The cost is linear in the number of rules; a caller on a
/// hot path keeps the answers.
pub fn decide_ports(
    rules: &[PortRule],
    labels: impl Fn(DomainId) -> LabelSet + Copy,
    query: PortQuery,
) -> Decision {
    let from_port = |ports: PortRange| query.from_port.is_some_and(|port| ports.contains(port));
    let matching =
        |rule: &PortRule| rule.from_port.is_none_or(from_port) && rule.fits(labels, query);
    first(rules, matching, |rule| rule.action)
}

/// Decides for the luckiest choice of source port, of all that there are: yes if some owner of some
/// port may send. `from_port` of the query is not looked at.
///
/// The cost is linear in the number of rules, times the number of those about source ports that fit
/// the query.
pub fn decide_from_any_port(
    rules: &[PortRule],
    labels: impl Fn(DomainId) -> LabelSet + Copy,
    query: PortQuery,
) -> Decision {
    decide_luckily(rules, labels, query, |ports, barred| {
        // Between two of these ports all are alike.
        let after = |rule: &PortRule| rule.from_port?.last.0.checked_add(1).map(Port);
        let changes = rules.iter().filter_map(after).filter(|port| ports.contains(*port));
        changes.chain([ports.first]).any(|port| !barred(port))
    })
}

/// The same for these source ports, and for none.
pub fn decide_from_ports(
    rules: &[PortRule],
    labels: impl Fn(DomainId) -> LabelSet + Copy,
    query: PortQuery,
    sources: impl Iterator<Item = Port> + Clone,
) -> Decision {
    decide_luckily(rules, labels, query, |ports, barred| {
        sources.clone().any(|port| ports.contains(port) && !barred(port))
    })
}

/// `finds`: whether there is a source port within a range that is not barred by an earlier rule.
fn decide_luckily(
    rules: &[PortRule],
    labels: impl Fn(DomainId) -> LabelSet + Copy,
    query: PortQuery,
    finds: impl Fn(PortRange, &dyn Fn(Port) -> bool) -> bool,
) -> Decision {
    for (at, rule) in rules.iter().enumerate().filter(|(_, rule)| rule.fits(labels, query)) {
        let bars = |rule: &PortRule, port| rule.from_port.is_some_and(|ports| ports.contains(port));
        let barred = |port| rules.iter().take(at).any(|r| bars(r, port) && r.fits(labels, query));
        let decides = match (rule.from_port, rule.action) {
            (None, _) => true,
            (Some(ports), Action::Allow) => finds(ports, &barred),
            (Some(_), Action::Deny) => false,
        };
        if decides {
            return Decision { action: rule.action, rule: Some(at) };
        }
    }
    Decision { action: Action::Deny, rule: None }
}
