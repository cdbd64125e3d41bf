//! Policies that were made at random, and asked about everything by brute force.

use std::path::Path;

use argo_core::policy::{
    Action, Hook, PortQuery, PortRange, Query, Rings, StoreAccess, StoreQuery,
};
use argo_core::{DomainId, Port};
use proptest::prelude::*;

use crate::config::{
    Config, Domain, Host, Limit, Mode, Place, PortRule, Rule, Rules, StoreRule, Subject,
};
use crate::policy::{CompiledPolicy, Directory};

mod comparing;
mod drawing;
mod explaining;
mod linting;
mod page;

const DYNAMIC: u32 = 0x8000_0000;

/// The policy of a text with these domains: a (1, red), b (2, red and blue), c (3).
fn policy(rules: &str) -> CompiledPolicy {
    let text = format!(
        "{rules}\n[[domain]]\nid = 1\nname = 'a'\nram = 8192\nlabels = ['red']\n\
         [[domain]]\nid = 2\nname = 'b'\nram = 8192\nlabels = ['red', 'blue']\n\
         [[domain]]\nid = 3\nname = 'c'\nram = 8192\n"
    );
    compiled("p.toml", &text)
}

fn compiled(file: &str, text: &str) -> CompiledPolicy {
    let host = Host { cpus: vec![0] };
    let config = Config::parse_for(&host, file, text).unwrap_or_else(|wrong| panic!("{wrong}"));
    CompiledPolicy::new(config.policy, Directory::new(&config.domains).unwrap())
}

fn directory(members: &[(u16, &str, &[&str])]) -> Directory {
    let domain = |(id, name, labels): &(u16, &str, &[&str])| {
        let text = format!("id = {id}\nname = '{name}'\nlabels = {labels:?}\nram = 8192");
        Domain::parse("d", &text, &Host { cpus: vec![0] }, Path::new("/run")).unwrap()
    };
    Directory::new(&members.iter().map(domain).collect::<Vec<_>>()).unwrap()
}

/// All directories know a, b and c by other numbers; the second lacks one and has another.
fn directories() -> impl Strategy<Value = Directory> {
    prop_oneof![
        Just(directory(&[(1, "a", &["red"]), (2, "b", &["red", "blue"]), (3, "c", &[])])),
        Just(directory(&[(2, "a", &["blue"]), (1, "b", &[]), (7, "d", &["red"])])),
    ]
}

fn subjects() -> impl Strategy<Value = Vec<Subject>> {
    let one = prop_oneof![
        3 => Just(Subject::Any),
        4 => prop::sample::select(&["a", "b", "c", "d"][..]).prop_map(|name| Subject::Name(name.into())),
        2 => prop::sample::select(&["red", "blue"][..]).prop_map(|name| Subject::Label(name.into())),
        1 => prop::sample::select(&[1, 3, 9][..]).prop_map(|id| Subject::Id(DomainId::new(id).unwrap())),
    ];
    prop::collection::vec(one, 1..3)
}

/// Ports that rules name; with their neighbours they are all that rules can tell apart.
const PORTS: [u32; 6] = [0, 3, 7, 9, DYNAMIC + 5, u32::MAX];

fn ranges() -> impl Strategy<Value = PortRange> {
    let port = || prop::sample::select(&PORTS[..]);
    prop_oneof![
        Just(PortRange::ALL),
        port().prop_map(|port| PortRange::one(Port(port))),
        (port(), port())
            .prop_map(|(a, b)| { PortRange::new(Port(a.min(b)), Port(a.max(b))).unwrap() }),
    ]
}

fn all_ports() -> Vec<Port> {
    let near = |port: u32| [port.checked_sub(1), Some(port), port.checked_add(1)];
    let dynamic = [DYNAMIC - 1, DYNAMIC];
    PORTS.into_iter().flat_map(near).flatten().chain(dynamic).map(Port).collect()
}

fn actions() -> impl Strategy<Value = Action> {
    prop_oneof![Just(Action::Allow), Just(Action::Deny)]
}

fn place(line: usize) -> Place {
    Place { file: "r.toml".into(), line }
}

prop_compose! {
    fn hook_rules()(
        hooks in prop::sample::subsequence(&Hook::ALL[..], 1..=4),
        from in subjects(),
        to in subjects(),
        action in actions(),
    ) -> Rule {
        Rule { place: place(1), hooks, from, to, action, comment: None, log: false }
    }
}

