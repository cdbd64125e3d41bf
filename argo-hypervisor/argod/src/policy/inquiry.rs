//! A question about a policy, asked in words, and its answer: by the code that decides.

use argo_core::policy::{Action, Hook, PortQuery, Query, Rings, StoreAccess, StoreQuery};
use argo_core::{DomainId, Port};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::CompiledPolicy;
use crate::config::{Limit, Size};

/// May a domain do something to a domain?
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inquiry {
    /// Who wants it: a name, or the number of a domain, which need not exist.
    pub from: String,
    /// The port that it sends from, and where it is supposed to own a ring.
    pub from_port: Option<u32>,
    /// Of whom. Needed unless `hook` is about one domain.
    pub to: Option<String>,
    /// The port there.
    pub to_port: Option<u32>,
    /// The one hook to ask; else all that a message depends on.
    pub hook: Option<String>,
    /// A node of the store to ask about instead: an absolute path, or one that begins at the
    /// domain's own part.
    #[serde(default)]
    pub path: Option<String>,
    /// Whether it wants to write `path`, not only read it.
    #[serde(default)]
    pub write: bool,
}

/// What a policy says to an [`Inquiry`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// Single answers with their rules, for people.
    pub lines: Vec<String>,
    /// What follows from them, for people.
    pub verdict: String,
    /// The error that it would get; `None`: it is allowed.
    pub errno: Option<String>,
}

/// An inquiry cannot be answered.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InquiryError {
    /// Nobody is meant.
    #[error("there is no domain {0:?}")]
    NoDomain(String),
    /// Nothing is meant.
    #[error("there is no hook {0:?}; the hooks are {names}", names = Hook::ALL.map(Hook::name).join(", "))]
    NoHook(String),
    /// Half of the question is missing.
    #[error("of which domain? this is a question about two")]
    NoTarget,
}

/// What a sender would get.
enum Outcome {
    Goes,
    /// Only into a ring of the receiver's for the sender alone.
    GoesAlone,
    Refused(&'static str),
    Nobody,
}

impl CompiledPolicy {
    /// Answers a question about this policy.
    ///
    /// # Errors
    /// The question makes no sense.
    pub fn inquire(&self, inquiry: &Inquiry) -> Result<Explanation, InquiryError> {
        let from = self.meant(&inquiry.from)?;
        if let Some(path) = &inquiry.path {
            let access = if inquiry.write { StoreAccess::Write } else { StoreAccess::Read };
            return Ok(self.about_path(from, path, access));
        }
        let to = inquiry.to.as_deref().map(|to| self.meant(to)).transpose()?;
        match &inquiry.hook {
            Some(name) => {
                let hook = Hook::ALL.into_iter().find(|hook| hook.name() == name);
                let hook = hook.ok_or_else(|| InquiryError::NoHook(name.clone()))?;
                self.about_hook(query(hook, from, to)?)
            }
            None => {
                let to = to.ok_or(InquiryError::NoTarget)?;
                Ok(self.about_message(from, inquiry.from_port, to, inquiry.to_port))
            }
        }
    }

    fn meant(&self, name: &str) -> Result<DomainId, InquiryError> {
        let by_id = || DomainId::new(name.parse().ok()?);
        let found = self.directory().id(name).or_else(by_id);
        found.ok_or_else(|| InquiryError::NoDomain(name.to_owned()))
    }

    fn about_hook(&self, query: Query) -> Result<Explanation, InquiryError> {
        let outcome = match self.allows(query) {
            true => Outcome::Goes,
            false => Outcome::Refused("EACCES"),
        };
        Ok(explanation(vec![self.explain(query)], "it", &outcome))
    }

    fn about_path(&self, domain: DomainId, path: &str, access: StoreAccess) -> Explanation {
        let path = match path.starts_with('/') {
            true => path.to_owned(),
            false => format!("/local/domain/{domain}/{path}"),
        };
        let query = StoreQuery { domain, path: &path, access };
        let outcome = match self.decide_store(query).action {
            Action::Allow => Outcome::Goes,
            Action::Deny => Outcome::Refused("EACCES"),
        };
        explanation(vec![self.explain_store(query)], "it", &outcome)
    }

