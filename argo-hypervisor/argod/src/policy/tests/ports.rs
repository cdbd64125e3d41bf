//! Rules about ports: what they allow, and that kept answers are right.

use argo_core::Port;
use argo_core::policy::{PortQuery, PortRange, Rings, decide_ports};
use argo_hypervisor::Passage;

use super::*;

const DYNAMIC: u32 = 0x8000_0005;

fn range(first: u32, last: u32) -> PortRange {
    PortRange::new(Port(first), Port(last)).unwrap()
}

fn rule(from: &[Subject], to: &[Subject], to_port: PortRange) -> PortRule {
    PortRule {
        place: Place { file: "p.toml".into(), line: 3 },
        from: from.to_vec(),
        from_port: Vec::new(),
        to: to.to_vec(),
        to_port: vec![to_port],
        action: Action::Allow,
        reply: false,
        limit: Limit::default(),
        comment: None,
        log: false,
    }
}

fn named(name: &str) -> Vec<Subject> {
    vec![Subject::Name(name.into())]
}

fn with_mode(mode: Mode, ports: Vec<PortRule>) -> LivePolicy {
    LivePolicy::new(Rules { mode, ports, ..Rules::default() }, directory())
}

fn query(from: u16, from_port: Option<u32>, to: u16, to_port: u32, rings: Rings) -> PortQuery {
    let from_port = from_port.map(Port);
    PortQuery { from: id(from), from_port, to: id(to), to_port: Port(to_port), rings }
}

/// Whether it is allowed into any ring, and whether into one for the sender alone.
fn asked(policy: &LivePolicy, from: u16, from_port: Option<u32>, to: u16, port: u32) -> [bool; 2] {
    let policy = policy.snapshot();
    let allowed = |rings| policy.decide_ports(query(from, from_port, to, port, rings)).action;
    [Rings::Any, Rings::ForSender].map(|rings| allowed(rings) == Action::Allow)
}

#[test]
fn reply_allows_the_way_back_from_that_port_and_rings_for_one_another_and_no_more() {
    let there = rule(&named("client"), &named("server"), range(7, 7));
    let policy = with_mode(Mode::Rules, vec![PortRule { reply: true, ..there }]);
    let (all, none, connection) = ([true, true], [false, false], [false, true]);
    assert_eq!(asked(&policy, 1, None, 2, 7), all);
    assert_eq!(asked(&policy, 1, None, 2, 8), none);
    assert_eq!(asked(&policy, 1, None, 2, DYNAMIC), connection);
    assert_eq!(asked(&policy, 2, Some(7), 1, 50), all);
    assert_eq!(asked(&policy, 2, Some(8), 1, 50), none);
    assert_eq!(asked(&policy, 2, None, 1, 50), none);
    assert_eq!(asked(&policy, 2, None, 1, DYNAMIC), connection);
    assert_eq!(asked(&policy, 3, Some(7), 1, 50), none);
    assert_eq!(asked(&policy, 1, None, 3, DYNAMIC), none);
}

#[test]
fn reply_to_a_rule_about_a_source_port_goes_to_that_port() {
    let there = rule(&named("client"), &named("server"), range(7, 7));
    let there = PortRule { reply: true, from_port: vec![range(50, 51)], ..there };
    let policy = with_mode(Mode::Rules, vec![there]);
    assert_eq!(asked(&policy, 1, Some(50), 2, 7), [true, true]);
    assert_eq!(asked(&policy, 1, None, 2, 7), [false, false]);
    assert_eq!(asked(&policy, 2, Some(7), 1, 51), [true, true]);
    assert_eq!(asked(&policy, 2, Some(7), 1, 52), [false, false]);
    assert_eq!(asked(&policy, 2, None, 1, 50), [false, true]);
    assert_eq!(asked(&policy, 2, None, 1, DYNAMIC), [false, false]);
    assert_eq!(asked(&policy, 1, Some(51), 2, DYNAMIC), [false, true]);
    assert_eq!(asked(&policy, 1, None, 2, DYNAMIC), [false, false]);
}

#[test]
fn the_mode_answers_where_no_rule_does() {
    let mut domains = directory();
    domains.add(&domain(0, "control", &[])).unwrap();
    let deny = rule(&named("client"), &[Subject::Any], PortRange::ALL);
    let deny = PortRule { action: Action::Deny, ..deny };
    let answers = |mode| {
        let rules = Rules { mode, ports: vec![deny.clone()], ..Rules::default() };
        let policy = LivePolicy::new(rules, domains.clone());
        let pairs = [(1, 0), (0, 1), (2, 0), (2, 2), (2, 3)];
        pairs.map(|(from, to)| {
            (check(&policy, send(from, to)).is_ok(), asked(&policy, from, None, to, 1)[0])
        })
    };
    let (no, yes, hook) = ((false, false), (true, true), (true, false));
    assert_eq!(answers(Mode::Rules), [no, no, no, no, no]);
    assert_eq!(answers(Mode::Silo), [hook, yes, yes, yes, no]);
    assert_eq!(answers(Mode::All), [hook, yes, yes, yes, yes]);
    let enable =
        |mode| check(&with_mode(mode, Vec::new()), Query::Enable { domain: id(3) }).is_ok();
    assert_eq!([Mode::Rules, Mode::Silo, Mode::All].map(enable), [false, true, true]);
}

