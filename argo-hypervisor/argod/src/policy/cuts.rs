//! Where answers about ports may change: whoever asks once between two of these ports has asked
//! about all.

use std::collections::BTreeSet;

use argo_core::policy::{PortRange, PortRule};
use argo_core::{DomainId, Port};

use super::CompiledPolicy;

/// Ports at which answers may change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cuts(BTreeSet<Port>);

impl Cuts {
    /// The ports between two cuts each, all ports together.
    pub fn stretches(&self) -> Vec<PortRange> {
        let begins: Vec<_> = [Port(0)].into_iter().chain(self.0.iter().copied()).collect();
        let ends = begins.iter().skip(1).map(|port| Port(port.0.saturating_sub(1)));
        let ends = ends.chain([Port(u32::MAX)]);
        begins.iter().zip(ends).filter_map(|(begin, end)| PortRange::new(*begin, end)).collect()
    }

    /// The cuts of both.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    fn new(ranges: impl Iterator<Item = PortRange>) -> Self {
        let ends =
            ranges.flat_map(|range| [Some(range.first()), range.last().0.checked_add(1).map(Port)]);
        Self(ends.flatten().filter(|port| port.0 > 0).collect())
    }
}

impl CompiledPolicy {
    /// Where answers about messages between two domains may change by the receiving port.
    pub fn cuts(&self, from: DomainId, to: DomainId) -> Cuts {
        Cuts::new(self.between(from, to).map(|rule| rule.to_port))
    }

    /// Where those about one receiving port may change by the source port.
    pub fn source_cuts(&self, from: DomainId, to: DomainId, to_port: Port) -> Cuts {
        let rules = self.between(from, to).filter(|rule| rule.to_port.contains(to_port));
        Cuts::new(rules.filter_map(|rule| rule.from_port))
    }

    fn between(&self, from: DomainId, to: DomainId) -> impl Iterator<Item = &PortRule> {
        let labels = self.labels_of(from, to);
        let rules = self.compiled.ports.rules.iter();
        rules.filter(move |rule| rule.from.covers(from, labels) && rule.to.covers(to, labels))
    }
}
