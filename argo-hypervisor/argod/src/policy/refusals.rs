//! Rules as they are written, and how often each has refused something.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::audit;
use crate::config::{Place, Rules};

/// What refused something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cause {
    /// A rule about domains, by its place in the list; `None`: no rule allowed it.
    Hook(Option<usize>),
    /// A rule about ports, likewise.
    Port(Option<usize>),
    /// The limit of a rule about ports.
    Limit(usize),
    /// A rule about paths of the store; `None`: no rule allowed it.
    Store(Option<usize>),
}

/// How often something was refused for one cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusals {
    /// Why.
    pub cause: Cause,
    /// The same for people: `policy rule 4 (demo.toml:31)`, `no port rule`.
    pub text: String,
    /// How often, since these rules are in force.
    pub count: u64,
}

pub(super) struct Written {
    rules: Rules,
    /// Whether any rule is logged.
    logs: bool,
    /// One a cause, in the order of [`causes`].
    counts: Box<[AtomicU64]>,
    /// The rules as the audit stream names them.
    audited: Audited,
}

struct Audited {
    hooks: Box<[Arc<audit::Rule>]>,
    ports: Box<[Arc<audit::Rule>]>,
    store: Box<[Arc<audit::Rule>]>,
}

impl Cause {
    /// The number of the rule, from 1, if it is one.
    pub(super) fn number(self) -> Option<u32> {
        let rule = match self {
            Self::Hook(rule) | Self::Port(rule) | Self::Store(rule) => rule?,
            Self::Limit(rule) => rule,
        };
        u32::try_from(rule + 1).ok()
    }
}

impl Written {
    pub(super) fn new(rules: Rules) -> Self {
        let counts = causes(&rules).map(|_| AtomicU64::new(0)).collect();
        let hooks = rules.hooks.iter().map(|rule| (&rule.place, &rule.comment));
        let ports = rules.ports.iter().map(|rule| (&rule.place, &rule.comment));
        let store = rules.store.iter().map(|rule| (&rule.place, &rule.comment));
        let (hooks, ports, store) = (numbered(hooks), numbered(ports), numbered(store));
        let audited = Audited { hooks, ports, store };
        let logs = rules.hooks.iter().any(|rule| rule.log)
            || rules.ports.iter().any(|rule| rule.log)
            || rules.store.iter().any(|rule| rule.log);
        Self { rules, logs, counts, audited }
    }

    pub(super) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Something was refused.
    pub(super) fn count(&self, cause: Cause) {
        let (hooks, ports) = (self.rules.hooks.len(), self.rules.ports.len());
        let place = match cause {
            Cause::Hook(None) => 0,
            Cause::Port(None) => 1,
            Cause::Store(None) => 2,
            Cause::Hook(Some(rule)) => 3 + rule,
            Cause::Port(Some(rule)) => 3 + hooks + rule,
            Cause::Limit(rule) => 3 + hooks + ports + rule,
            Cause::Store(Some(rule)) => 3 + hooks + 2 * ports + rule,
        };
        if let Some(count) = self.counts.get(place) {
            count.fetch_add(1, Relaxed);
        }
    }

    /// What was refused since these rules are in force.
    pub(super) fn refusals(&self) -> Vec<Refusals> {
        let counted = causes(&self.rules).zip(&self.counts);
        let counted = counted.map(|(cause, count)| (cause, count.load(Relaxed)));
        let occurred = counted.filter(|(_, count)| *count > 0);
        occurred.map(|(cause, count)| Refusals { cause, text: self.shown(cause), count }).collect()
    }