prop_compose! {
    fn port_rules()(
        from in subjects(),
        from_port in prop::collection::vec(ranges(), 0..2),
        to in subjects(),
        to_port in prop::collection::vec(ranges(), 1..3),
        action in actions(),
        reply in any::<bool>(),
        messages in prop::option::weighted(0.2, 1..3_u64),
    ) -> PortRule {
        let allows = action == Action::Allow;
        let limit = Limit { messages: messages.filter(|_| allows), bytes: None };
        let reply = reply && allows;
        let (comment, log) = (None, false);
        PortRule { place: place(1), from, from_port, to, to_port, action, reply, limit, comment, log }
    }
}

/// Components that rules about paths have.
const COMPONENTS: [&str; 5] = ["*", "~", "a", "b", "1"];

fn paths() -> impl Strategy<Value = Vec<std::sync::Arc<str>>> {
    let begin = prop::sample::select(&["", "", "~", "/local/domain/~", "/local/domain/*"][..]);
    let below = prop::collection::vec(prop::sample::select(&COMPONENTS[..]), 0..3);
    let one = (begin, below).prop_map(|(begin, below)| {
        let path = below.iter().fold(begin.to_owned(), |path, component| path + "/" + component);
        if path.is_empty() { "/".into() } else { path.into() }
    });
    prop::collection::vec(one, 1..3)
}

prop_compose! {
    fn store_rules()(
        from in subjects(),
        paths in paths(),
        access in prop::sample::select(&StoreAccess::ALL[..]),
        action in actions(),
    ) -> StoreRule {
        StoreRule { place: place(1), from, paths, access, action, comment: None, log: false }
    }
}

/// Every path that rules of [`store_rules`] can tell apart, and some more.
fn all_paths() -> Vec<String> {
    let named = ["a", "b", "z", "1", "2", "3", "7"];
    let homes = [1, 2, 3, 7, 8].map(|id| format!("/local/domain/{id}"));
    let mut paths: Vec<_> = homes.into_iter().chain(["/local".to_owned(), String::new()]).collect();
    for _ in 0..2 {
        let longer =
            paths.iter().flat_map(|path| named.iter().map(move |one| format!("{path}/{one}")));
        let longer: Vec<_> = longer.collect();
        paths.extend(longer);
        paths.sort();
        paths.dedup();
    }
    paths.into_iter().map(|path| if path.is_empty() { "/".into() } else { path }).collect()
}

prop_compose! {
    fn rules()(
        mode in prop_oneof![4 => Just(Mode::Rules), 1 => Just(Mode::Silo), 1 => Just(Mode::All)],
        mut hooks in prop::collection::vec(hook_rules(), 0..5),
        mut ports in prop::collection::vec(port_rules(), 0..5),
        mut store in prop::collection::vec(store_rules(), 0..5),
    ) -> Rules {
        hooks.iter_mut().enumerate().for_each(|(at, rule)| rule.place = place(at + 1));
        ports.iter_mut().enumerate().for_each(|(at, rule)| rule.place = place(at + 101));
        store.iter_mut().enumerate().for_each(|(at, rule)| rule.place = place(at + 201));
        Rules { mode, hooks, ports, store }
    }
}

/// A policy that can be printed.
#[derive(Clone, Debug)]
struct Made {
    rules: Rules,
    directory: Directory,
}

impl Made {
    fn compile(self) -> CompiledPolicy {
        CompiledPolicy::new(self.rules, self.directory)
    }
}

prop_compose! {
    fn policies()(rules in rules(), directory in directories()) -> Made {
        Made { rules, directory }
    }
}

fn ids(policy: &CompiledPolicy) -> Vec<DomainId> {
    policy.directory().members().map(|(id, _)| id).collect()
}

/// Every question about hooks, with the domains that there are.
fn all_hook_queries(policy: &CompiledPolicy) -> Vec<Query> {
    let mut queries = Vec::new();
    for from in ids(policy) {
        queries.extend([Query::Enable { domain: from }, Query::RegisterAnySource { domain: from }]);
        for to in ids(policy) {
            queries.push(Query::Send { from, to });
            queries.push(Query::RegisterSingleSource { domain: from, partner: to });
            queries.push(Query::Grant { from, to });
            queries.push(Query::EventChannel { from, to });
        }
    }
    queries
}

/// Every question about ports that rules can tell apart, between two domains.
fn all_port_queries(from: DomainId, to: DomainId) -> Vec<PortQuery> {
    let mut queries = Vec::new();
    for to_port in all_ports() {
        for from_port in all_ports().into_iter().map(Some).chain([None]) {
            for rings in [Rings::Any, Rings::ForSender] {
                queries.push(PortQuery { from, from_port, to, to_port, rings });
            }
        }
    }
    queries
}
