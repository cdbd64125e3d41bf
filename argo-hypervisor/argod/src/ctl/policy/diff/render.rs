//! Changes for people and for programs.

use argo_core::policy::{Action, Decision, Hook, StoreAccess};
use serde::Serialize;

use super::changes::{Changes, HookChange, PortChange, answer, limit};
use super::store::{Reached, StoreChange};
use crate::config::Place;
use crate::ctl::policy::sweep::{Outcome, Reach, listed};
use crate::policy::{CompiledPolicy, shown_limit};

/// Why nobody may do anything.
const NO_DOMAIN: &str = "no such domain";

/// A change as a program reads it.
#[derive(Debug, Serialize)]
pub(in crate::ctl::policy) struct Told {
    /// What happens.
    pub(in crate::ctl::policy) change: Kind,
    /// What is asked: a hook's name, `port` or `store`.
    pub(in crate::ctl::policy) what: &'static str,
    /// The sender, or the ring's owner.
    pub(in crate::ctl::policy) from: String,
    /// The source ports on which it has a ring; `null`: no matter which, and whether it has.
    pub(in crate::ctl::policy) from_ports: Option<Vec<String>>,
    /// Whether `from_ports` has those ports too on which it has no ring.
    pub(in crate::ctl::policy) from_no_ring: bool,
    /// The receiver, or the ring's partner.
    pub(in crate::ctl::policy) to: Option<String>,
    /// The receiving ports.
    pub(in crate::ctl::policy) ports: Vec<String>,
    /// Where messages may go before and after.
    pub(in crate::ctl::policy) rings: Option<[&'static str; 2]>,
    /// The path of the store.
    pub(in crate::ctl::policy) path: Option<String>,
    /// What may be done to it before and after.
    pub(in crate::ctl::policy) access: Option<[&'static str; 2]>,
    /// Why it was as it was.
    pub(in crate::ctl::policy) before: String,
    /// Why it will be as it will be.
    pub(in crate::ctl::policy) after: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::ctl::policy) enum Kind {
    Allowed,
    Refused,
    Limit,
}

impl Kind {
    const fn sign(self) -> char {
        match self {
            Self::Allowed => '+',
            Self::Refused => '-',
            Self::Limit => '~',
        }
    }
}

impl Changes<'_> {
    /// A line a change.
    pub(in crate::ctl::policy) fn text(&self) -> String {
        let hooks = self.hooks.iter().map(|change| self.hook_line(change));
        let ports = self.ports.iter().map(|change| self.port_line(change));
        hooks.chain(ports).chain(self.store.iter().map(|change| self.store_line(change))).collect()
    }

    /// The same for programs.
    pub(in crate::ctl::policy) fn told(&self) -> Vec<Told> {
        let hooks = self.hooks.iter().map(|change| self.told_hook(change));
        let ports = self.ports.iter().map(|change| self.told_port(change));
        hooks.chain(ports).chain(self.store.iter().map(|change| self.told_store(change))).collect()
    }

    fn hook_line(&self, change: &HookChange<'_>) -> String {
        let HookChange { hook, from, to, .. } = change;
        let told = self.told_hook(change);
        let to = to.map_or_else(String::new, |to| format!(" -> {to}"));
        format!("{} {} {from}{to} {}\n", told.change.sign(), hook.name(), why(&told))
    }

    fn port_line(&self, change: &PortChange<'_>) -> String {
        let told = self.told_port(change);
        let PortChange { from, sources, to, ports, before, after } = change;
        let rings = match (before.reach, after.reach) {
            (Reach::Nowhere, Reach::Alone) | (Reach::Alone, Reach::Nowhere) => {
                format!(", into rings that are for {from} alone")
            }
            (Reach::Alone, Reach::Everywhere) | (Reach::Everywhere, Reach::Alone) => {
                ", into rings that are for every domain".to_owned()
            }
            _ => String::new(),
        };
        let limits = match [limit(self.old, *before), limit(self.new, *after)] {
            [old, new] if told.change == Kind::Limit => {
                format!(": {} becomes {}", shown_limit(old), shown_limit(new))
            }
            [_, new] if told.change == Kind::Allowed && !new.is_none() => {
                format!(", at most {}", shown_limit(new))
            }
            _ => String::new(),
        };
        let barred = self.barred(change);
        let (sign, ports, why) = (told.change.sign(), listed(ports), why(&told));
        format!("{sign} {from}{sources} -> {to} port {ports}{rings}{limits} {why}{barred}\n")
    }

    /// Whether something else keeps the messages back all the same.
    fn barred(&self, change: &PortChange<'_>) -> &'static str {
        let send = answer(self.new, Hook::Send, change.from, Some(change.to));
        match send.is_some_and(|send| send.action == Action::Deny) {
            true if change.after.reach > Reach::Nowhere => " [but hook send refuses it]",
            _ => "",
        }
    }

    /// `+` with the most that becomes allowed, `-` with the least that becomes refused.
    fn store_line(&self, change: &StoreChange<'_>) -> String {
        let told = self.told_store(change);
        let what = match (change.before.access, change.after.access) {
            (Some(StoreAccess::Write), Some(StoreAccess::Read)) => StoreAccess::Write,
            (_, after) => after.unwrap_or(StoreAccess::Read),
        };
        let (sign, what, domain) = (told.change.sign(), what.name(), change.domain);
        format!("{sign} {what} {domain} {} {}\n", change.path, why(&told))
    }

    fn told_store(&self, change: &StoreChange<'_>) -> Told {
        let StoreChange { domain, path, before, after } = change;
        let name = |reached: &Reached| reached.access.map_or("none", StoreAccess::name);
        Told {
            change: if after.access > before.access { Kind::Allowed } else { Kind::Refused },
            what: "store",
            from: (*domain).to_owned(),
            from_ports: None,
            from_no_ring: false,
            to: None,
            ports: Vec::new(),
            rings: None,
            path: Some(path.clone()),
            access: Some([name(before), name(after)]),
            before: store_cause(self.old, *before),
            after: store_cause(self.new, *after),
        }
    }

    fn told_hook(&self, change: &HookChange<'_>) -> Told {
        let allowed = change.after.is_some_and(|after| after.action == Action::Allow);
        Told {
            change: if allowed { Kind::Allowed } else { Kind::Refused },
            what: change.hook.name(),
            from: change.from.to_owned(),
            from_ports: None,
            from_no_ring: false,
            to: change.to.map(str::to_owned),
            ports: Vec::new(),
            rings: None,
            path: None,
            access: None,
            before: hook_cause(self.old, change.before),
            after: hook_cause(self.new, change.after),
        }
    }

    fn told_port(&self, change: &PortChange<'_>) -> Told {
        let PortChange { from, sources, to, ports, before, after } = change;
        let texts = |ranges: &[argo_core::policy::PortRange]| {
            ranges.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        Told {
            change: match before.reach.cmp(&after.reach) {
                std::cmp::Ordering::Less => Kind::Allowed,
                std::cmp::Ordering::Greater => Kind::Refused,
                std::cmp::Ordering::Equal => Kind::Limit,
            },
            what: "port",
            from: (*from).to_owned(),
            from_ports: (!sources.is_all()).then(|| texts(&sources.ports)),
            from_no_ring: sources.ringless,
            to: Some((*to).to_owned()),
            ports: texts(ports),
            rings: Some([reach(*before), reach(*after)]),
            path: None,
            access: None,
            before: port_cause(self.old, *before),
            after: port_cause(self.new, *after),
        }
    }
}

/// The rule that allows it now, or the one that allowed it and what refuses it now.
fn why(told: &Told) -> String {
    match told.change {
        Kind::Allowed => format!("({})", told.after),
        Kind::Refused => format!("({}; was {})", told.after, told.before),
        Kind::Limit => format!("({})", told.after),
    }
}

fn reach(outcome: Outcome) -> &'static str {
    match outcome.reach {
        Reach::Nowhere => "none",
        Reach::Alone => "for_sender",
        Reach::Everywhere => "any",
    }
}

fn hook_cause(policy: &CompiledPolicy, decision: Option<Decision>) -> String {
    let Some(Decision { action, rule }) = decision else { return NO_DOMAIN.to_owned() };
    let place = rule.and_then(|rule| policy.rules().hooks.get(rule)).map(|rule| &rule.place);
    cause(policy, place, action == Action::Allow)
}

fn port_cause(policy: &CompiledPolicy, outcome: Outcome) -> String {
    let rule = outcome.rule.and_then(|rule| policy.rules().ports.get(rule));
    cause(policy, rule.map(|rule| &rule.place), outcome.reach > Reach::Nowhere)
}

fn store_cause(policy: &CompiledPolicy, reached: Reached) -> String {
    if !reached.is_known {
        return NO_DOMAIN.to_owned();
    }
    let rule = reached.rule.and_then(|rule| policy.rules().store.get(rule));
    cause(policy, rule.map(|rule| &rule.place), reached.access.is_some())
}

fn cause(policy: &CompiledPolicy, place: Option<&Place>, allowed: bool) -> String {
    match place {
        Some(place) => place.to_string(),
        None if allowed => format!("policy_mode \"{}\"", policy.rules().mode.name()),
        None => "no rule".to_owned(),
    }
}
