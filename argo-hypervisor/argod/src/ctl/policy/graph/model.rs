//! Who may send to whom.

use argo_core::DomainId;
use argo_core::policy::{Action, Query};

use crate::config::Limit;
use crate::ctl::policy::sweep::{Areas, Pair, Reach, listed, sweep};
use crate::policy::{CompiledPolicy, shown_limit};

/// Domains, and what goes between them.
pub(in crate::ctl::policy) struct Graph {
    pub(in crate::ctl::policy) domains: Vec<Node>,
    pub(in crate::ctl::policy) edges: Vec<Edge>,
}

pub(in crate::ctl::policy) struct Node {
    /// Name and id.
    pub(in crate::ctl::policy) name: String,
    /// Whether it may use Argo at all.
    pub(in crate::ctl::policy) enabled: bool,
}

pub(in crate::ctl::policy) struct Edge {
    /// The place of the sender among the domains.
    pub(in crate::ctl::policy) from: usize,
    /// That of the receiver.
    pub(in crate::ctl::policy) to: usize,
    pub(in crate::ctl::policy) way: Way,
    /// Which ports, and on which terms.
    pub(in crate::ctl::policy) label: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ctl::policy) enum Way {
    /// A port rule allows it by itself.
    Ports,
    /// Only answers, and connections that the other began.
    Replies,
    /// The hook `send` allows it, but no port.
    HookOnly,
}

impl Graph {
    /// Asks a policy about all pairs of two domains.
    pub(in crate::ctl::policy) fn of(policy: &CompiledPolicy) -> Self {
        let ids: Vec<_> = policy.directory().members().map(|(id, _)| id).collect();
        let node = |id: &DomainId| {
            let name = policy.directory().name(*id).unwrap_or_default();
            let enabled = allows(policy, Query::Enable { domain: *id });
            Node { name: format!("{name} ({id})"), enabled }
        };
        let one_way = without_replies(policy);
        let mut graph = Self { domains: ids.iter().map(node).collect(), edges: Vec::new() };
        for (from, from_id) in ids.iter().enumerate() {
            for (to, to_id) in ids.iter().enumerate().filter(|(to, _)| *to != from) {
                let both = [from, to].iter().all(|at| graph.domains[*at].enabled);
                if both && allows(policy, Query::Send { from: *from_id, to: *to_id }) {
                    let (way, label) = way(policy, &one_way, *from_id, *to_id);
                    graph.edges.push(Edge { from, to, way, label });
                }
            }
        }
        graph
    }
}

fn allows(policy: &CompiledPolicy, query: Query) -> bool {
    policy.decide(query).action == Action::Allow
}

fn without_replies(policy: &CompiledPolicy) -> CompiledPolicy {
    let mut rules = policy.rules().clone();
    rules.ports.iter_mut().for_each(|rule| rule.reply = false);
    CompiledPolicy::new(rules, policy.directory().clone())
}

fn way(
    policy: &CompiledPolicy,
    one_way: &CompiledPolicy,
    from: DomainId,
    to: DomainId,
) -> (Way, String) {
    // The rules of both have the same places.
    let terms = |rule: Option<usize>| {
        let rule = rule.and_then(|rule| policy.rules().ports.get(rule));
        rule.map_or((false, Limit::default()), |rule| (rule.reply, rule.limit))
    };
    let areas = |policy| {
        let pair = Pair { policy, from, to };
        sweep(&[pair], |from_port, to_port| {
            let outcome = pair.outcome(from_port, to_port);
            let (reply, limit) = terms(outcome.rule);
            let terms = (reply, limit.messages, limit.bytes);
            (outcome.reach > Reach::Nowhere).then_some(terms)
        })
    };
    let direct = areas(one_way);
    match (direct.is_empty(), areas(policy).is_empty()) {
        (false, _) => (Way::Ports, label(&direct)),
        (true, false) => (Way::Replies, "replies".to_owned()),
        (true, true) => (Way::HookOnly, "no port".to_owned()),
    }
}

fn label(areas: &Areas<(bool, Option<u64>, Option<u64>)>) -> String {
    let parts = areas.iter().map(|((sources, (reply, messages, bytes)), ports)| {
        let from = if sources.is_all() { String::new() } else { format!("from {sources} to ") };
        let reply = if *reply { " + replies" } else { "" };
        let limit = Limit { messages: *messages, bytes: *bytes };
        let limit = match limit.is_none() {
            true => String::new(),
            false => format!(", at most {}", shown_limit(limit)),
        };
        format!("{from}{}{reply}{limit}", listed(ports))
    });
    parts.collect::<Vec<_>>().join("; ").replace("from :", "from ")
}
