//! The policy, as a table of what is denied and of rules about ports.

use std::collections::HashSet;

use argo_core::DomainId;
use argo_core::policy::{Action, PortRule, Query, Rings, Subject};

/// With a port between any two at which a rule of a history begins or ends.
const EVERY_PORT: [u32; 8] = [0, 1, 2, 3, 4, 0x8000_0000, 0x8000_0001, u32::MAX];

#[derive(Clone, Debug, Default)]
pub struct Table {
    pub denied: HashSet<Query>,
    /// None: every port is open.
    pub ports: Option<Vec<PortRule>>,
    pub throttled: bool,
}

impl Table {
    pub fn allows(&self, query: Query) -> bool {
        !self.denied.contains(&query)
    }

    /// The first rule that matches decides, else no.
    pub fn opens(&self, way: Way, from_port: Option<u32>, rings: Rings) -> bool {
        let Some(rules) = &self.ports else { return true };
        let is = |subject, domain| subject == Subject::Any || subject == Subject::Domain(domain);
        for rule in rules {
            let source = match (rule.from_port, from_port) {
                (None, _) => true,
                (Some(range), Some(port)) => range.first().0 <= port && port <= range.last().0,
                (Some(_), None) => false,
            };
            let target = rule.to_port.first().0 <= way.port && way.port <= rule.to_port.last().0;
            let ring = rule.rings == Rings::Any || rings == Rings::ForSender;
            if source && target && ring && is(rule.from, way.from) && is(rule.to, way.to) {
                return rule.action == Action::Allow;
            }
        }
        false
    }

    /// Whether one of these source ports, or none, opens the way; to the widest choice of rings.
    pub fn opens_from(&self, way: Way, ports: &[u32]) -> Option<Rings> {
        let sources = || ports.iter().copied().map(Some).chain([None]);
        let open = |rings: &Rings| sources().any(|port| self.opens(way, port, *rings));
        [Rings::Any, Rings::ForSender].into_iter().find(open)
    }

    /// Whether the domain may send there at all, from whatever port.
    pub fn reaches(&self, way: Way, rings: Rings) -> bool {
        let open = |port| self.opens(way, port, rings);
        self.allows(Query::Send { from: way.from, to: way.to })
            && EVERY_PORT.map(Some).into_iter().chain([None]).any(open)
    }
}

/// From one domain to a port of another.
#[derive(Clone, Copy)]
pub struct Way {
    pub from: DomainId,
    pub to: DomainId,
    pub port: u32,
}
