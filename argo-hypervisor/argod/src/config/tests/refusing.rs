use proptest::prelude::*;

use super::*;

const DOMAIN: &str = "[[domain]]\nid = 1\nname = \"a\"\nram = \"16KiB\"\n";

/// Asserts what is said about a line after the given ones.
#[track_caller]
fn refused_after(head: &str, line: &str, carets: &str, message: &str) {
    let number = head.lines().count() + 1;
    assert_eq!(said(&format!("{head}{line}\n")), saying(number, line, carets, message));
}

#[track_caller]
fn refused_in_domain(line: &str, carets: &str, message: &str) {
    refused_after(DOMAIN, line, carets, message);
}

#[test]
fn syntax() {
    refused_after(
        "",
        "argo = ",
        "       ^",
        "string values must be quoted, expected literal string",
    );
}

#[test]
fn every_fault_of_syntax_is_told() {
    let problems = parse("argo = \n[log\nlevel = 'info'\n").unwrap_err();
    let lines: Vec<_> = problems.told.iter().map(|problem| problem.line).collect();
    assert_eq!(lines, [1, 2]);
}

#[test]
fn duplicate_key() {
    refused_after("argo = true\n", "argo = false", "^^^^", "duplicate key");
}

#[test]
fn unknown_key() {
    let known = "runtime_dir, argo, wildcard_rings, waking, lock_memory, cage, static, static_heap, service, log, \
                 admin, metrics, audit, capture, domain, policy_dir, policy_mode, groups, policy, port, store";
    let message = format!("found unknown key `agro`, expected one of: {known}");
    refused_after("", "agro = true", "^^^^", &message);
    let message = "found unknown key `colour`, expected one of: format, level";
    refused_after("[log]\n", "colour = true", "^^^^^^", message);
}

#[test]
fn missing_keys_are_all_told_at_the_header() {
    let header = "[[domain]]";
    let expected = [
        "found no key `id`, expected id = an integer from 0 to 32751",
        "found no key `name`, expected name = a name of 1 to 32 of a-z 0-9 _ . - that is not \
         \"any\"",
        "found no key `ram`, expected ram = a multiple of 4KiB from 4KiB to 64GiB, as \"16MiB\"",
    ];
    let expected = expected.map(|message| saying(1, header, "^^^^^^^^^^", message));
    assert_eq!(said(header), expected.join("\n\n"));
}

#[test]
fn wrong_types() {
    refused_after("", "argo = 1", "       ^", "found 1, expected true or false");
    let message = "found a float, expected an integer from 1 to 256";
    refused_after("[service]\n", "workers = 1.5", "          ^^^", message);
    refused_in_domain("cpus = 1", "       ^", "found 1, expected an array");
    refused_after("", "log = \"json\"", "      ^^^^^^", "found \"json\", expected a table [log]");
    refused_after("", "domain = 1", "         ^", "found 1, expected tables [[domain]]");
    refused_after("", "domain = [2]", "          ^", "found 2, expected tables [[domain]]");
}

#[test]
fn wrong_words() {
    let message = "found \"xml\", expected one of \"human\", \"json\"";
    refused_after("[log]\n", "format = \"xml\"", "         ^^^^^", message);
    let message =
        "found \"loud\", expected one of \"error\", \"warn\", \"info\", \"debug\", \"trace\"";
    refused_after("[log]\n", "level = \"loud\"", "        ^^^^^^", message);
    let message = "found \"some\", expected one of \"fair\", \"all\"";
    refused_after("", "waking = \"some\"", "         ^^^^^^", message);
    let message = "found \"yes\", expected one of \"require\", \"try\", \"no\"";
    refused_after("", "lock_memory = \"yes\"", "              ^^^^^", message);
}

#[test]
fn a_heap_is_reserved_in_static_mode_only() {
    let message = "found static_heap without `static = true`, expected both keys or none";
    refused_after("", "static_heap = \"64MiB\"", "              ^^^^^^^", message);
    refused_after("static = false\n", "static_heap = \"64MiB\"", "              ^^^^^^^", message);
    let message = "found \"1MiB\", expected a size from 4MiB to 64GiB, as \"16MiB\"";
    refused_after("static = true\n", "static_heap = \"1MiB\"", "              ^^^^^^", message);
}

