//! Answers with their reason, by the code that decides.

use argo_core::DomainId;
use argo_core::policy::{Action, Decision, PortQuery, Query, Rings, StoreQuery};

use super::CompiledPolicy;
use super::refusals::{Cause, Refusals};

impl CompiledPolicy {
    /// Says who asks for what, the answer, and where it comes from, in one line:
    /// `send 3 (attacker) -> 2 (server): denied by policy rule 4 (demo.toml:31)`.
    pub fn explain(&self, query: Query) -> String {
        let decision = self.decide(query);
        let to = query.target().map_or_else(String::new, |to| format!(" -> {}", self.shown(to)));
        let (hook, from) = (query.hook().name(), self.shown(query.source()));
        format!("{hook} {from}{to}: {}", self.verdict(decision, Cause::Hook(decision.rule)))
    }

    /// The same about ports: `port 1 (client):5 -> 2 (server):7: allowed by port rule 2
    /// (demo.toml:40)`.
    pub fn explain_ports(&self, query: PortQuery) -> String {
        let decision = self.decide_ports(query);
        let source = query.from_port.map_or_else(String::new, |port| format!(":{port}"));
        let rings = match query.rings {
            Rings::Any => "",
            Rings::ForSender => ", a ring for the sender alone",
        };
        let (from, to) = (self.shown(query.from), self.shown(query.to));
        let verdict = self.verdict(decision, Cause::Port(decision.rule));
        format!("port {from}{source} -> {to}:{}{rings}: {verdict}", query.to_port)
    }

    /// The same about a node of the store: `store 1 (client) write "/local/domain/1/data": allowed
    /// by store rule 2 (demo.toml:40)`.
    pub fn explain_store(&self, query: StoreQuery<'_>) -> String {
        let decision = self.decide_store(query);
        let (domain, access) = (self.shown(query.domain), query.access.name());
        let verdict = self.verdict(decision, Cause::Store(decision.rule));
        format!("store {domain} {access} {:?}: {verdict}", query.path)
    }

    /// What was refused since these rules are in force: by each rule, and what no rule allowed.
    pub fn refusals(&self) -> Vec<Refusals> {
        self.written.refusals()
    }

    /// A cause for people.
    pub fn cause(&self, cause: Cause) -> String {
        self.written.shown(cause)
    }

    fn verdict(&self, decision: Decision, cause: Cause) -> String {
        match decision {
            Decision { action: Action::Deny, rule: None } => {
                let kind = match cause {
                    Cause::Hook(_) => "rule",
                    Cause::Port(_) | Cause::Limit(_) => "port rule",
                    Cause::Store(_) => "store rule",
                };
                format!("denied: no {kind} allows it")
            }
            Decision { action: Action::Allow, rule: None } => {
                format!("allowed by policy_mode \"{}\"", self.rules().mode.name())
            }
            Decision { action, .. } => {
                let verdict = if action == Action::Allow { "allowed" } else { "denied" };
                format!("{verdict} by {}{}", self.cause(cause), self.remark(cause))
            }
        }
    }

    fn remark(&self, cause: Cause) -> String {
        self.written.comment(cause).map_or_else(String::new, |comment| format!(": {comment}"))
    }

    /// A domain for people.
    pub(crate) fn shown(&self, domain: DomainId) -> String {
        match self.directory.name(domain) {
            Some(name) => format!("{domain} ({name})"),
            None => domain.to_string(),
        }
    }
}
