use std::collections::BTreeSet;

use super::*;
use crate::ctl::policy::lint::{Finding, Weight, findings};

/// The lines of rules of which it is said that they never decide.
fn dead(policy: &CompiledPolicy) -> BTreeSet<usize> {
    let findings = findings(policy).into_iter();
    let dead = findings.filter(|finding| finding.text.contains("never decides"));
    dead.map(|finding| finding.place.line).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_rule_never_decides_if_brute_force_finds_no_question_that_it_decides(policy in policies()) {
        let policy = policy.compile();
        let rules = policy.rules();
        let places = rules.hooks.iter().map(|rule| &rule.place);
        let places = places.chain(rules.ports.iter().map(|rule| &rule.place));
        let places = places.chain(rules.store.iter().map(|rule| &rule.place));
        let mut never: BTreeSet<usize> = places.map(|place| place.line).collect();
        for query in all_hook_queries(&policy) {
            policy.decide(query).rule.map(|rule| never.remove(&(rule + 1)));
        }
        for from in ids(&policy) {
            for query in ids(&policy).into_iter().flat_map(|to| all_port_queries(from, to)) {
                policy.decide_ports(query).rule.map(|rule| never.remove(&(rule + 101)));
            }
        }
        let paths = all_paths();
        for domain in ids(&policy) {
            for (path, access) in
                paths.iter().flat_map(|path| StoreAccess::ALL.map(|access| (path, access)))
            {
                let decision = policy.decide_store(StoreQuery { domain, path, access });
                decision.rule.map(|rule| never.remove(&(rule + 201)));
            }
        }
        prop_assert_eq!(dead(&policy), never);
    }
}

/// What is found, after the file's name.
fn said(rules: &str) -> Vec<String> {
    let shown = |finding: Finding| {
        let weight = if finding.weight == Weight::Warning { "warning" } else { "hint" };
        format!("{}: {weight}: {}", finding.place.line, finding.text)
    };
    findings(&policy(rules)).into_iter().map(shown).collect()
}

const OPEN: &str = "policy = [{ hook = 'any', from = 'any', to = 'any' }]\n";

fn port(from: &str, to: &str, more: &str) -> String {
    format!("[[port]]\nfrom = '{from}'\nto = '{to}'\n{more}\n")
}

#[test]
fn a_sound_policy() {
    assert_eq!(said(&format!("{OPEN}{}", port("a", "b", "to_port = 7\nreply = true"))), [""; 0]);
}

#[test]
fn rules_that_others_cover_are_told_with_them() {
    let text = [
        OPEN,
        &port("a", "label:red", "to_port = '0-9'"),
        &port("label:red", "b", "to_port = '5-20'"),
        &port("a", "b", "to_port = '3-12'\naction = 'deny'"),
    ];
    let expected = "10: warning: [[port]] never decides: all that it is about is decided before, \
                    by p.toml:2, p.toml:6";
    assert_eq!(said(&text.concat()), [expected]);
    let text = "[[policy]]\nhook = 'any'\nfrom = 'any'\nto = 'any'\n\
                [[policy]]\nhook = 'send'\nfrom = 'c'\nto = 'a'\naction = 'deny'\n";
    let expected = "5: warning: [[policy]] never decides: all that it is about is decided before, \
                    by p.toml:1";
    assert_eq!(said(text), [expected]);
}

#[test]
fn rules_about_nobody() {
    let text = format!("{OPEN}{}", port("id:77", "any", "to_port = 7"));
    assert_eq!(said(&text), ["2: warning: [[port]] never decides: no domain is meant"]);
    let text = "[[policy]]\nhook = ['enable', 'send']\nfrom = 'id:77'\nto = 'any'\n";
    assert_eq!(said(text), ["1: warning: [[policy]] never decides: no domain is meant"]);
}

#[test]
fn store_rules_that_others_cover() {
    let rule = |from: &str, path: &str, access: &str| {
        format!("[[store]]\nfrom = '{from}'\npath = '{path}'\naccess = '{access}'\n")
    };
    let text = [
        rule("a", "~/data", "write"),
        rule("any", "/local/domain/*/data/vchan/~", "read"),
        rule("label:red", "/tool", "read"),
        rule("a", "/tool/x", "read"),
        rule("a", "/local/domain/1/data/y", "write"),
        rule("id:77", "/", "read"),
    ];
    let never = "warning: [[store]] never decides:";
    assert_eq!(
        said(&text.concat()),
        [
            format!("13: {never} all that it is about is decided before, by p.toml:9"),
            format!("17: {never} all that it is about is decided before, by p.toml:1"),
            format!("21: {never} no domain is meant"),
        ]
    );
    let more = [rule("any", "/a", "read"), rule("any", "/a/b", "write")];
    assert_eq!(said(&more.concat()), [""; 0], "it allows to write");
}

#[test]
fn a_port_rule_that_the_hook_keeps_from_all() {
    let text = "[[policy]]\nhook = 'send'\nfrom = 'a'\nto = 'any'\n".to_owned();
    let expected = "5: warning: [[port]] allows nothing: hook send refuses all of it (send 2 (b) \
                    -> 1 (a): denied: no rule allows it)";
    assert_eq!(said(&(text.clone() + &port("b", "a", "to_port = 7"))), [expected]);
    assert_eq!(said(&(text + &port("any", "b", "to_port = 7"))), [""; 0]);
}

#[test]
fn reply_of_no_use() {
    let rules =
        [port("b", "a", "to_port = 'any'"), port("a", "b", "to_port = 'any'\nreply = true")];
    let text = format!("{OPEN}{}", rules.concat());
    let expected = "6: warning: `reply` has no effect: all that it allows is decided before";
    assert_eq!(said(&text), [expected]);
}

#[test]
fn connections_that_cannot_be_made() {
    let hooks = "policy = [{ hook = 'send', from = 'any', to = 'any' }, \
                 { hook = 'register_single_source', from = 'a', to = 'b' }]\n";
    let text = format!("{hooks}{}", port("a", "b", "to_port = 7\nreply = true"));
    let expected = "2: hint: no connections from 1 (a) to 2 (b): register_single_source 2 (b) -> \
                    1 (a): denied: no rule allows it";
    assert_eq!(said(&text), [expected]);
}

#[test]
fn small_limits() {
    let limited = |bytes| {
        format!("{OPEN}{}", port("a", "b", &format!("to_port = 7\nbytes_per_second = {bytes}")))
    };
    assert_eq!(said(&limited(65_536)), [""; 0]);
    let said = said(&limited(65_535));
    assert!(
        said[0].starts_with("2: hint: bytes_per_second = 65535 bytes is less than"),
        "{said:?}"
    );
}
