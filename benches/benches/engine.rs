//! The engine in this process: one uncontended call, by kind and size.
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up has nothing to say")]

use std::hint::black_box;
use std::path::Path;

use argo_core::abi::{DOMID_ANY, Iov, Op, RegisterRing, RingData, RingDataEnt, SendAddr};
use argo_core::platform::Platform;
use argo_core::policy::{
    Action, Hook, LabelSet, PortQuery, PortRange, Query, Rings, Rule, Subject, decide,
};
use argo_core::{DomainId, Port};
use argo_hypervisor::inprocess::{AllowAll, InProcess, LocalDomain};
use argo_hypervisor::{Argo, Config, WildcardRings};
use argod::config::{Domain, Limit, Place, PortRule, Rules};
use argod::policy::{CompiledPolicy, Directory};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use zerocopy::IntoBytes;

type Guest = LocalDomain<AllowAll>;

/// Places in each guest's RAM.
const ARGS: u64 = 0x1000;
const LIST: u64 = 0x2000;
const PAYLOAD: u64 = 0x10_000;
const RING: u64 = 0x100_000;
const RING_LEN: u32 = 1 << 20;
const PORT: u32 = 7;

struct Pair {
    system: InProcess<AllowAll>,
    sender: Guest,
    receiver: Guest,
}

impl Pair {
    fn new() -> Self {
        let config = Config { argo: Argo::On, wildcard_rings: WildcardRings::Allowed };
        let system = InProcess::new(config, AllowAll);
        let guest = |id| system.domain(DomainId::new(id).unwrap(), 1024).unwrap();
        let pair = Self { sender: guest(1), receiver: guest(2), system };
        assert_eq!(pair.register(PORT), 0);
        pair
    }

    fn call(&self, guest: &Guest, op: Op, args: [u64; 4]) -> i64 {
        let [a1, a2, a3, a4] = args;
        self.system.engine().argo_op(guest.caller(), op as u32, a1, a2, a3, a4)
    }

    fn register(&self, port: u32) -> i64 {
        let ring = RegisterRing { aport: port, partner_id: DOMID_ANY, pad: 0, len: RING_LEN };
        let pages = u64::from((RING_LEN + 64).div_ceil(4096));
        let ram = self.receiver.ram();
        ram.write(ARGS as usize, ring.as_bytes()).unwrap();
        for page in 0..pages {
            let gfn = RING / 4096 + page;
            ram.write((LIST + 8 * page) as usize, &gfn.to_le_bytes()).unwrap();
        }
        self.call(&self.receiver, Op::RegisterRing, [ARGS, LIST, pages, 0])
    }

    /// Writes the arguments of a send of `len` bytes.
    fn prepare(&self, len: u32) {
        let mut address = SendAddr::default();
        (address.src.aport, address.src.domain_id) = (1, 1);
        (address.dst.aport, address.dst.domain_id) = (PORT, 2);
        let iov = Iov { iov_hnd: PAYLOAD, iov_len: len, pad: 0 };
        self.sender.ram().write(ARGS as usize, address.as_bytes()).unwrap();
        self.sender.ram().write(LIST as usize, iov.as_bytes()).unwrap();
    }

    fn send(&self) -> i64 {
        self.call(&self.sender, Op::Sendv, [ARGS, LIST, 1, 0])
    }

    /// The receiver has read everything.
    fn drain(&self) {
        let mut tx = [0; 4];
        self.receiver.ram().read(RING as usize + 4, &mut tx).unwrap();
        self.receiver.ram().write(RING as usize, &tx).unwrap();
    }
}

fn sendv(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sendv");
    for len in [64, 4096, 65536] {
        let pair = Pair::new();
        pair.prepare(len);
        group.throughput(Throughput::Bytes(len.into()));
        group.bench_function(BenchmarkId::from_parameter(len), |bencher| {
            bencher.iter(|| {
                pair.drain();
                black_box(pair.send())
            });
        });
        assert_eq!(pair.send(), i64::from(len));
    }
    group.finish();
}

fn notify(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("notify");
    for rings in [1, 128] {
        let pair = Pair::new();
        for port in 100..99 + rings {
            assert_eq!(pair.register(port), 0);
        }
        group.bench_function(BenchmarkId::new("owned", rings), |bencher| {
            bencher.iter(|| black_box(pair.call(&pair.receiver, Op::Notify, [0; 4])));
        });
    }
    let pair = Pair::new();
    let mut entry = RingDataEnt::default();
    (entry.ring.aport, entry.ring.domain_id, entry.space_required) = (PORT, 2, 64);
    let ram = pair.sender.ram();
    ram.write(ARGS as usize, RingData { nent: 1, pad: 0 }.as_bytes()).unwrap();
    ram.write(ARGS as usize + 8, entry.as_bytes()).unwrap();
    group.bench_function("query", |bencher| {
        bencher.iter(|| black_box(pair.call(&pair.sender, Op::Notify, [ARGS, 0, 0, 0])));
    });
    group.finish();
}

fn register(criterion: &mut Criterion) {
    let pair = Pair::new();
    criterion.bench_function("register/again", |bencher| {
        bencher.iter(|| assert_eq!(black_box(pair.register(PORT)), 0));
    });
}

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

criterion_group!(benches, sendv, notify, register, policy, kept_answers);
criterion_main!(benches);
