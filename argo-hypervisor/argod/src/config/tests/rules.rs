use argo_core::DomainId;
use argo_core::policy::{Action, Hook};

use super::*;

const DOMAIN: &str = "[[domain]]\nid = 1\nname = \"a\"\nram = \"16KiB\"\nlabels = [\"red\"]\n";

/// Asserts what is said about the last line of a rule.
#[track_caller]
fn refused(head: &str, line: &str, carets: &str, message: &str) {
    let text = format!("{DOMAIN}[[policy]]\n{head}");
    let number = text.lines().count() + 1;
    assert_eq!(said(&format!("{text}{line}\n")), saying(number, line, carets, message));
}

#[test]
fn a_rule_in_full() {
    let text = format!(
        "{DOMAIN}[[policy]]\nhook = 'send'\nfrom = ['a', 'label:red', 'id:7']\nto = 'any'\n\
         action = 'deny'\ncomment = 'why'\n"
    );
    let rules = parse(&text).unwrap().policy;
    let from = vec![
        Subject::Name("a".into()),
        Subject::Label("red".into()),
        Subject::Id(DomainId::new(7).unwrap()),
    ];
    let (to, comment) = (vec![Subject::Any], Some("why".to_owned()));
    let place = Place { file: "t.toml".into(), line: 6 };
    let (hooks, action) = (vec![Hook::Send], Action::Deny);
    assert_eq!(rules.hooks, [Rule { place, hooks, from, to, action, comment, log: false }]);
}

#[test]
fn a_rule_allows_unless_it_says_deny() {
    let text = format!("{DOMAIN}[[policy]]\nhook = 'enable'\nfrom = 'a'\n");
    let rule = &parse(&text).unwrap().policy.hooks[0];
    assert_eq!((rule.action, rule.to.len(), &rule.comment), (Action::Allow, 0, &None));
}

#[test]
fn unknown_names_and_labels() {
    let known = "expected a name or label that some domain has";
    let head = "hook = \"enable\"\n";
    let message = format!("found unknown domain \"b\", {known}");
    refused(head, "from = [\"a\", \"b\"]", "             ^^^", &message);
    let message = format!("found unknown label \"blue\", {known}");
    refused(head, "from = \"label:blue\"", "       ^^^^^^^^^^^^", &message);
}

#[test]
fn domains_with_other_problems_are_known() {
    let text = "[[domain]]\nid = 1\nname = 'a'\nram = 0\n[[policy]]\nhook = 'enable'\nfrom = 'a'\n";
    let problems = parse(text).unwrap_err();
    assert_eq!(problems.told.iter().map(|problem| problem.line).collect::<Vec<_>>(), [4]);
}

#[test]
fn bad_subjects() {
    let expected = "a domain's name, \"label:NAME\", \"group:NAME\", \"id:0\" to \"id:32751\" or \
                    \"any\"";
    for bad in
        ["\"A\"", "\"group:any\"", "\"id:32752\"", "\"id:\"", "\"label:any\"", "\"x:a\"", "7"]
    {
        let carets = format!("       {}", "^".repeat(bad.len()));
        let message = format!("found {bad}, expected {expected}");
        refused("hook = \"enable\"\n", &format!("from = {bad}"), &carets, &message);
    }
}

#[test]
fn hooks_and_targets() {
    let hooks = "expected one of \"enable\", \"register_any_source\", \"register_single_source\", \
                 \"send\", \"grant\", \"event_channel\", \"any\"";
    let message = format!("found \"fly\", {hooks}");
    refused("from = \"a\"\n", "hook = \"fly\"", "       ^^^^^", &message);
    let head = "hook = \"register_any_source\"\nfrom = \"a\"\n";
    let message = "found `to`, expected no `to`: hook \"register_any_source\" is about one domain";
    refused(head, "to = \"any\"", "     ^^^^^", message);
    let two_sided = format!("{DOMAIN}[[policy]]\nhook = \"send\"\nfrom = \"a\"\n");
    let message = "found no key `to`, expected to = a domain's name, \"label:NAME\", \"group:NAME\", \
                   \"id:0\" to \"id:32751\" or \"any\"";
    assert_eq!(said(&two_sided), saying(6, "[[policy]]", "^^^^^^^^^^", message));
    let message = "found an empty array, expected at least one entry";
    refused("hook = \"enable\"\n", "from = []", "       ^^", message);
    let message = "found \"log\", expected one of \"allow\", \"deny\"";
    refused("hook = \"enable\"\nfrom = \"a\"\n", "action = \"log\"", "         ^^^^^", message);
}