#[test]
fn an_answer_about_ports_names_its_rule() {
    let rules = vec![
        rule(&named("client"), &named("server"), range(7, 9)),
        PortRule {
            action: Action::Deny,
            comment: Some("closed".into()),
            ..rule(&[Subject::Any], &named("server"), PortRange::ALL)
        },
    ];
    let policy = with_mode(Mode::Rules, rules).snapshot();
    let said = |from, port| policy.explain_ports(query(from, None, 2, port, Rings::Any));
    assert_eq!(said(1, 8), "port 1 (client) -> 2 (server):8: allowed by port rule 1 (p.toml:3)");
    let closed = "denied by port rule 2 (p.toml:3): closed";
    assert_eq!(said(3, 8), format!("port 3 (attacker) -> 2 (server):8: {closed}"));
    let said = policy.explain_ports(query(1, Some(5), 9, 1, Rings::ForSender));
    let expected = "port 1 (client):5 -> 9:1, a ring for the sender alone";
    assert_eq!(said, format!("{expected}: denied: no port rule allows it"));
}

#[test]
fn who_sent_too_much_waits_and_is_woken_and_refusals_are_counted() {
    let limit = Limit { messages: Some(2), bytes: None };
    let limited = PortRule { limit, ..rule(&[Subject::Any], &named("server"), range(7, 7)) };
    let policy = with_mode(Mode::Rules, vec![limited]);
    let passage =
        |from| Passage { query: query(from, None, 2, 7, Rings::Any), claimed: None, rule: Some(0) };
    let judge = policy.judge();
    let sends = |from| {
        let goes = !judge.throttles(&passage(from));
        if goes {
            judge.delivered(&passage(from), 10);
        }
        goes
    };
    assert_eq!([1, 1, 1, 3].map(sends), [true, true, false, true]);
    let woken = std::sync::Mutex::new(Vec::new());
    let begun = std::time::Instant::now();
    policy.pacer().run(|domain| {
        woken.lock().unwrap().push(domain);
        policy.pacer().stop();
    });
    assert_eq!(*woken.lock().unwrap(), [id(1)]);
    assert!(!judge.throttles(&passage(1)), "woken after {:?}", begun.elapsed());
    drop(judge);
    let cause = Cause::Limit(0);
    let text = "limit of port rule 1 (p.toml:3)".to_owned();
    assert_eq!(policy.snapshot().refusals(), [Refusals { cause, text, count: 1 }]);
}

#[test]
fn rules_are_replaced_only_when_nobody_judges_by_the_old_ones() {
    let policy = with_mode(Mode::All, Vec::new());
    let judge = policy.judge();
    let replaced = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            replace(&policy, "none.toml", "").unwrap();
            replaced.store(true, std::sync::atomic::Ordering::SeqCst);
        });
        while check(&policy, send(1, 2)).is_ok() {}
        // The new rules are in force, and the old ones still judge what they began to.
        assert_eq!(judge.hook(send(1, 2)).action, Action::Allow);
        assert!(!replaced.load(std::sync::atomic::Ordering::SeqCst));
        drop(judge);
    });
    assert!(replaced.into_inner());
}

/// Few ports, so that queries and rules meet.
fn ports() -> impl Strategy<Value = u32> {
    prop_oneof![0..6_u32, DYNAMIC..DYNAMIC + 2, Just(u32::MAX)]
}

fn ranges() -> impl Strategy<Value = PortRange> {
    prop_oneof![
        Just(PortRange::ALL),
        ports().prop_map(|port| range(port, port)),
        (ports(), ports()).prop_map(|(a, b)| range(a.min(b), a.max(b))),
    ]
}

prop_compose! {
    fn port_rules()(
        from in subjects(),
        to in subjects(),
        from_port in prop::option::of(ranges()),
        to_port in ranges(),
        allow in any::<bool>(),
    ) -> PortRule {
        let action = if allow { Action::Allow } else { Action::Deny };
        let from_port = from_port.into_iter().collect();
        PortRule { from_port, action, ..rule(&[from], &[to], to_port) }
    }
}

prop_compose! {
    fn port_queries()(
        from in ids(),
        to in ids(),
        from_port in prop::option::of(ports()),
        to_port in ports(),
        alone in any::<bool>(),
    ) -> PortQuery {
        let rings = if alone { Rings::ForSender } else { Rings::Any };
        query(from.raw(), from_port, to.raw(), to_port, rings)
    }
}

fn plain_ports(rule: &PortRule) -> policy::PortRule {
    policy::PortRule {
        from: plain_subject(&rule.from[0]),
        from_port: rule.from_port.first().copied(),
        to: plain_subject(&rule.to[0]),
        to_port: rule.to_port[0],
        rings: Rings::Any,
        action: rule.action,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn kept_answers_about_ports_are_those_of_argo_core(
        rules in prop::collection::vec(port_rules(), 0..12),
        queries in prop::collection::vec(port_queries(), 1..400),
    ) {
        let plain: Vec<_> = rules.iter().map(plain_ports).collect();
        let policy = CompiledPolicy::new(Rules { ports: rules, ..Rules::default() }, crowd());
        for query in queries.iter().chain(&queries) {
            prop_assert_eq!(policy.decide_ports(*query), decide_ports(&plain, crowd_labels, *query));
            let lucky = policy::decide_from_any_port(&plain, crowd_labels, *query).action;
            prop_assert_eq!(policy.decide_from_any_port(*query).action, lucky);
            let tried = (0..8).chain(DYNAMIC - 1..DYNAMIC + 4).chain([u32::MAX - 1, u32::MAX]);
            let tried = tried.map(|port| Some(Port(port))).chain([None]);
            let best = tried
                .map(|from_port| policy.decide_ports(PortQuery { from_port, ..*query }).action)
                .any(|action| action == Action::Allow);
            prop_assert_eq!(best, lucky == Action::Allow);
        }
    }
}