    /// The cause for people.
    pub(super) fn shown(&self, cause: Cause) -> String {
        let by = |kind: &str, rule: usize, place: Option<&Place>| match place {
            Some(Place { file, line }) => format!("{kind} {} ({file}:{line})", rule + 1),
            None => format!("{kind} {}", rule + 1),
        };
        match cause {
            Cause::Hook(None) => "no rule".to_owned(),
            Cause::Port(None) => "no port rule".to_owned(),
            Cause::Store(None) => "no store rule".to_owned(),
            Cause::Hook(Some(rule)) => by("policy rule", rule, self.place(cause)),
            Cause::Port(Some(rule)) => by("port rule", rule, self.place(cause)),
            Cause::Limit(rule) => by("limit of port rule", rule, self.place(cause)),
            Cause::Store(Some(rule)) => by("store rule", rule, self.place(cause)),
        }
    }

    /// Where the rule stands, if it is one.
    pub(super) fn place(&self, cause: Cause) -> Option<&Place> {
        let Rules { hooks, ports, store, .. } = &self.rules;
        match cause {
            Cause::Hook(rule) => hooks.get(rule?).map(|rule| &rule.place),
            Cause::Port(rule) => ports.get(rule?).map(|rule| &rule.place),
            Cause::Limit(rule) => ports.get(rule).map(|rule| &rule.place),
            Cause::Store(rule) => store.get(rule?).map(|rule| &rule.place),
        }
    }

    /// The rule as the audit stream names it, if it is one.
    pub(super) fn audited(&self, cause: Cause) -> Option<Arc<audit::Rule>> {
        match cause {
            Cause::Hook(rule) => self.audited.hooks.get(rule?).cloned(),
            Cause::Port(rule) => self.audited.ports.get(rule?).cloned(),
            Cause::Limit(rule) => self.audited.ports.get(rule).cloned(),
            Cause::Store(rule) => self.audited.store.get(rule?).cloned(),
        }
    }

    /// Whether what the rule allows is to be told.
    #[inline]
    pub(super) fn is_logged(&self, cause: Cause) -> bool {
        self.logs && self.rule_is_logged(cause)
    }

    fn rule_is_logged(&self, cause: Cause) -> bool {
        let Rules { hooks, ports, store, .. } = &self.rules;
        match cause {
            Cause::Hook(Some(rule)) => hooks.get(rule).is_some_and(|rule| rule.log),
            Cause::Port(Some(rule)) => ports.get(rule).is_some_and(|rule| rule.log),
            Cause::Store(Some(rule)) => store.get(rule).is_some_and(|rule| rule.log),
            Cause::Hook(None) | Cause::Port(None) | Cause::Store(None) | Cause::Limit(_) => false,
        }
    }

    /// The remark of the rule's author.
    pub(super) fn comment(&self, cause: Cause) -> Option<&str> {
        let Rules { hooks, ports, store, .. } = &self.rules;
        match cause {
            Cause::Hook(rule) => hooks.get(rule?)?.comment.as_deref(),
            Cause::Port(rule) => ports.get(rule?)?.comment.as_deref(),
            Cause::Limit(rule) => ports.get(rule)?.comment.as_deref(),
            Cause::Store(rule) => store.get(rule?)?.comment.as_deref(),
        }
    }
}

fn numbered<'r>(
    rules: impl Iterator<Item = (&'r Place, &'r Option<String>)>,
) -> Box<[Arc<audit::Rule>]> {
    let audited = |((place, comment), number): ((&Place, &Option<String>), u32)| audit::Rule {
        number,
        file: place.file.to_string(),
        line: place.line as u32,
        comment: comment.clone(),
    };
    rules.zip(1..).map(|rule| Arc::new(audited(rule))).collect()
}

/// Every cause that there may be, in the order of the counts.
fn causes(rules: &Rules) -> impl Iterator<Item = Cause> {
    let (hooks, ports) = (0..rules.hooks.len(), 0..rules.ports.len());
    let none = [Cause::Hook(None), Cause::Port(None), Cause::Store(None)];
    let hooks = hooks.map(|rule| Cause::Hook(Some(rule)));
    let by_port = ports.clone().map(|rule| Cause::Port(Some(rule)));
    let by_path = (0..rules.store.len()).map(|rule| Cause::Store(Some(rule)));
    none.into_iter().chain(hooks).chain(by_port).chain(ports.map(Cause::Limit)).chain(by_path)
}
