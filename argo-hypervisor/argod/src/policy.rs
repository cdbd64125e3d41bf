//! The policy in force: rules as written, resolved against the domains that there are.
//!
//! A [`CompiledPolicy`] is a snapshot that never changes, so a call is judged by one policy or by
//! another, never by a mix. [`LivePolicy`] holds the current one and replaces it when domains
//! come and go or rules change. Explanation and decision are the same code.
//!
//! Rules name domains by name; whichever domain has the name *now* is meant. A rule about a name
//! or label that no domain has (any more) matches nothing.

mod answers;
mod compile;
mod directory;
mod live;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use argo_core::DomainId;
use argo_core::policy::{self, Action, Decision, LabelSet, Query};

use crate::config::{Place, Rules};
use answers::Answers;
use compile::Compiled;
pub use directory::{Directory, DirectoryError};
pub use live::LivePolicy;

/// Rules and domains at one moment.
pub struct CompiledPolicy {
    written: Arc<Written>,
    directory: Arc<Directory>,
    compiled: Compiled,
    answers: Answers,
}

/// Rules as they are written, and how often each has refused something.
struct Written {
    rules: Rules,
    refused: Box<[AtomicU64]>,
    refused_by_none: AtomicU64,
}

/// How often something was refused for one cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusals {
    /// The place of the rule in the list, from 0; `None` if no rule allowed it.
    pub rule: Option<usize>,
    /// The same for people: `policy rule 4 (demo.toml:31)` or `no rule`.
    pub cause: String,
    /// How often, since these rules are in force.
    pub count: u64,
}

impl CompiledPolicy {
    /// The policy that these rules make of these domains.
    pub fn new(rules: Rules, directory: Directory) -> Self {
        Self::resolve(Arc::new(Written::new(rules)), Arc::new(directory))
    }

    fn resolve(written: Arc<Written>, directory: Arc<Directory>) -> Self {
        let compiled = Compiled::new(&written.rules, &directory);
        let answers = Answers::new(directory.len());
        Self { written, directory, compiled, answers }
    }

    /// The answer to a query; its `rule` is the place of the written rule, from 0.
    ///
    /// A pair of domains that was asked about before costs two look-ups, however many rules there
    /// are; else the cost is linear in their number. Allocates nothing.
    pub fn decide(&self, query: Query) -> Decision {
        let slot = |domain| self.compiled.slot(domain);
        match self.answers.place(query, slot) {
            Some(place) => self.answers.keep(place, || self.compute(query)),
            None => self.compute(query),
        }
    }

    fn compute(&self, query: Query) -> Decision {
        let source = self.labels(query.source());
        let target = query.target().map_or(LabelSet::EMPTY, |target| self.labels(target));
        let labels = |domain| if domain == query.source() { source } else { target };
        let decision = policy::decide(&self.compiled.rules, labels, query);
        let rule = decision.rule.and_then(|at| self.compiled.origins.get(at).copied());
        Decision { rule, ..decision }
    }

    fn labels(&self, domain: DomainId) -> LabelSet {
        self.compiled.labels(domain)
    }

    /// Says who asks for what, the answer, and where it comes from, in one line:
    /// `send 3 (attacker) -> 2 (server): denied by policy rule 4 (demo.toml:31)`.
    pub fn explain(&self, query: Query) -> String {
        let decision = self.decide(query);
        let verdict = match decision.action {
            Action::Allow => "allowed",
            Action::Deny => "denied",
        };
        let why = match decision.rule {
            Some(rule) => format!(" by {}{}", self.cause(Some(rule)), self.remark(rule)),
            None => ": no rule allows it".to_owned(),
        };
        let to = query.target().map_or_else(String::new, |to| format!(" -> {}", self.shown(to)));
        format!("{} {}{to}: {verdict}{why}", query.hook().name(), self.shown(query.source()))
    }

    /// What was refused since these rules are in force: each rule that refused something, then
    /// what no rule allowed.
    pub fn refusals(&self) -> Vec<Refusals> {
        let by_rule = self.written.refused.iter().enumerate();
        by_rule
            .map(|(rule, count)| (Some(rule), count))
            .chain([(None, &self.written.refused_by_none)])
            .map(|(rule, count)| (rule, count.load(Relaxed)))
            .filter(|(_, count)| *count > 0)
            .map(|(rule, count)| Refusals { rule, cause: self.cause(rule), count })
            .collect()
    }

    /// The rules as they are written.
    pub fn rules(&self) -> &Rules {
        &self.written.rules
    }

    /// The domains that the rules were resolved against.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    fn count_refusal(&self, rule: Option<usize>) {
        let counter = rule.and_then(|rule| self.written.refused.get(rule));
        counter.unwrap_or(&self.written.refused_by_none).fetch_add(1, Relaxed);
    }

    fn cause(&self, rule: Option<usize>) -> String {
        let Rules { hooks, .. } = &self.written.rules;
        match rule.and_then(|rule| Some((rule, &hooks.get(rule)?.place))) {
            Some((rule, Place { file, line })) => {
                format!("policy rule {} ({file}:{line})", rule + 1)
            }
            None => "no rule".to_owned(),
        }
    }

    fn remark(&self, rule: usize) -> String {
        let comment = self.written.rules.hooks.get(rule).and_then(|rule| rule.comment.as_ref());
        comment.map_or_else(String::new, |comment| format!(": {comment}"))
    }

    fn shown(&self, domain: DomainId) -> impl fmt::Display {
        match self.directory.name(domain) {
            Some(name) => format!("{domain} ({name})"),
            None => domain.to_string(),
        }
    }
}

impl Written {
    fn new(rules: Rules) -> Self {
        let refused = rules.hooks.iter().map(|_| AtomicU64::new(0)).collect();
        Self { rules, refused, refused_by_none: AtomicU64::new(0) }
    }
}
