//! Rules about ports whose terms are of no use.

use argo_core::DomainId;
use argo_core::policy::{Action, Query};

use super::Finding;
use super::dead::only;
use super::space::{pairs, port_queries};
use crate::config::{PortRule, Rules, Size};
use crate::ctl::policy::diff::Changes;
use crate::policy::CompiledPolicy;

/// Bytes of the longest message that anybody sends without meaning to.
const USUAL_MESSAGE: u64 = 64 << 10;

/// What there is to say about a rule that decides something.
pub(super) fn of_port_rule(policy: &CompiledPolicy, at: usize) -> Vec<Finding> {
    let Some(rule) = policy.rules().ports.get(at) else { return Vec::new() };
    if rule.action == Action::Deny {
        return Vec::new();
    }
    let pairs = pairs_of(policy, rule);
    if let Some(barred) = barred(policy, rule, &pairs) {
        return vec![barred];
    }
    let of_reply = rule.reply.then(|| reply(policy, at, rule, &pairs)).into_iter().flatten();
    of_reply.chain(small_limit(rule)).collect()
}

/// The pairs of domains that the rule is about.
fn pairs_of(policy: &CompiledPolicy, rule: &PortRule) -> Vec<(DomainId, DomainId)> {
    let there = PortRule { reply: false, ..rule.clone() };
    let alone = only(policy, Rules { ports: vec![there], ..Rules::default() });
    let is_meant = |pair: &(DomainId, DomainId)| {
        port_queries(&alone, *pair).any(|query| alone.decide_ports(query).rule.is_some())
    };
    pairs(policy).filter(is_meant).collect()
}

fn barred(
    policy: &CompiledPolicy,
    rule: &PortRule,
    pairs: &[(DomainId, DomainId)],
) -> Option<Finding> {
    let sends = |(from, to): (DomainId, DomainId)| Query::Send { from, to };
    let allowed = pairs.iter().any(|pair| policy.decide(sends(*pair)).action == Action::Allow);
    let first = pairs.first().filter(|_| !allowed)?;
    let said = policy.explain(sends(*first));
    Some(Finding::warning(
        &rule.place,
        format!("[[port]] allows nothing: hook send refuses all of it ({said})"),
    ))
}

/// Whether `reply` is of use, and whether connections can be made.
fn reply(
    policy: &CompiledPolicy,
    at: usize,
    rule: &PortRule,
    pairs: &[(DomainId, DomainId)],
) -> Vec<Finding> {
    let mut rules = policy.rules().clone();
    rules.ports.iter_mut().skip(at).take(1).for_each(|rule| rule.reply = false);
    let without = only(policy, rules);
    let name = |id| policy.directory().name(id).unwrap_or_default();
    let matters = |from, to| Changes::has_ports_between(policy, &without, name(from), name(to));
    if !pairs.iter().any(|(from, to)| matters(*to, *from) || matters(*from, *to)) {
        let text = "`reply` has no effect: all that it allows is decided before";
        return vec![Finding::warning(&rule.place, text)];
    }
    let others = pairs.iter().filter(|(from, to)| from != to);
    let missing: Vec<_> =
        others.filter_map(|(from, to)| no_connection(policy, *from, *to)).collect();
    let more = match missing.len() {
        0 | 1 => String::new(),
        count => format!("; so for {} more pairs", count - 1),
    };
    let hint = |first: &String| Finding::hint(&rule.place, format!("{first}{more}"));
    missing.first().map(hint).into_iter().collect()
}

/// What keeps two domains from having connections, if messages go there.
fn no_connection(policy: &CompiledPolicy, from: DomainId, to: DomainId) -> Option<String> {
    let allowed = |query: &Query| policy.decide(*query).action == Action::Allow;
    let needed = [
        Query::RegisterSingleSource { domain: from, partner: to },
        Query::RegisterSingleSource { domain: to, partner: from },
        Query::Send { from: to, to: from },
    ];
    let missing = needed.iter().find(|query| !allowed(query))?;
    allowed(&Query::Send { from, to }).then(|| {
        let (from, to) = (policy.shown(from), policy.shown(to));
        format!("no connections from {from} to {to}: {}", policy.explain(*missing))
    })
}

fn small_limit(rule: &PortRule) -> Option<Finding> {
    let bytes = rule.limit.bytes.filter(|bytes| *bytes < USUAL_MESSAGE)?;
    let text = format!(
        "bytes_per_second = {} is less than a message of {} each second: a long message makes the \
         next ones wait for seconds",
        Size(bytes),
        Size(USUAL_MESSAGE)
    );
    Some(Finding::hint(&rule.place, text))
}
