//! What two policies answer differently.

use std::collections::BTreeSet;

use argo_core::DomainId;
use argo_core::policy::{Action, Decision, Hook, PortRange, Query};

use super::store::{self, StoreChange, TooManyCrossings};
use crate::config::Limit;
use crate::ctl::policy::sweep::{Outcome, Pair, Reach, Sources, sweep};
use crate::policy::CompiledPolicy;

/// Everything that changes from one policy to another, for the domains that either knows.
pub(in crate::ctl::policy) struct Changes<'p> {
    pub(super) old: &'p CompiledPolicy,
    pub(super) new: &'p CompiledPolicy,
    pub(in crate::ctl::policy) hooks: Vec<HookChange<'p>>,
    pub(in crate::ctl::policy) ports: Vec<PortChange<'p>>,
    pub(in crate::ctl::policy) store: Vec<StoreChange<'p>>,
}

/// A hook answers differently. There is no answer where the domains do not exist.
pub(in crate::ctl::policy) struct HookChange<'p> {
    pub(in crate::ctl::policy) hook: Hook,
    pub(in crate::ctl::policy) from: &'p str,
    pub(in crate::ctl::policy) to: Option<&'p str>,
    pub(in crate::ctl::policy) before: Option<Decision>,
    pub(in crate::ctl::policy) after: Option<Decision>,
}

/// Messages to some ports fare differently.
pub(in crate::ctl::policy) struct PortChange<'p> {
    pub(in crate::ctl::policy) from: &'p str,
    pub(in crate::ctl::policy) sources: Sources,
    pub(in crate::ctl::policy) to: &'p str,
    pub(in crate::ctl::policy) ports: Vec<PortRange>,
    pub(in crate::ctl::policy) before: Outcome,
    pub(in crate::ctl::policy) after: Outcome,
}

impl<'p> Changes<'p> {
    /// Asks both policies about everything.
    ///
    /// # Errors
    /// There is more to ask about the store than there can be.
    pub(in crate::ctl::policy) fn between(
        old: &'p CompiledPolicy,
        new: &'p CompiledPolicy,
    ) -> Result<Self, TooManyCrossings> {
        let names: BTreeSet<&str> = names(old).chain(names(new)).collect();
        let mut changes = Self::none(old, new);
        for from in &names {
            changes.store.extend(store::compare(old, new, from)?);
            let alone = Hook::ALL.into_iter().filter(|hook| !hook.has_target());
            alone.for_each(|hook| changes.compare_hook(hook, from, None));
            for to in &names {
                let of_two = Hook::ALL.into_iter().filter(|hook| hook.has_target());
                of_two.for_each(|hook| changes.compare_hook(hook, from, Some(to)));
                changes.compare_ports(from, to);
            }
        }
        Ok(changes)
    }

    fn none(old: &'p CompiledPolicy, new: &'p CompiledPolicy) -> Self {
        Self { old, new, hooks: Vec::new(), ports: Vec::new(), store: Vec::new() }
    }

    pub(in crate::ctl::policy) fn is_empty(&self) -> bool {
        self.hooks.is_empty() && self.ports.is_empty() && self.store.is_empty()
    }

    /// Whether messages from one domain to another fare differently.
    pub(in crate::ctl::policy) fn has_ports_between(
        old: &'p CompiledPolicy,
        new: &'p CompiledPolicy,
        from: &'p str,
        to: &'p str,
    ) -> bool {
        let mut changes = Self::none(old, new);
        changes.compare_ports(from, to);
        !changes.ports.is_empty()
    }

    fn compare_hook(&mut self, hook: Hook, from: &'p str, to: Option<&'p str>) {
        let ask = |policy| answer(policy, hook, from, to);
        let (before, after) = (ask(self.old), ask(self.new));
        let allows = |decision: Option<Decision>| {
            decision.is_some_and(|decision| decision.action == Action::Allow)
        };
        if allows(before) != allows(after) {
            self.hooks.push(HookChange { hook, from, to, before, after });
        }
    }

    fn compare_ports(&mut self, from: &'p str, to: &'p str) {
        let (old, new) = (pair(self.old, from, to), pair(self.new, from, to));
        let known: Vec<_> = old.into_iter().chain(new).collect();
        let changed = sweep(&known, |from_port, to_port| {
            let outcome = |pair: Pair<'_>| pair.outcome(from_port, to_port);
            let before = old.map_or(Outcome::NOBODY, outcome);
            let after = new.map_or(Outcome::NOBODY, outcome);
            let differ =
                before.reach != after.reach || limit(self.old, before) != limit(self.new, after);
            differ.then_some((before, after))
        });
        self.ports.extend(changed.into_iter().map(|((sources, (before, after)), ports)| {
            PortChange { from, sources, to, ports, before, after }
        }));
    }
}

/// The limit of what is allowed.
pub(super) fn limit(policy: &CompiledPolicy, outcome: Outcome) -> Limit {
    let rule = outcome.rule.filter(|_| outcome.reach > Reach::Nowhere);
    rule.and_then(|rule| policy.rules().ports.get(rule)).map(|rule| rule.limit).unwrap_or_default()
}

/// What a hook answers about domains of these names, if there are such.
pub(super) fn answer(
    policy: &CompiledPolicy,
    hook: Hook,
    from: &str,
    to: Option<&str>,
) -> Option<Decision> {
    let id = |name: &str| policy.directory().id(name);
    // Somebody who has no id is nobody that a hook could ask about.
    let to = match to {
        Some(name) => Some(id(name)?),
        None => None,
    };
    Some(policy.decide(Query::new(hook, id(from)?, to)?))
}

fn names(policy: &CompiledPolicy) -> impl Iterator<Item = &str> {
    let members = policy.directory().members();
    members.filter_map(|(id, _): (DomainId, _)| policy.directory().name(id))
}

fn pair<'p>(policy: &'p CompiledPolicy, from: &str, to: &str) -> Option<Pair<'p>> {
    let id = |name| policy.directory().id(name);
    Some(Pair { policy, from: id(from)?, to: id(to)? })
}
