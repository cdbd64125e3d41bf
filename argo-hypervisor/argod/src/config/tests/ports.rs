use argo_core::Port;
use argo_core::policy::{Action, PortRange};

use super::*;

const DOMAIN: &str = "[[domain]]\nid = 1\nname = \"a\"\nram = \"16KiB\"\nlabels = [\"red\"]\n";
const RULE: &str = "[[port]]\nfrom = \"a\"\nto = \"a\"\n";

/// Asserts what is said about the last line of a rule.
#[track_caller]
fn refused(head: &str, line: &str, carets: &str, message: &str) {
    let text = format!("{DOMAIN}{head}");
    let number = text.lines().count() + 1;
    assert_eq!(said(&format!("{text}{line}\n")), saying(number, line, carets, message));
}

fn rules(text: &str) -> Result<Rules, Problems> {
    Rules::parse("t.toml", text, |_| true)
}

fn range(first: u32, last: u32) -> PortRange {
    PortRange::new(Port(first), Port(last)).unwrap()
}

#[test]
fn a_port_rule_in_full() {
    let text = "[[port]]\nfrom = 'a'\nfrom_port = 9\nto = ['label:red', 'any']\n\
                to_port = [7, '8-0x10', 'any']\nreply = true\nlog = true\ncomment = 'why'\n\
                messages_per_second = 1_000\nbytes_per_second = '1MiB'\n";
    let rule = PortRule {
        place: Place { file: "t.toml".into(), line: 1 },
        from: vec![Subject::Name("a".into())],
        from_port: vec![range(9, 9)],
        to: vec![Subject::Label("red".into()), Subject::Any],
        to_port: vec![range(7, 7), range(8, 16), PortRange::ALL],
        action: Action::Allow,
        reply: true,
        limit: Limit { messages: Some(1000), bytes: Some(1 << 20) },
        comment: Some("why".into()),
        log: true,
    };
    assert_eq!(rules(text).unwrap().ports, [rule]);
}

#[test]
fn what_is_not_stated() {
    let rule = &rules(&format!("{RULE}to_port = 7")).unwrap().ports[0];
    assert_eq!((rule.action, rule.reply, rule.log), (Action::Allow, false, false));
    assert!(rule.from_port.is_empty() && rule.limit.is_none() && rule.comment.is_none());
    let expected = "a port from 0 to 4294967295, a range as \"7-9\", or \"any\"";
    let message = format!("found no key `to_port`, expected to_port = {expected}");
    assert_eq!(said(&format!("{DOMAIN}{RULE}")), saying(6, "[[port]]", "^^^^^^^^", &message),);
}

#[test]
fn bad_ports() {
    let expected = "a port from 0 to 4294967295, a range as \"7-9\", or \"any\"";
    for bad in ["4294967296", "-1", "\"7\"", "\"9-7\"", "\"7-\"", "\"+7-9\"", "\"all\"", "true"] {
        let carets = format!("          {}", "^".repeat(bad.len()));
        let message = format!("found {bad}, expected {expected}");
        refused(RULE, &format!("to_port = {bad}"), &carets, &message);
    }
    assert!(rules(&format!("{RULE}to_port = [0, 4294967295, '0-4294967295', '7-7']")).is_ok());
    let message = "found an empty array, expected at least one entry";
    refused(&format!("{RULE}to_port = 1\n"), "from_port = []", "            ^^", message);
}

#[test]
fn limits_at_and_past_their_bounds() {
    let head = format!("{RULE}to_port = 7\n");
    for fits in [
        "messages_per_second = 1",
        "messages_per_second = 1000000000",
        "bytes_per_second = 1",
        "bytes_per_second = \"1TiB\"",
    ] {
        assert!(rules(&format!("{head}{fits}")).is_ok(), "{fits}");
    }
    for bad in ["0", "1000000001"] {
        let carets = format!("                      {}", "^".repeat(bad.len()));
        let message = format!("found {bad}, expected an integer from 1 to 1000000000");
        refused(&head, &format!("messages_per_second = {bad}"), &carets, &message);
    }
    for bad in ["0", "\"1025GiB\""] {
        let carets = format!("                   {}", "^".repeat(bad.len()));
        let message = format!("found {bad}, expected a size from 1 bytes to 1TiB, as \"16MiB\"");
        refused(&head, &format!("bytes_per_second = {bad}"), &carets, &message);
    }
}

