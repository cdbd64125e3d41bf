//! Rules about paths: what they cover, and which of them decides.
#![allow(clippy::unwrap_used, reason = "what a test knows to be there")]

use argo_core::DomainId;
use argo_core::policy::{
    Action, Decision, Label, LabelSet, StoreAccess, StoreQuery, StoreRule, Subject, decide_store,
    home_of,
};

use Action::{Allow, Deny};
use StoreAccess::{Read, Write};

fn id(id: u16) -> DomainId {
    DomainId::new(id).unwrap()
}

fn rule(path: &str, access: StoreAccess, action: Action) -> StoreRule<&str> {
    StoreRule { from: Subject::Any, path, access, action }
}

fn ask(rules: &[StoreRule<&str>], domain: u16, path: &str, access: StoreAccess) -> Decision {
    let domain = id(domain);
    decide_store(rules, |_| LabelSet::EMPTY, StoreQuery { domain, path, access })
}

/// Whether domain 5 may read a path by a rule about this one.
fn covers(pattern: &str, path: &str) -> bool {
    ask(&[rule(pattern, Read, Allow)], 5, path, Read).action == Allow
}

#[test]
fn a_path_covers_itself_and_all_below_by_whole_components() {
    for path in ["/a/b", "/a/b/c", "/a/b/c/d"] {
        assert!(covers("/a/b", path), "{path}");
    }
    for path in ["/", "/a", "/a/bc", "/a/c/b", "/x/a/b", "a/b", "", "@releaseDomain"] {
        assert!(!covers("/a/b", path), "{path}");
    }
    assert!(covers("/", "/") && covers("/", "/a/b"));
    assert!(!covers("/", "a") && !covers("/", "") && !covers("/", "@introduceDomain"));
}

#[test]
fn a_tilde_at_the_beginning_is_the_domain_s_own_part() {
    for path in ["/local/domain/5", "/local/domain/5/data", "/local/domain/5/data/x"] {
        assert!(covers("~", path), "{path}");
        assert_eq!(covers("~/data", path), path.contains("data"), "{path}");
    }
    let others = ["6", "55", "05", "+5", "", "*", "~", "65541", "99999999999999999999"];
    for path in others.map(|other| format!("/local/domain/{other}/data")) {
        assert!(!covers("~", &path) && !covers("~/data", &path), "{path}");
    }
    assert!(!covers("~", "/local/domain") && !covers("~", "/local/domain/"));
}

#[test]
fn stars_and_tildes_stand_for_one_component() {
    let mine = "/local/domain/*/data/vchan/~";
    assert!(covers(mine, "/local/domain/2/data/vchan/5/9"));
    for path in ["/local/domain/2/data/vchan/6", "/local/domain/2/x/data/vchan/5"] {
        assert!(!covers(mine, path), "{path}");
    }
    assert!(!covers("/a/*/b", "/a//b") && !covers("/a/*", "/a") && !covers("/a/*", "/a/"));
    assert!(!covers("/a*", "/ab"), "a star is a component of its own");
}

#[test]
fn patterns_that_are_no_paths_cover_nothing() {
    for pattern in ["", "a", "*", "~5", "~a/b"] {
        for path in ["/", "/a", "/local/domain/5", "/local/domain/5/a", "/b"] {
            assert!(!covers(pattern, path), "{pattern} {path}");
        }
    }
}

#[test]
fn who_may_write_may_read_and_who_may_not_read_may_not_write() {
    let allowed = |access, action, asked| {
        let all = rule("/", Write, Allow);
        ask(&[rule("/a", access, action), all][..], 5, "/a", asked)
    };
    let by = |action, rule| Decision { action, rule: Some(rule) };
    assert_eq!(allowed(Write, Allow, Read), by(Allow, 0));
    assert_eq!(allowed(Write, Allow, Write), by(Allow, 0));
    assert_eq!(allowed(Read, Allow, Read), by(Allow, 0));
    assert_eq!(allowed(Read, Allow, Write), by(Allow, 1));
    assert_eq!(allowed(Write, Deny, Read), by(Allow, 1));
    assert_eq!(allowed(Write, Deny, Write), by(Deny, 0));
    assert_eq!(allowed(Read, Deny, Read), by(Deny, 0));
    assert_eq!(allowed(Read, Deny, Write), by(Deny, 0));
}

#[test]
fn the_first_rule_decides_and_else_nothing_is_allowed() {
    let red = Label::new(3).unwrap();
    let labels = |domain| if domain == id(1) { LabelSet::EMPTY.with(red) } else { LabelSet::EMPTY };
    let rules = [
        rule("/a/secret", Read, Deny),
        StoreRule { from: Subject::Label(red), ..rule("/a", Write, Allow) },
        StoreRule { from: Subject::Domain(id(2)), ..rule("/a", Read, Allow) },
    ];
    let ask = |domain, path, access| {
        let decision =
            decide_store(&rules, labels, StoreQuery { domain: id(domain), path, access });
        (decision.action, decision.rule)
    };
    assert_eq!(ask(1, "/a/x", Write), (Allow, Some(1)));
    assert_eq!(ask(1, "/a/secret/x", Read), (Deny, Some(0)));
    assert_eq!(ask(2, "/a/x", Read), (Allow, Some(2)));
    assert_eq!(ask(2, "/a/x", Write), (Deny, None));
    assert_eq!(ask(3, "/a/x", Read), (Deny, None));
}

#[test]
fn whose_part_of_the_store_a_path_is_in() {
    assert_eq!(home_of("/local/domain/7"), Some(id(7)));
    assert_eq!(home_of("/local/domain/0/a/b"), Some(id(0)));
    for path in ["/local/domain", "/local/domain/", "/local/domain/07", "/vm/7", "local/domain/7"] {
        assert_eq!(home_of(path), None, "{path}");
    }
    assert_eq!(home_of("/local/domain/32752"), None, "no domain has this number");
}
