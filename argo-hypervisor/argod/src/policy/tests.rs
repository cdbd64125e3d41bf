use std::path::Path;

use argo_core::policy::{Action, Decision, Hook, LabelSet, Query, decide};
use argo_core::{DomainId, Errno};
use argo_hypervisor::{Judge, Policy, Refused};
use proptest::prelude::*;

use super::*;
use crate::config::{Domain, Host, Limit, Mode, Place, PortRule, Problems, Rule, Subject};

fn id(id: u16) -> DomainId {
    DomainId::new(id).unwrap()
}

fn domain(number: u16, name: &str, labels: &[&str]) -> Domain {
    let text = format!("id = {number}\nname = '{name}'\nlabels = {labels:?}\nram = 8192");
    let host = Host { cpus: vec![0] };
    Domain::parse("domain.toml", &text, &host, Path::new("/run")).unwrap()
}

fn directory() -> Directory {
    let domains = [
        domain(1, "client", &["red"]),
        domain(2, "server", &["blue", "red"]),
        domain(3, "attacker", &[]),
    ];
    Directory::new(&domains).unwrap()
}

fn live(rules: &str) -> LivePolicy {
    let directory = directory();
    let rules = Rules::parse("demo.toml", rules, |subject| directory.knows(subject)).unwrap();
    LivePolicy::new(rules, directory)
}

/// Asks as the engine does.
fn check(policy: &LivePolicy, query: Query) -> Result<(), Errno> {
    let judge = policy.judge();
    let Decision { action, rule } = judge.hook(query);
    match action {
        Action::Allow => Ok(()),
        Action::Deny => {
            judge.refused(Refused::Hook(query), rule);
            Err(Errno::EACCES)
        }
    }
}

fn replace(policy: &LivePolicy, file: &str, text: &str) -> Result<(), Problems> {
    policy.replace_rules(|known| Rules::parse(file, text, |subject| known.knows(subject)))
}

fn send(from: u16, to: u16) -> Query {
    Query::Send { from: id(from), to: id(to) }
}

/// Which of the sends between domains 0 to 4 are allowed.
fn sends(policy: &LivePolicy) -> Vec<(u16, u16)> {
    let pairs = (0..5).flat_map(|from| (0..5).map(move |to| (from, to)));
    pairs.filter(|(from, to)| check(policy, send(*from, *to)).is_ok()).collect()
}

const RULES: &str = "
[[policy]]
hook = 'enable'
from = 'any'

[[policy]]
hook = 'send'
from = 'attacker'
to = 'server'
action = 'deny'
comment = 'never trust it'

[[policy]]
hook = 'send'
from = ['client', 'attacker']
to = 'label:blue'
";

#[test]
fn nothing_is_allowed_that_is_not_stated() {
    let policy = live("");
    assert_eq!(sends(&policy), []);
    assert_eq!(check(&policy, Query::Enable { domain: id(1) }), Err(Errno::EACCES));
}

#[test]
fn every_form_of_subject() {
    let policy = |from: &str, to: &str| {
        sends(&live(&format!("[[policy]]\nhook='send'\nfrom={from}\nto={to}")))
    };
    assert_eq!(policy("'any'", "'any'").len(), 25);
    assert_eq!(policy("'client'", "'any'"), [(1, 0), (1, 1), (1, 2), (1, 3), (1, 4)]);
    assert_eq!(policy("'label:red'", "'label:blue'"), [(1, 2), (2, 2)]);
    assert_eq!(policy("'id:4'", "['client', 'id:0']"), [(4, 0), (4, 1)]);
    assert_eq!(policy("['client', 'label:blue']", "'attacker'"), [(1, 3), (2, 3)]);
}

#[test]
fn the_first_rule_that_matches_decides_and_is_named() {
    let policy = live(RULES).snapshot();
    let explained = [
        (send(1, 2), "send 1 (client) -> 2 (server): allowed by policy rule 3 (demo.toml:13)"),
        (
            send(3, 2),
            "send 3 (attacker) -> 2 (server): denied by policy rule 2 (demo.toml:6): never trust it",
        ),
        (send(2, 9), "send 2 (server) -> 9: denied: no rule allows it"),
        (
            Query::Enable { domain: id(3) },
            "enable 3 (attacker): allowed by policy rule 1 (demo.toml:2)",
        ),
        (
            Query::RegisterSingleSource { domain: id(2), partner: id(1) },
            "register_single_source 2 (server) -> 1 (client): denied: no rule allows it",
        ),
        (
            Query::RegisterAnySource { domain: id(2) },
            "register_any_source 2 (server): denied: no rule allows it",
        ),
    ];
    for (query, text) in explained {
        assert_eq!(policy.explain(query), text);
        assert_eq!(policy.explain(query), text, "the second time, from the kept answer");
    }
}