#[test]
fn a_rule_that_denies_has_no_terms() {
    let head = format!("{RULE}to_port = 7\naction = \"deny\"\n");
    assert!(rules(&head).is_ok());
    for (line, carets) in [
        ("reply = true", "        ^^^^"),
        ("messages_per_second = 5", "                      ^"),
        ("bytes_per_second = 5", "                   ^"),
    ] {
        let key = line.split(' ').next().unwrap();
        let message = format!("found `{key}`, expected no `{key}`: the rule denies");
        refused(&head, line, carets, &message);
    }
}

/// Asserts that the text is right, and that one more table is a problem at its header.
#[track_caller]
fn full(text: &str, more: &str, found: &str) {
    let rules = rules(text).map(|_| ()).map_err(|problems| problems.to_string());
    assert_eq!(rules, Ok(()));
    let line = text.lines().count() + 1;
    let problems = self::rules(&format!("{text}{more}")).unwrap_err();
    assert_eq!((problems.told.len(), problems.told[0].line), (1, line));
    assert_eq!(problems.told[0].message, found);
}

#[test]
fn too_many_port_rules() {
    let rule = format!("{RULE}to_port = 7\n");
    let found = "found 4097 tables [[port]], expected at most 4096";
    full(&rule.repeat(RULES_MAX), &rule, found);
}

#[test]
fn too_many_combinations() {
    let list = |count: usize| format!("[{}]", vec!["'a'"; count].join(","));
    let rule = |from: usize, ports: &str| {
        format!("[[port]]\nfrom = {}\nto = {}\n{ports}\n", list(from), list(64))
    };
    let found = "found 16448 combinations of from, to, from_port and to_port (four times with \
                 reply) up to here, expected at most 16384 in all rules together";
    full(&rule(256, "to_port = 7"), &rule(1, "to_port = 7"), found);
    full(&rule(64, "to_port = [1, 2]\nfrom_port = [3, 4]"), &rule(1, "to_port = 7"), found);
    full(&rule(64, "to_port = 1\nreply = true"), &rule(1, "to_port = 7"), found);
}

#[test]
fn too_many_ranges_and_limits() {
    let ports = |count: usize| format!("[{}]", vec!["7"; count].join(","));
    let rule = |count: usize| format!("{RULE}to_port = {}\n", ports(count));
    let found = "found 8193 port ranges up to here, expected at most 8192 in all rules together";
    full(&rule(PORT_RANGES_MAX), &rule(1), found);
    let line = format!("to_port = {}", ports(PORT_RANGES_MAX + 1));
    let problems = rules(&format!("{RULE}{line}")).unwrap_err();
    assert_eq!(problems.told[0].message, "found 8193 entries, expected at most 8192");

    let limited = format!("{RULE}to_port = 7\nmessages_per_second = 1\n");
    let found =
        "found 257 rules with limits up to here, expected at most 256 in all rules together";
    full(&limited.repeat(LIMITS_MAX), &limited, found);
}

#[test]
fn modes() {
    assert_eq!(rules("").unwrap().mode, Mode::Rules);
    for mode in Mode::ALL {
        let text = format!("policy_mode = '{}'", mode.name());
        assert_eq!(rules(&text).unwrap().mode, mode);
    }
    let message = "found \"none\", expected one of \"rules\", \"silo\", \"all\"";
    let problems = rules("policy_mode = 'none'").unwrap_err();
    assert_eq!(problems.told[0].message, message);
}
