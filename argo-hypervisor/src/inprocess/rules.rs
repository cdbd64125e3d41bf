//! A ready-made policy.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use argo_core::policy::{
    Decision, LabelSet, PortQuery, PortRule, Query, Rule, decide, decide_from_any_port,
    decide_from_ports, decide_ports,
};
use argo_core::{DomainId, Port};

use crate::policy::Judge;

/// Lists of rules, the first that matches deciding; nothing is allowed that none allows.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// The rules about domains, in order.
    pub rules: Vec<Rule>,
    /// The rules about ports, in order.
    pub ports: Vec<PortRule>,
    /// The labels of domains; who is missing has none.
    pub labels: BTreeMap<DomainId, LabelSet>,
}

impl Rules {
    fn labels(&self, domain: DomainId) -> LabelSet {
        self.labels.get(&domain).copied().unwrap_or_default()
    }
}

impl Judge for Rules {
    fn hook(&self, query: Query) -> Decision {
        decide(&self.rules, |domain| self.labels(domain), query)
    }

    fn ports(&self, query: PortQuery) -> Decision {
        decide_ports(&self.ports, |domain| self.labels(domain), query)
    }

    fn ports_from_any(&self, query: PortQuery) -> Decision {
        decide_from_any_port(&self.ports, |domain| self.labels(domain), query)
    }

    fn ports_from(
        &self,
        query: PortQuery,
        sources: impl Iterator<Item = Port> + Clone,
    ) -> Decision {
        decide_from_ports(&self.ports, |domain| self.labels(domain), query, sources)
    }
}