#[test]
fn refusals_are_counted_by_rule() {
    let policy = live(RULES);
    for (from, to) in [(3, 2), (3, 2), (2, 1), (1, 2)] {
        let _ = check(&policy, send(from, to));
    }
    let snapshot = policy.snapshot();
    snapshot.explain(send(3, 2));
    let refusals = |rule, text: &str, count| {
        let cause = Cause::Hook(rule);
        Refusals { cause, text: text.to_owned(), count }
    };
    let expected =
        [refusals(None, "no rule", 1), refusals(Some(1), "policy rule 2 (demo.toml:6)", 2)];
    assert_eq!(snapshot.refusals(), expected);

    assert!(policy.remove_domain(id(1)));
    assert_eq!(policy.snapshot().refusals(), expected, "a change of domains keeps the counts");
    replace(&policy, "new.toml", "").unwrap();
    assert_eq!(policy.snapshot().refusals(), []);
}

#[test]
fn new_rules_replace_all_old_ones() {
    let policy = live(RULES);
    assert_eq!(sends(&policy), [(1, 2)]);
    replace(&policy, "b.toml", "[[policy]]\nhook='send'\nfrom='id:4'\nto='server'").unwrap();
    assert_eq!(sends(&policy), [(4, 2)]);
    let expected = "send 4 -> 2 (server): allowed by policy rule 1 (b.toml:1)";
    assert_eq!(policy.snapshot().explain(send(4, 2)), expected);
}

#[test]
fn bad_rules_leave_the_old_ones_in_force() {
    let policy = live(RULES);
    let bad = "[[policy]]\nhook = 'send'\nfrom = 'cleint'\nto = 'any'";
    let problems = replace(&policy, "b.toml", bad).unwrap_err();
    assert_eq!((problems.told[0].line, problems.told[0].column), (3, 8));
    assert_eq!(sends(&policy), [(1, 2)]);
}

#[test]
fn rules_follow_names_and_labels() {
    let policy = live(RULES);
    assert!(policy.remove_domain(id(1)));
    assert!(!policy.remove_domain(id(1)));
    policy.add_domain(&domain(1, "stranger", &[])).unwrap();
    assert_eq!(sends(&policy), [], "another domain of the same id is not meant");
    policy.add_domain(&domain(4, "client", &["blue"])).unwrap();
    assert_eq!(sends(&policy), [(3, 4), (4, 2), (4, 4)]);
}

#[test]
fn rules_about_a_label_that_is_gone_match_nothing() {
    let policy = live("[[policy]]\nhook='send'\nfrom='any'\nto='label:blue'");
    assert!(policy.remove_domain(id(2)));
    assert_eq!(sends(&policy), []);
}

#[test]
fn a_snapshot_stays_what_it_is() {
    let policy = live(RULES);
    let before = policy.snapshot();
    replace(&policy, "b.toml", "").unwrap();
    assert_eq!(before.decide(send(1, 2)), Decision { action: Action::Allow, rule: Some(2) });
}

#[test]
fn domains_that_cannot_be_added() {
    let policy = live(RULES);
    let refused = |domain| policy.add_domain(&domain).unwrap_err();
    let name = "client".to_owned();
    assert_eq!(
        refused(domain(1, "new", &[])),
        DirectoryError::IdTaken { id: id(1), name: name.clone() }
    );
    assert_eq!(refused(domain(9, "client", &[])), DirectoryError::NameTaken { name, id: id(1) });

    let labels: Vec<_> = (0..63).map(|number| format!("l{number}")).collect();
    let labels: Vec<_> = labels.iter().map(String::as_str).collect();
    assert_eq!(refused(domain(9, "new", &labels)), DirectoryError::TooManyLabels { labels: 65 });
    policy.add_domain(&domain(9, "new", &labels[1..])).unwrap();
    assert_eq!(policy.snapshot().directory().len(), 4);
}