#[test]
fn numbers_out_of_bounds() {
    let limits = [
        ("[service]\n", "workers = 257", 257, 1, 256),
        ("[service]\n", "spin_us = 10001", 10_001, 0, 10_000),
        ("[service]\n", "budget_calls = 0", 0, 1, 65_536),
        ("[service]\n", "budget_us = 9", 9, 10, 1_000_000),
        ("[service]\n", "kick_limit_us = 0", 0, 1, 1_000_000),
        (DOMAIN, "weight = 10001", 10_001, 1, 10_000),
        (DOMAIN, "uid = 4294967295", 4_294_967_295_u64, 0, 4_294_967_294_u64),
        (DOMAIN, "gid = -1", 0, 0, 4_294_967_294),
        (DOMAIN, "quotas = { rings = 4097 }", 4097, 0, 4096),
        (DOMAIN, "quotas = { waiters = 1025 }", 1025, 0, 1024),
        (DOMAIN, "quotas = { entries = 4097 }", 4097, 0, 4096),
        (DOMAIN, "quotas = { sessions = 65 }", 65, 1, 64),
    ];
    for (head, line, found, least, most) in limits {
        let shown = if line == "gid = -1" { "-1".to_owned() } else { found.to_string() };
        let carets = " ".repeat(line.find(&shown).unwrap()) + &"^".repeat(shown.len());
        let message = format!("found {shown}, expected an integer from {least} to {most}");
        refused_after(head, line, &carets, &message);
    }
}

#[test]
fn numbers_at_their_bounds() {
    for line in [
        "weight = 1",
        "weight = 10000",
        "uid = 4294967294",
        "quotas = { rings = 4096, waiters = 1024, entries = 4096, sessions = 64 }",
        "quotas = { ring_bytes = \"64GiB\" }",
        "read_only_pages = [3, 0]",
        "cpus = [5, 0]",
    ] {
        assert!(parse(&format!("{DOMAIN}{line}")).is_ok(), "{line}");
    }
}

#[test]
fn ids_and_names() {
    let message = "found 32752, expected an integer from 0 to 32751";
    assert!(said("[[domain]]\nid = 32752\n").starts_with("t.toml:1:1: found no key `name`"));
    assert!(said("[[domain]]\nid = 32752\n").contains(&saying(
        2,
        "id = 32752",
        "     ^^^^^",
        message
    )));
    for name in ["", "Upper", "two words", "any", "a:b", "über", &"x".repeat(33)] {
        let text = format!("[[domain]]\nid = 1\nram = 8192\nname = \"{name}\"\n");
        let message = "a name of 1 to 32 of a-z 0-9 _ . - that is not \"any\"";
        let expected = format!("t.toml:4:8: found \"{name}\", expected {message}\n");
        assert!(said(&text).starts_with(&expected), "{}", said(&text));
    }
}

#[test]
fn sizes() {
    let expected = "a multiple of 4KiB from 4KiB to 64GiB, as \"16MiB\"";
    for ram in
        ["0", "4095", "\"3KiB\"", "\"9KiB\"", "\"65GiB\"", "\"16MB\"", "\"16 MiB\"", "\"MiB\""]
    {
        let line = format!("ram = {ram}");
        let carets = format!("      {}", "^".repeat(ram.len()));
        let message = format!("found {ram}, expected {expected}");
        refused_after("[[domain]]\nid = 1\nname = \"a\"\n", &line, &carets, &message);
    }
    let huge = format!("[[domain]]\nid = 1\nname = \"a\"\nram = \"{}GiB\"", u64::MAX);
    assert!(said(&huge).starts_with("t.toml:4:7: found \"18446744073709551615GiB\""));
}

#[test]
fn modes_and_paths() {
    let expected = "expected an octal mode from \"0000\" to \"0777\"";
    for mode in ["\"0800\"", "\"1777\"", "\"+60\"", "600", "\"\""] {
        let carets = format!("       {}", "^".repeat(mode.len()));
        let message = format!("found {mode}, {expected}");
        refused_in_domain(&format!("mode = {mode}"), &carets, &message);
    }
    let message = "found \"run\", expected an absolute path";
    refused_after("", "runtime_dir = \"run\"", "              ^^^^^", message);
    let message = "found \"a.sock\", expected an absolute path of at most 107 bytes";
    refused_in_domain("socket = \"a.sock\"", "         ^^^^^^^^", message);
}

