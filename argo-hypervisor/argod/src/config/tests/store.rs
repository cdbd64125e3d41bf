use argo_core::policy::{Action, StoreAccess};
use argo_core::xenstore::ABSOLUTE_PATH_MAX;

use super::*;

/// A table whose path and other keys are these.
fn store(path: &str, more: &str) -> Result<Config, Problems> {
    parse(&format!("[[store]]\nfrom = 'any'\npath = {path}\n{more}"))
}

#[test]
fn a_store_rule_in_full() {
    let more = "access = 'write'\naction = 'deny'\ncomment = 'why'\nlog = true\n";
    let rules = store("['~/data', '/local/domain/*/name/~']", more).unwrap().policy.store;
    let expected = StoreRule {
        place: Place { file: "t.toml".into(), line: 1 },
        from: vec![Subject::Any],
        paths: vec!["~/data".into(), "/local/domain/*/name/~".into()],
        access: StoreAccess::Write,
        action: Action::Deny,
        comment: Some("why".to_owned()),
        log: true,
    };
    assert_eq!(rules, [expected]);
}

#[test]
fn a_store_rule_allows_to_read_unless_it_says_more() {
    let rule = store("'/'", "").unwrap().policy.store.remove(0);
    let StoreRule { access, action, comment, log, .. } = rule;
    assert_eq!((access, action, comment, log), (StoreAccess::Read, Action::Allow, None, false));
}

#[test]
fn paths() {
    let longest = format!("/{}", "a".repeat(ABSOLUTE_PATH_MAX - 1));
    for path in ["/", "~", "/a", "~/a-b_c@D/9", "/*/~/*", &longest] {
        assert!(store(&format!("'{path}'"), "").is_ok(), "{path}");
    }
    let longer = format!("{longest}a");
    for path in ["", "a", "//", "/a/", "/a//b", "~/", "~a", "/a*", "/~b", "/ä", "/a b", &longer] {
        let problems = store(&format!("'{path}'"), "").unwrap_err();
        let problem = &problems.told[0];
        assert_eq!((problem.line, problem.column, problems.told.len()), (3, 8, 1), "{path}");
        assert!(problem.message.contains("expected a path as \"~/data\""), "{problems}");
    }
}

#[test]
fn what_a_store_rule_must_have_and_must_not() {
    assert!(said("[[store]]\nfrom = 'any'").contains("found no key `path`"));
    assert!(said("[[store]]\npath = '/'").contains("found no key `from`"));
    let said = |more| store("'/'", more).unwrap_err().to_string();
    assert!(said("access = 'all'").contains("expected one of \"read\", \"write\""));
    let keys = "found unknown key `to`, expected one of: path, from, access, action, comment, log";
    assert!(said("to = 'any'").contains(keys));
}

#[test]
fn too_many_store_rules_paths_and_pairs() {
    let rule = |from: usize, paths: usize| {
        let list = |count: usize, one: &str| vec![one; count].join(",");
        format!("[[store]]\nfrom=[{}]\npath=[{}]\n", list(from, "'any'"), list(paths, "'/'"))
    };
    assert!(parse(&rule(1, 1).repeat(RULES_MAX)).is_ok());
    let many = said(&rule(1, 1).repeat(RULES_MAX + 1));
    assert!(many.contains("found 4097 tables [[store]], expected at most 4096"), "{many}");
    assert!(parse(&rule(1, PATHS_MAX)).is_ok());
    assert!(said(&rule(1, PATHS_MAX + 1)).contains("found 257 entries, expected at most 256"));
    assert!(parse(&rule(128, 128)).is_ok());
    let pairs = said(&format!("{}{}", rule(128, 128), rule(1, 1)));
    assert!(pairs.contains("found 16385 pairs of from and path up to here"), "{pairs}");
}

#[test]
fn groups_and_unknown_names_in_store_rules() {
    let text = |from: &str| {
        format!("[groups]\ng = ['id:1', 'id:2']\n[[store]]\nfrom = '{from}'\npath = '/'\n")
    };
    assert_eq!(parse(&text("group:g")).unwrap().policy.store[0].from.len(), 2);
    assert!(said(&text("group:h")).contains("found unknown group \"h\""));
    assert!(said(&text("nobody")).contains("found unknown domain \"nobody\""));
}
