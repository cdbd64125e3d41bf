//! The policy in force: rules as written, resolved against the domains that there are.
//!
//! A [`CompiledPolicy`] is a snapshot that never changes, so a call is judged by one policy or by
//! another, never by a mix. [`LivePolicy`] holds the current one and replaces it when domains
//! come and go or rules change. Explanation and decision are the same code.
//!
//! Rules name domains by name; whichever domain has the name *now* is meant. A rule about a name
//! or label that no domain has (any more) matches nothing.

mod accounts;
mod answers;
mod compile;
mod cuts;
mod directory;
mod explain;
mod inquiry;
mod live;
mod pacer;
mod port_answers;
mod port_classes;
mod refusals;
mod services;
mod store_paths;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use argo_core::policy::{
    self, Action, Decision, LabelSet, PortQuery, PortRule, Query, StoreQuery, home_of,
};
use argo_core::{DomainId, Port};

use crate::config::{Mode, Rules};
use accounts::Accounts;
use answers::Answers;
use compile::Compiled;
use port_answers::{PortAnswers, Question, Source};
use refusals::Written;

pub use cuts::Cuts;
pub use directory::{Directory, DirectoryError};
pub(crate) use inquiry::shown as shown_limit;
pub use inquiry::{Explanation, Inquiry, InquiryError};
pub use live::{Judging, LivePolicy};
pub use pacer::Pacer;
pub use refusals::{Cause, Refusals};

/// Rules and domains at one moment.
pub struct CompiledPolicy {
    written: Arc<Written>,
    directory: Arc<Directory>,
    compiled: Compiled,
    answers: Answers,
    port_answers: PortAnswers,
    /// What was sent by port rules with limits, since these rules are in force.
    accounts: Accounts,
}

impl CompiledPolicy {
    /// The policy that these rules make of these domains.
    pub fn new(rules: Rules, directory: Directory) -> Self {
        Self::resolve(Arc::new(Written::new(rules)), Arc::new(directory))
    }

    fn resolve(written: Arc<Written>, directory: Arc<Directory>) -> Self {
        let compiled = Compiled::new(written.rules(), &directory);
        let domains = directory.len();
        let limits = written.rules().ports.iter().map(|rule| rule.limit);
        let accounts = Accounts::new(limits, domains);
        let (answers, port_answers) = (Answers::new(domains), PortAnswers::new(domains));
        Self { written, directory, compiled, answers, port_answers, accounts }
    }

    /// Goes on with what was sent so far by the same rules, before domains came or went.
    fn take_over_accounts(&self, old: &Self) {
        let ids: Vec<DomainId> = self.directory.members().map(|(id, _)| id).collect();
        let moved = |place: usize| ids.get(place).and_then(|id| old.compiled.slot(*id));
        self.accounts.take_over(&old.accounts, moved);
    }

    /// The answer to a query; its `rule` is the place of the written rule, from 0.
    ///
    /// A pair of domains that was asked about before costs two look-ups, however many rules there
    /// are; else the cost is linear in their number. Allocates nothing.
    #[inline]
    pub fn decide(&self, query: Query) -> Decision {
        let slot = |domain| self.compiled.slot(domain);
        match self.answers.place(query, slot) {
            Some(place) => self.answers.keep(place, || self.compute(query)),
            None => self.compute(query),
        }
    }

    /// The answer about ports, as [`decide`](Self::decide) gives it about domains and at the same
    /// cost: ports that no rule tells apart share an answer.
    #[inline]
    pub fn decide_ports(&self, query: PortQuery) -> Decision {
        let class = |port| Source::Class(self.compiled.from_ports.of(port));
        let source = query.from_port.map_or(Source::None, class);
        self.kept_ports(query, source, || {
            self.judge_ports(query, |rules, labels| policy::decide_ports(rules, labels, query))
        })
    }