#[test]
fn socket_path_length() {
    let socket = |length: usize| format!("socket = \"/{}\"", "x".repeat(length - 1));
    assert!(parse(&format!("{DOMAIN}{}", socket(107))).is_ok());
    let found = format!("t.toml:5:10: found \"/{}…\"", "x".repeat(59));
    assert!(said(&format!("{DOMAIN}{}", socket(108))).starts_with(&found));
}

#[test]
fn default_socket_path_length() {
    let text = |dir: usize| format!("runtime_dir = \"/{}\"\n{DOMAIN}", "x".repeat(dir - 1));
    let admin = "/admin.sock".len();
    let message = "found a default socket path of 108 bytes, expected at most 107: a shorter \
                   runtime_dir or name, or a socket of its own";
    assert!(parse(&text(107 - admin)).is_ok());
    let said_of_admin = said(&text(108 - admin));
    assert!(said_of_admin.starts_with(&format!("t.toml:1:15: {message}\n")), "{said_of_admin}");

    let dir = format!("runtime_dir = \"/{}\"\n", "x".repeat(90));
    let long = "name = \"a-name-of-12\"";
    let text = format!("{dir}[[domain]]\nid = 1\nram = 8192\n{long}\n");
    let message = message.replace("108", "109");
    assert_eq!(said(&text), saying(5, long, "       ^^^^^^^^^^^^^^", &message));
}

#[test]
fn duplicates() {
    let twice = format!("{DOMAIN}[[domain]]\nid = 1\nname = \"a\"\nram = 8192\nsocket = \"/s\"\n");
    let expected = [
        saying(
            6,
            "id = 1",
            "     ^",
            "found id 1 again, expected each id once (the first is in line 2)",
        ),
        saying(
            7,
            "name = \"a\"",
            "       ^^^",
            "found name \"a\" again, expected each name once (the first is in line 3)",
        ),
    ];
    assert_eq!(said(&twice), expected.join("\n\n"));
    let message = "found socket \"/run/argod/admin.sock\" again, expected each socket once (the \
                   first is in line 1)";
    let line = "socket = \"/run/argod//admin.sock\"";
    refused_in_domain(line, "         ^^^^^^^^^^^^^^^^^^^^^^^^", message);
    let again = "again, expected each cpu once (the first is in line 5)";
    refused_in_domain("cpus = [1, 1]", "           ^", &format!("found cpu 1 {again}"));
    let again = again.replace("cpu", "page");
    refused_in_domain(
        "read_only_pages = [2, 2]",
        "                      ^",
        &format!("found page 2 {again}"),
    );
    let again = again.replace("page", "label");
    refused_in_domain(
        "labels = [\"x\", \"x\"]",
        "               ^^^",
        &format!("found label \"x\" {again}"),
    );
}

#[test]
fn things_that_do_not_exist() {
    let message = "found 3, expected a processor that has a worker: 0-2,5";
    refused_in_domain("cpus = [0, 3]", "           ^", message);
    let message = "found page 4, expected a page below 4, as ram has";
    refused_in_domain("read_only_pages = [3, 4]", "                      ^", message);
}

#[test]
fn too_many_labels() {
    let labels = |numbers: std::ops::Range<usize>| {
        numbers.map(|number| format!("\"l{number}\"")).collect::<Vec<_>>().join(", ")
    };
    let domain = |id, labels: &str| {
        format!("[[domain]]\nid = {id}\nname = \"d{id}\"\nram = 8192\nlabels = [{labels}]\n")
    };
    let full = domain(1, &labels(0..64));
    assert!(parse(&format!("{full}{}", domain(2, "\"l3\""))).is_ok());
    let line = "labels = [\"l3\", \"new\"]";
    assert_eq!(
        said(&format!("{full}{}", domain(2, "\"l3\", \"new\""))),
        saying(
            10,
            line,
            "                ^^^^^",
            "found 65 different labels, expected at most 64 in all domains together"
        )
    );
    let message = "found 65 entries, expected at most 64";
    assert!(said(&domain(1, &labels(0..65))).starts_with(&format!("t.toml:5:10: {message}\n")));
}

