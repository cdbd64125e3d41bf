//! What a policy says, found by reading its rules as they are written, one after the other: slow,
//! and nothing of the code that compiles them.

use argo_core::policy::{Action, Decision, PortQuery, PortRange, Query, Rings, StoreAccess};
use argo_core::{DomainId, Port};
use argod::config::{Config, Mode, PortRule, Subject};

/// The answer to a query about domains.
pub fn hook(config: &Config, query: Query) -> Decision {
    let matches = |rule: &argod::config::Rule| {
        rule.hooks.contains(&query.hook())
            && any(config, &rule.from, query.source())
            && query.target().is_none_or(|target| any(config, &rule.to, target))
    };
    let rule = config.policy.hooks.iter().position(matches);
    let action = rule.map(|at| config.policy.hooks[at].action);
    let target = query.target().unwrap_or(query.source());
    decision(config, rule, action, query.source() == target || with_control(query.source(), target))
}

/// The answer to a query about ports.
pub fn ports(config: &Config, query: PortQuery) -> Decision {
    let rule = config.policy.ports.iter().position(|rule| covers(config, rule, query));
    let action = rule.map(|at| config.policy.ports[at].action);
    decision(config, rule, action, query.from == query.to || with_control(query.from, query.to))
}

/// Whether a rule, or a way back that comes with it, is about these ports.
fn covers(config: &Config, rule: &PortRule, query: PortQuery) -> bool {
    let forth = any(config, &rule.from, query.from) && any(config, &rule.to, query.to);
    let back = any(config, &rule.from, query.to) && any(config, &rule.to, query.from);
    let alone = query.rings == Rings::ForSender;
    let dynamic = query.to_port >= Port::DYNAMIC_FIRST;
    let to_named = within(&rule.to_port, query.to_port);
    // The port that it sends from, where the rule names some.
    let from_fits = rule.from_port.is_empty()
        || query.from_port.is_some_and(|port| within(&rule.from_port, port));
    if forth && from_fits && to_named {
        return true;
    }
    if !rule.reply {
        return false;
    }
    let from_there = query.from_port.is_some_and(|port| within(&rule.to_port, port));
    let to_client = rule.from_port.is_empty() || within(&rule.from_port, query.to_port);
    let to_client_ring = if rule.from_port.is_empty() { dynamic } else { to_client };
    (back && from_there && to_client)
        || (forth && from_fits && alone && dynamic)
        || (back && alone && to_client_ring)
}

fn within(ranges: &[PortRange], port: Port) -> bool {
    ranges.iter().any(|range| range.contains(port))
}

/// The answer about an absolute path.
pub fn store(config: &Config, domain: DomainId, path: &str, access: StoreAccess) -> Decision {
    let is_meant = |rule: &argod::config::StoreRule| match rule.action {
        Action::Allow => rule.access == StoreAccess::Write || access == StoreAccess::Read,
        Action::Deny => rule.access == StoreAccess::Read || access == StoreAccess::Write,
    };
    let matches = |rule: &argod::config::StoreRule| {
        any(config, &rule.from, domain)
            && is_meant(rule)
            && rule.paths.iter().any(|pattern| is_above(pattern, domain, path))
    };
    let rule = config.policy.store.iter().position(matches);
    let action = rule.map(|at| config.policy.store[at].action);
    let home = format!("/local/domain/{domain}");
    let is_own = path == home || path.starts_with(&format!("{home}/"));
    let of_control = path == "/local/domain/0" || path.starts_with("/local/domain/0/");
    decision(config, rule, action, domain == DomainId::CONTROL || is_own || of_control)
}

/// Whether the pattern is the path, or one above it.
fn is_above(pattern: &str, domain: DomainId, path: &str) -> bool {
    let number = domain.to_string();
    let whole = match pattern.strip_prefix('~') {
        Some(below) => format!("/local/domain/{number}{below}"),
        None => pattern.to_owned(),
    };
    let names = |text: &str| -> Vec<String> {
        text.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect()
    };
    let (wanted, found) = (names(&whole), names(path));
    let fits = |(wanted, found): (&String, &String)| match wanted.as_str() {
        "*" => true,
        "~" => *found == number,
        name => name == found,
    };
    wanted.len() <= found.len() && wanted.iter().zip(&found).all(fits)
}

fn any(config: &Config, subjects: &[Subject], id: DomainId) -> bool {
    let domain = config.domains.iter().find(|domain| domain.id == id);
    subjects.iter().any(|subject| match subject {
        Subject::Any => true,
        Subject::Id(named) => *named == id,
        Subject::Name(name) => domain.is_some_and(|domain| domain.name == *name),
        Subject::Label(label) => domain.is_some_and(|domain| domain.labels.contains(label)),
    })
}

fn with_control(one: DomainId, other: DomainId) -> bool {
    [one, other].contains(&DomainId::CONTROL)
}

fn decision(
    config: &Config,
    rule: Option<usize>,
    action: Option<Action>,
    is_within_silo: bool,
) -> Decision {
    let otherwise = match config.policy.mode {
        Mode::Rules => Action::Deny,
        Mode::Silo if is_within_silo => Action::Allow,
        Mode::Silo => Action::Deny,
        Mode::All => Action::Allow,
    };
    Decision { action: action.unwrap_or(otherwise), rule }
}