#[test]
fn a_rule_about_several_hooks() {
    let rule = |hook: &str, more: &str| {
        let text = format!("{DOMAIN}[[policy]]\nhook = {hook}\nfrom = 'a'\n{more}");
        parse(&text).map(|config| config.policy.hooks[0].clone())
    };
    let both = rule("['send', 'enable', 'send']", "to = 'any'\nlog = true").unwrap();
    assert_eq!((both.hooks, both.log), (vec![Hook::Enable, Hook::Send], true));
    assert_eq!(rule("'any'", "to = 'any'").unwrap().hooks, Hook::ALL);
    assert_eq!(rule("['enable', 'any']", "to = 'any'").unwrap().hooks, Hook::ALL);
    assert!(rule("['send', 'enable']", "").is_err() && rule("'any'", "").is_err());
    let one_sided = rule("['register_any_source', 'enable']", "to = 'any'").unwrap_err();
    let message = "found `to`, expected no `to`: hook \"enable\" or \"register_any_source\" is \
                   about one domain";
    assert_eq!(one_sided.told[0].message, message);
    assert!(rule("['enable', 'register_any_source']", "").is_ok());
    assert!(rule("[]", "to = 'any'").is_err());
}

#[test]
fn comments_are_one_short_line() {
    let head = "hook = \"enable\"\nfrom = \"a\"\n";
    let message = "found \"a\\nb\", expected a line of at most 200 characters";
    refused(head, "comment = \"a\\nb\"", "          ^^^^^^", message);
    let comment = |length| format!("{DOMAIN}[[policy]]\n{head}comment = '{}'", "é".repeat(length));
    assert!(parse(&comment(COMMENT_MAX)).is_ok());
    assert_eq!(parse(&comment(COMMENT_MAX + 1)).unwrap_err().told[0].line, 9);
}

#[test]
fn too_many_rules_subjects_and_pairs() {
    let rule = |from: usize, to: usize| {
        let list = |count: usize| vec!["'any'"; count].join(",");
        format!("[[policy]]\nhook='send'\nfrom=[{}]\nto=[{}]\n", list(from), list(to))
    };
    assert!(parse(&rule(1, 1).repeat(RULES_MAX)).is_ok());
    let said_of_rules = said(&rule(1, 1).repeat(RULES_MAX + 1));
    let message = "t.toml:16385:1: found 4097 tables [[policy]], expected at most 4096\n";
    assert!(said_of_rules.starts_with(message), "{said_of_rules}");

    assert!(parse(&rule(1, SUBJECTS_MAX)).is_ok());
    let message = "t.toml:4:4: found 257 entries, expected at most 256\n";
    assert!(said(&rule(1, SUBJECTS_MAX + 1)).starts_with(message));

    let full = rule(128, 128);
    assert!(parse(&full).is_ok());
    let expected = "found 16385 pairs of from and to up to here, expected at most 16384 in all \
                    rules together";
    let more = format!("{full}{}", rule(1, 1).repeat(3));
    assert_eq!(said(&more), saying(5, "[[policy]]", "^^^^^^^^^^", expected));
}

#[test]
fn rules_alone() {
    let knows = |subject: &Subject| !matches!(subject, Subject::Name(name) if name != "a");
    let rules = Rules::parse("new.toml", "\n[[policy]]\nhook='enable'\nfrom='a'", knows).unwrap();
    assert_eq!(rules.hooks.len(), 1);
    assert_eq!(rules.hooks[0].place, Place { file: "new.toml".into(), line: 2 });
    let text = "argo = true\n[[policy]]\nhook='enable'\nfrom='b'";
    let problems = Rules::parse("new.toml", text, knows).unwrap_err();
    let said: Vec<_> = problems.told.iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(
        said,
        [
            "found unknown key `argo`, expected one of: policy_mode, groups, policy, port, store",
            "found unknown domain \"b\", expected a name or label that some domain has"
        ]
    );
}