    fn about_message(
        &self,
        from: DomainId,
        from_port: Option<u32>,
        to: DomainId,
        to_port: Option<u32>,
    ) -> Explanation {
        let hooks = [
            Query::Enable { domain: from },
            Query::RegisterAnySource { domain: from },
            Query::RegisterSingleSource { domain: from, partner: to },
            Query::Send { from, to },
            Query::Enable { domain: to },
            Query::RegisterAnySource { domain: to },
            Query::RegisterSingleSource { domain: to, partner: from },
        ];
        let mut lines: Vec<_> = hooks.iter().map(|query| self.explain(*query)).collect();
        let ports = to_port.map(|to_port| PortQuery {
            from,
            from_port: from_port.map(Port),
            to,
            to_port: Port(to_port),
            rings: Rings::Any,
        });
        lines.extend(ports.iter().flat_map(|query| self.about_ports(*query)));
        let outcome = self.outcome(from, to, ports);
        let port = to_port.map_or_else(
            || " (if its ports are allowed, which is not asked here)".to_owned(),
            |port| format!(", port {port},"),
        );
        let what = format!("a message from {} to {}{port}", self.shown(from), self.shown(to));
        explanation(lines, &what, &outcome)
    }

    /// What the ports say, and under which suppositions.
    fn about_ports(&self, query: PortQuery) -> Vec<String> {
        let alone = PortQuery { rings: Rings::ForSender, ..query };
        let mut lines = vec![self.explain_ports(query)];
        let mut decision = self.decide_ports(query);
        if decision.action == Action::Deny {
            decision = self.decide_ports(alone);
            if decision.action == Action::Allow {
                lines.push(self.explain_ports(alone));
            } else if query.from_port.is_none() {
                lines.extend(self.luckiest(query).or_else(|| self.luckiest(alone)));
            }
        }
        if let Some(port) = query.from_port {
            let owner = self.shown(query.from);
            lines.push(format!("(supposing that {owner} owns a ring on port {port})"));
        }
        let rule = decision.rule.and_then(|rule| self.rules().ports.get(rule));
        let limit = rule.map(|rule| rule.limit).filter(|limit| !limit.is_none());
        let limit = limit.filter(|_| decision.action == Action::Allow);
        lines.extend(limit.map(|limit| format!("(at most {}; more waits: EAGAIN)", shown(limit))));
        lines
    }

    /// What is allowed from some source port, where it is not from any.
    fn luckiest(&self, query: PortQuery) -> Option<String> {
        let cuts = self.source_cuts(query.from, query.to, query.to_port);
        let from = |port| PortQuery { from_port: Some(port), ..query };
        let allows = |query: &PortQuery| self.decide_ports(*query).action == Action::Allow;
        let ports = cuts.stretches();
        let lucky = ports.iter().find(|ports| allows(&from(ports.first())))?;
        let owner = self.shown(query.from);
        let said = self.explain_ports(from(lucky.first()));
        Some(format!("{said} (from ports {lucky}, where {owner} has to own a ring)"))
    }

    fn outcome(&self, from: DomainId, to: DomainId, ports: Option<PortQuery>) -> Outcome {
        let hooks = [Query::Enable { domain: from }, Query::Send { from, to }];
        if !hooks.into_iter().all(|query| self.allows(query)) {
            return Outcome::Refused("EACCES");
        }
        let may = |rings| {
            let allows = |query| self.decide_ports(PortQuery { rings, ..query }).action;
            ports.is_none_or(|query| allows(query) == Action::Allow)
        };
        match (may(Rings::Any), may(Rings::ForSender)) {
            (false, false) => Outcome::Refused("EPERM"),
            _ if !self.allows(Query::Enable { domain: to }) => Outcome::Nobody,
            (true, _) => Outcome::Goes,
            (false, true) => Outcome::GoesAlone,
        }
    }

    fn allows(&self, query: Query) -> bool {
        self.decide(query).action == Action::Allow
    }
}

fn query(hook: Hook, from: DomainId, to: Option<DomainId>) -> Result<Query, InquiryError> {
    Query::new(hook, from, to).ok_or(InquiryError::NoTarget)
}

fn explanation(lines: Vec<String>, what: &str, outcome: &Outcome) -> Explanation {
    let (verdict, errno) = match outcome {
        Outcome::Goes => ("is allowed".to_owned(), None),
        Outcome::GoesAlone => {
            let only = "is allowed into a ring that the receiver has for the sender alone, and into \
                        no other (EPERM)";
            (only.to_owned(), None)
        }
        Outcome::Refused(errno) => (format!("is refused with {errno}"), Some(*errno)),
        Outcome::Nobody => {
            let errno = "ECONNREFUSED";
            (format!("is allowed, but the receiver may not use Argo: {errno}"), Some(errno))
        }
    };
    let verdict = format!("{what} {verdict}");
    Explanation { lines, verdict, errno: errno.map(str::to_owned) }
}

/// A limit for people.
pub(crate) fn shown(limit: Limit) -> String {
    let messages = limit.messages.map(|count| format!("{count} messages a second"));
    let bytes = limit.bytes.map(|count| format!("{} a second", Size(count)));
    let parts: Vec<_> = messages.into_iter().chain(bytes).collect();
    if parts.is_empty() { "no limit".to_owned() } else { parts.join(" and ") }
}