#[test]
fn too_many_domains() {
    let domain = |id| format!("[[domain]]\nid = {id}\nname = \"d{id}\"\nram = 8192\n");
    let text = |domains: usize| (0..domains).map(domain).collect::<String>();
    assert!(parse(&text(DOMAINS_MAX)).is_ok());
    let message = "found 1025 tables [[domain]], expected at most 1024";
    assert_eq!(said(&text(DOMAINS_MAX + 1)), saying(4097, "[[domain]]", "^^^^^^^^^^", message));
}

#[test]
fn every_problem_is_told_in_order() {
    let text = "argo = 1\nlock_memory = 2\n[log]\nlevel = 3\n[[domain]]\nid = -1\nname = 4\nram = 5\n\
                [[policy]]\nhook = \"fly\"\nfrom = []\n";
    let problems = parse(text).unwrap_err();
    let lines: Vec<_> = problems.told.iter().map(|problem| problem.line).collect();
    assert_eq!(lines, [1, 2, 4, 6, 7, 8, 10, 11]);
}

#[test]
fn problems_beyond_the_limit_are_counted() {
    let problems = parse(&"[[domain]]\nid = 1\nname = 2\n".repeat(60)).unwrap_err();
    let all = 60 * 2 + 59;
    assert_eq!((problems.told.len(), problems.untold), (PROBLEMS_MAX, all - PROBLEMS_MAX));
    assert!(problems.to_string().ends_with(&format!("\n\nand {} more problems", all - 100)));
}

#[test]
fn excerpts_stay_short_and_harmless() {
    let line = format!("runtime_dir = \"{}\u{85}\"", "x".repeat(1000));
    let problem = parse(&line).unwrap_err().told.remove(0).to_string();
    assert!(problem.lines().all(|line| line.chars().count() < 300), "{problem}");
    let shown = parse("\targo = \"\u{9b}31m\"").unwrap_err().to_string();
    assert_eq!(
        shown,
        "t.toml:1:9: found \"\\u{9b}31m\", expected true or false\n  |\n1 | \targo = \"\u{FFFD}31m\"\n  \
         | \t       ^^^^^^"
    );
}

#[test]
fn columns_count_characters() {
    let line = "admin = { \"ü\" = 1, mode = 2 }";
    assert!(said(line).contains("t.toml:1:27: found 2,"), "{}", said(line));
}

#[test]
fn metrics_are_not_for_other_machines() {
    for address in ["0.0.0.0:9464", "10.0.0.1:9464", "[::]:1", "localhost:9464", "127.0.0.1:0"] {
        let line = format!("listen = \"{address}\"");
        let said = said(&format!("[metrics]\n{line}"));
        let expected = format!(
            "t.toml:2:10: found \"{address}\", expected a loopback address and a port, as \
             \"127.0.0.1:9464\" (metrics are served without password or encryption, so to this \
             machine only)"
        );
        assert!(said.starts_with(&expected), "{said}");
    }
}

#[test]
fn metrics_are_in_one_place_of_their_own() {
    let both = said("[metrics]\nlisten = '[::1]:1'\nsocket = '/tmp/m'");
    assert!(both.contains("t.toml:3:10: found a socket beside `listen`, expected one of both"));
    let mode = said("[metrics]\nlisten = '[::1]:1'\nmode = '600'");
    assert!(mode.contains("t.toml:3:1: found unknown key `mode`"), "{mode}");
    let taken = said("[metrics]\nsocket = '/run/argod/admin.sock'");
    assert!(taken.contains("socket \"/run/argod/admin.sock\" again"), "{taken}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_is_too_broken_to_be_refused_in_words(
        cuts in prop::collection::vec((any::<prop::sample::Index>(), "\\PC{0,3}|[\\[\\]\"'=\n\t{},]"), 1..6),
    ) {
        let mut text: Vec<char> = EXAMPLE.chars().collect();
        for (at, insert) in cuts {
            let at = at.index(text.len());
            text.splice(at..at + 1, insert.chars());
        }
        let text: String = text.into_iter().collect();
        if let Err(problems) = parse(&text) {
            prop_assert!(!problems.told.is_empty());
            let lines = text.lines().count().max(1) + 1;
            prop_assert!(problems.told.iter().all(|problem| problem.line <= lines));
        }
    }
}
