//! Rules that never decide: they match nothing, or others come first.

use std::collections::BTreeSet;

use argo_core::policy::{PortQuery, Query, StoreQuery};

use super::Finding;
use super::space::{StoreQuestion, hook_queries, pairs, port_queries, store_questions};
use crate::config::{Place, PortRule, Rule, Rules, StoreRule};
use crate::policy::CompiledPolicy;

/// Rules that a message names at most.
const NAMED_MAX: usize = 8;

/// For each rule about domains, what is wrong if it never decides.
pub(super) fn hook_rules(policy: &CompiledPolicy) -> Vec<Option<Finding>> {
    let queries = hook_queries(policy);
    let decided: BTreeSet<_> =
        queries.iter().filter_map(|query| policy.decide(*query).rule).collect();
    let rules = policy.rules().hooks.iter().enumerate();
    let dead = rules.map(|(at, rule)| {
        let covering = || hook_rules_before(policy, rule, &queries);
        let places = |at: usize| policy.rules().hooks.get(at).map(|rule| &rule.place);
        (!decided.contains(&at)).then(|| never(&rule.place, "[[policy]]", &covering(), places))
    });
    dead.collect()
}

/// The same for rules about ports.
pub(super) fn port_rules(policy: &CompiledPolicy) -> Vec<Option<Finding>> {
    let decided: BTreeSet<_> = pairs(policy)
        .flat_map(|pair| port_queries(policy, pair))
        .filter_map(|query| policy.decide_ports(query).rule)
        .collect();
    let rules = policy.rules().ports.iter().enumerate();
    let dead = rules.map(|(at, rule)| {
        let covering = || port_rules_before(policy, rule);
        let places = |at: usize| policy.rules().ports.get(at).map(|rule| &rule.place);
        (!decided.contains(&at)).then(|| never(&rule.place, "[[port]]", &covering(), places))
    });
    dead.collect()
}

/// The same for rules about paths.
pub(super) fn store_rules(policy: &CompiledPolicy) -> Vec<Option<Finding>> {
    let questions = store_questions(policy);
    let decided: BTreeSet<_> = questions
        .iter()
        .filter_map(|question| policy.decide_store(question.query()).rule)
        .collect();
    let rules = policy.rules().store.iter().enumerate();
    let dead = rules.map(|(at, rule)| {
        let covering = || store_rules_before(policy, rule);
        let places = |at: usize| policy.rules().store.get(at).map(|rule| &rule.place);
        (!decided.contains(&at)).then(|| never(&rule.place, "[[store]]", &covering(), places))
    });
    dead.collect()
}

/// The rules that decide what this one matches.
fn hook_rules_before(policy: &CompiledPolicy, rule: &Rule, queries: &[Query]) -> BTreeSet<usize> {
    let alone = only(policy, Rules { hooks: vec![rule.clone()], ..Rules::default() });
    let matched = queries.iter().filter(|query| alone.decide(**query).rule.is_some());
    matched.filter_map(|query| policy.decide(*query).rule).collect()
}

fn port_rules_before(policy: &CompiledPolicy, rule: &PortRule) -> BTreeSet<usize> {
    let alone = only(policy, Rules { ports: vec![rule.clone()], ..Rules::default() });
    let queries = pairs(policy).flat_map(|pair| port_queries(policy, pair));
    let matched = queries.filter(|query: &PortQuery| alone.decide_ports(*query).rule.is_some());
    matched.filter_map(|query| policy.decide_ports(query).rule).collect()
}

fn store_rules_before(policy: &CompiledPolicy, rule: &StoreRule) -> BTreeSet<usize> {
    let alone = only(policy, Rules { store: vec![rule.clone()], ..Rules::default() });
    let questions = store_questions(&alone);
    let queries = questions.iter().map(StoreQuestion::query);
    let matched =
        queries.filter(|query: &StoreQuery<'_>| alone.decide_store(*query).rule.is_some());
    matched.filter_map(|query| policy.decide_store(query).rule).collect()
}

/// A policy of other rules for the same domains.
pub(super) fn only(policy: &CompiledPolicy, rules: Rules) -> CompiledPolicy {
    CompiledPolicy::new(rules, policy.directory().clone())
}

fn never<'p>(
    place: &Place,
    table: &str,
    covering: &BTreeSet<usize>,
    place_of: impl Fn(usize) -> Option<&'p Place>,
) -> Finding {
    if covering.is_empty() {
        return Finding::warning(place, format!("{table} never decides: no domain is meant"));
    }
    let named = covering.iter().filter_map(|rule| place_of(*rule)).take(NAMED_MAX);
    let named: Vec<_> = named.map(Place::to_string).collect();
    let more = match covering.len().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let named = named.join(", ");
    Finding::warning(
        place,
        format!("{table} never decides: all that it is about is decided before, by {named}{more}"),
    )
}