    #[inline]
    fn kept_ports(
        &self,
        query: PortQuery,
        source: Source,
        compute: impl FnOnce() -> Decision,
    ) -> Decision {
        let slots = (self.compiled.slot(query.from), self.compiled.slot(query.to));
        let (Some(from), Some(to)) = slots else { return compute() };
        let to_port = self.compiled.to_ports.of(query.to_port);
        let question = Question { from, to, source, to_port, rings: query.rings };
        self.port_answers.keep(question, compute)
    }

    /// Whether any rule looks at this source port.
    #[inline]
    pub fn minds_source(&self, port: Port) -> bool {
        self.compiled.from_ports.is_named(port)
    }

    /// The answer to the luckiest choice of source port, of all there are; at the same cost.
    pub fn decide_from_any_port(&self, query: PortQuery) -> Decision {
        self.kept_ports(query, Source::Any, || {
            self.judge_ports(query, |rules, labels| {
                policy::decide_from_any_port(rules, labels, query)
            })
        })
    }

    /// The answer to the luckiest choice among these source ports and none. Linear in the number of
    /// rules, times that of rules about source ports that fit.
    pub fn decide_from_ports(
        &self,
        query: PortQuery,
        sources: impl Iterator<Item = Port> + Clone,
    ) -> Decision {
        self.judge_ports(query, |rules, labels| {
            policy::decide_from_ports(rules, labels, query, sources)
        })
    }

    /// The answer about a node of the store. Linear in the number of rules.
    pub fn decide_store(&self, query: StoreQuery<'_>) -> Decision {
        let labels = self.labels_of(query.domain, query.domain);
        let decision = policy::decide_store(&self.compiled.store.rules, labels, query);
        let decision = self.compiled.store.as_written(decision);
        self.or_by_mode(decision, || match home_of(query.path) {
            Some(owner) => is_within_silo(query.domain, owner),
            None => query.domain.raw() == 0,
        })
    }

    /// The rules as they are written.
    pub fn rules(&self) -> &Rules {
        self.written.rules()
    }

    /// The domains that the rules were resolved against.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    fn compute(&self, query: Query) -> Decision {
        let labels = self.labels_of(query.source(), query.target().unwrap_or(query.source()));
        let decision = policy::decide(&self.compiled.hooks.rules, labels, query);
        let decision = self.compiled.hooks.as_written(decision);
        let within_silo = |to| is_within_silo(query.source(), to);
        self.or_by_mode(decision, || query.target().is_none_or(within_silo))
    }

    /// Has the rules about ports decide, in one way or another, and else the mode.
    fn judge_ports(
        &self,
        query: PortQuery,
        decide: impl FnOnce(&[PortRule], &dyn Fn(DomainId) -> LabelSet) -> Decision,
    ) -> Decision {
        let labels = self.labels_of(query.from, query.to);
        let decision = self.compiled.ports.as_written(decide(&self.compiled.ports.rules, &labels));
        self.or_by_mode(decision, || is_within_silo(query.from, query.to))
    }

    /// The labels of two domains, looked up once.
    fn labels_of(&self, one: DomainId, other: DomainId) -> impl Fn(DomainId) -> LabelSet + Copy {
        let (of_one, of_other) = (self.compiled.labels(one), self.compiled.labels(other));
        move |domain| if domain == one { of_one } else { of_other }
    }

    /// The decision of a rule, else that of the mode.
    fn or_by_mode(&self, decision: Decision, is_within_silo: impl FnOnce() -> bool) -> Decision {
        let allowed = match self.rules().mode {
            Mode::Rules => false,
            Mode::Silo => is_within_silo(),
            Mode::All => true,
        };
        match decision.rule {
            None if allowed => Decision { action: Action::Allow, rule: None },
            _ => decision,
        }
    }
}

/// Whether the mode `silo` lets one domain have to do with the other.
fn is_within_silo(one: DomainId, other: DomainId) -> bool {
    one == other || one.raw() == 0 || other.raw() == 0
}