#[test]
fn there_is_a_limit_to_domains() {
    let mut directory = Directory::default();
    let mut template = domain(0, "d", &[]);
    let mut add = |number: u16| {
        (template.id, template.name) = (id(number), format!("d{number}"));
        directory.add(&template)
    };
    (0..1024).for_each(|number| add(number).unwrap());
    assert_eq!(add(1024), Err(DirectoryError::TooManyDomains));
}

/// As many domains as make answers drive out each other, all with ids of multiples of 3.
const CROWD: u16 = 300;

fn crowd() -> Directory {
    let mut directory = Directory::default();
    let mut template = domain(0, "d", &[]);
    for number in 0..CROWD {
        (template.id, template.name) = (id(number * 3), format!("d{number}"));
        let labels = (0..6).filter(|bit| number >> bit & 1 == 1);
        template.labels = labels.map(|bit| format!("l{bit}")).collect();
        directory.add(&template).unwrap();
    }
    directory
}

/// The labels of a domain of the crowd, worked out in another way than the directory does.
fn crowd_labels(domain: DomainId) -> LabelSet {
    let number = domain.raw() / 3;
    let in_crowd = domain.raw().is_multiple_of(3) && number < CROWD;
    let bits = (0..6).filter(|bit| in_crowd && number >> bit & 1 == 1);
    bits.fold(LabelSet::EMPTY, |set, bit| set.with(policy::Label::new(bit).unwrap()))
}

fn subjects() -> impl Strategy<Value = Subject> {
    prop_oneof![
        Just(Subject::Any),
        (0..CROWD).prop_map(|number| Subject::Name(format!("d{number}"))),
        (0..6).prop_map(|bit| Subject::Label(format!("l{bit}"))),
        ids().prop_map(Subject::Id),
    ]
}

/// Mostly few domains, so that queries and rules meet; some that do not exist.
fn ids() -> impl Strategy<Value = DomainId> {
    prop_oneof![0..12_u16, 0..CROWD * 3 + 9].prop_map(id)
}

prop_compose! {
    fn rules()(
        hook in proptest::sample::select(&Hook::ALL[..]),
        from in subjects(),
        to in subjects(),
        allow in any::<bool>(),
    ) -> Rule {
        let action = if allow { Action::Allow } else { Action::Deny };
        let place = Place { file: "t.toml".into(), line: 1 };
        let (hooks, from, to) = (vec![hook], vec![from], vec![to]);
        Rule { place, hooks, from, to, action, comment: None, log: false }
    }
}

fn queries() -> impl Strategy<Value = Query> {
    (0..6, ids(), ids()).prop_map(|(hook, domain, other)| match hook {
        0 => Query::Enable { domain },
        1 => Query::RegisterAnySource { domain },
        2 => Query::RegisterSingleSource { domain, partner: other },
        3 => Query::Grant { from: domain, to: other },
        4 => Query::EventChannel { from: domain, to: other },
        _ => Query::Send { from: domain, to: other },
    })
}

/// A subject as argo-core has it, translated in another way than the compiler does.
fn plain_subject(subject: &Subject) -> policy::Subject {
    let number = |name: &str| name[1..].parse::<u16>().unwrap();
    match subject {
        Subject::Any => policy::Subject::Any,
        Subject::Id(id) => policy::Subject::Domain(*id),
        Subject::Name(name) => policy::Subject::Domain(id(number(name) * 3)),
        Subject::Label(name) => {
            policy::Subject::Label(policy::Label::new(number(name).into()).unwrap())
        }
    }
}

fn plain(rule: &Rule) -> policy::Rule {
    let (from, to) = (plain_subject(&rule.from[0]), plain_subject(&rule.to[0]));
    policy::Rule { hook: rule.hooks[0], from, to, action: rule.action }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn kept_answers_are_those_of_argo_core(
        rules in prop::collection::vec(rules(), 0..12),
        queries in prop::collection::vec(queries(), 1..400),
    ) {
        let plain: Vec<_> = rules.iter().map(plain).collect();
        let rules = Rules { hooks: rules, ..Rules::default() };
        let policy = CompiledPolicy::new(rules, crowd());
        for query in queries.iter().chain(&queries) {
            prop_assert_eq!(policy.decide(*query), decide(&plain, crowd_labels, *query));
        }
    }
}

mod ports;
mod store;
