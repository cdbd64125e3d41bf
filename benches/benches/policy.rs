//! Decisions: by a list of rules, and by argod's kept answers.
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up has nothing to say")]

use std::hint::black_box;
use std::path::Path;

use argo_core::policy::{
    Action, Hook, LabelSet, PortQuery, PortRange, Query, Rings, Rule, Subject, decide,
};
use argo_core::{DomainId, Port};
use argod::config::{Domain, Limit, Place, PortRule, Rules};
use argod::policy::{CompiledPolicy, Directory};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

fn policy(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("policy/decide");
    let domain = |id| DomainId::new(id).unwrap();
    for rules in [1, 64] {
        let rule = |id| Rule {
            hook: Hook::Send,
            from: Subject::Domain(domain(id)),
            to: Subject::Any,
            action: Action::Allow,
        };
        let list: Vec<Rule> = (1..=rules).map(rule).collect();
        let query = Query::Send { from: domain(rules), to: domain(0) };
        group.bench_function(BenchmarkId::from_parameter(rules), |bencher| {
            bencher.iter(|| black_box(decide(&list, |_| LabelSet::EMPTY, black_box(query))));
        });
    }
    group.finish();
}

/// argod's decisions with many rules, of which the last decides: by the answer kept.
fn kept_answers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("policy/kept");
    for rules in [1, 64, 4096] {
        let policy = CompiledPolicy::new(port_rules(rules), Directory::new(&domains()).unwrap());
        let (from, to) = (DomainId::new(1).unwrap(), DomainId::new(2).unwrap());
        let to_port = Port(rules);
        let query = PortQuery { from, from_port: None, to, to_port, rings: Rings::Any };
        assert_eq!(policy.decide_ports(query).rule, Some(rules as usize - 1));
        group.bench_function(BenchmarkId::new("ports", rules), |bencher| {
            bencher.iter(|| black_box(policy.decide_ports(black_box(query))));
        });
        let send = Query::Send { from, to };
        group.bench_function(BenchmarkId::new("send", rules), |bencher| {
            bencher.iter(|| black_box(policy.decide(black_box(send))));
        });
    }
    group.finish();
}

fn domains() -> [Domain; 2] {
    let host = argod::config::Host { cpus: vec![0] };
    [(1, "a"), (2, "b")].map(|(id, name)| {
        let text = format!("id = {id}\nname = '{name}'\nram = 8192");
        Domain::parse("domain", &text, &host, Path::new("/run")).unwrap()
    })
}

/// So many rules about hooks and about ports; the last of each allows a to send to b.
fn port_rules(rules: u32) -> Rules {
    let place = || Place { file: "bench".into(), line: 1 };
    let named = |name: &str| vec![argod::config::Subject::Name(name.into())];
    let hook = |rule| argod::config::Rule {
        place: place(),
        hooks: vec![Hook::Send],
        from: named(if rule == rules { "a" } else { "b" }),
        to: named("b"),
        action: Action::Allow,
        comment: None,
        log: false,
    };
    let port = |rule| PortRule {
        place: place(),
        from: named("a"),
        from_port: Vec::new(),
        to: named("b"),
        to_port: vec![PortRange::one(Port(rule))],
        action: Action::Allow,
        reply: false,
        limit: Limit::default(),
        comment: None,
        log: false,
    };
    let (hooks, ports) = ((1..=rules).map(hook).collect(), (1..=rules).map(port).collect());
    Rules { hooks, ports, ..Rules::default() }
}

criterion_group!(benches, policy, kept_answers);
criterion_main!(benches);
