//! The policy reference says what is true.

use argo_core::policy::Label;
use argo_core::xenstore::ABSOLUTE_PATH_MAX;

use super::*;
use crate::config::{
    BYTES_MAX, COMMENT_MAX, FILE_MAX, GROUPS_MAX, LIMITS_MAX, MEMBERS_MAX, MESSAGES_MAX, PAIRS_MAX,
    PATHS_MAX, POLICY_BYTES_MAX, POLICY_FILES_MAX, PORT_RANGES_MAX, RULES_MAX, SUBJECTS_MAX, Size,
};
use crate::policy::Inquiry;

const PAGE: &str = include_str!("../../../../../../docs/policy.md");

/// The code blocks of the page: language and text.
fn blocks() -> Vec<(&'static str, &'static str)> {
    let inside = PAGE.split("```").skip(1).step_by(2);
    inside.filter_map(|block| block.split_once('\n')).collect()
}

#[test]
fn the_examples_are_right_and_decide_as_the_page_says() {
    let blocks = blocks();
    let domains = blocks.iter().find(|(language, _)| *language == "domains").unwrap().1;
    let mut rules = "";
    let mut asked = 0;
    for (language, text) in &blocks {
        match *language {
            "toml" => rules = *text,
            "answers" => {
                let policy = compiled("policy.md", &format!("{rules}\n{domains}"));
                text.lines().for_each(|line| {
                    assert_eq!(answer(&policy, line), line_answer(line), "{line}")
                });
                asked += text.lines().count();
            }
            _ => {}
        }
    }
    let examples = blocks.iter().filter(|(language, _)| *language == "toml").count();
    assert!(examples >= 6 && asked >= 30, "{examples} examples, {asked} questions");
}

fn line_answer(line: &str) -> Option<String> {
    let answer = line.split_whitespace().last().unwrap();
    (answer != "allowed").then(|| answer.to_owned())
}

/// The answer to `client:5 -> server:7 …`, `client grant server …` or `client read /path …`.
fn answer(policy: &CompiledPolicy, line: &str) -> Option<String> {
    let words: Vec<_> = line.split_whitespace().collect();
    assert_eq!(words.len(), 4, "{line}");
    let (from, text) = (words[0].to_owned(), Some(words[2].to_owned()));
    let asked = match words[1] {
        "->" => about_message(words[0], words[2]),
        "read" | "write" => {
            Inquiry { from, path: text, write: words[1] == "write", ..Inquiry::default() }
        }
        hook => Inquiry { from, hook: Some(hook.to_owned()), to: text, ..Inquiry::default() },
    };
    policy.inquire(&asked).unwrap().errno
}

fn about_message(from: &str, to: &str) -> Inquiry {
    let end = |text: &str| match text.split_once(':') {
        Some((name, port)) => (name.to_owned(), Some(port.parse().unwrap())),
        None => (text.to_owned(), None),
    };
    let ((from, from_port), (to, to_port)) = (end(from), end(to));
    assert!(to_port.is_some(), "{to}");
    Inquiry { from, from_port, to: Some(to), to_port, ..Inquiry::default() }
}

/// The part of the page under a heading, up to the next.
fn section(heading: &str) -> &'static str {
    let (_, rest) = PAGE.split_once(&format!("\n## {heading}\n")).unwrap();
    rest.split("\n## ").next().unwrap()
}

/// First cells of a section's first table.
fn first_cells(section: &'static str) -> Vec<&'static str> {
    let rows = section.lines().skip_while(|line| !line.starts_with('|'));
    let rows = rows.take_while(|line| line.starts_with('|')).skip(2);
    rows.filter_map(|row| row.split('|').nth(1)).map(str::trim).collect()
}

/// The keys that a table may have, as argod itself lists them.
fn keys(table: &str) -> Vec<String> {
    let text = format!(
        "[[{table}]]\nhook = 'enable'\nfrom = 'any'\nto_port = 1\npath = '/'\nnonsense = 1\n"
    );
    let problems = Rules::parse("t", &text, |_| true).unwrap_err();
    let listed = problems.told.iter().find(|one| one.message.contains("nonsense")).unwrap();
    let (_, list) = listed.message.split_once("one of: ").unwrap();
    list.split(", ").map(|key| format!("`{key}`")).collect()
}

#[test]
fn every_key_is_documented_and_no_other() {
    for (table, heading) in [
        ("policy", "Rules about domains: `[[policy]]`"),
        ("port", "Rules about ports: `[[port]]`"),
        ("store", "Rules about paths of the store: `[[store]]`"),
    ] {
        let mut documented = first_cells(section(heading));
        let mut keys = keys(table);
        documented.sort_unstable();
        keys.sort_unstable();
        assert_eq!(documented, keys, "{table}");
    }
    let modes: Vec<_> = Mode::ALL.map(|mode| format!("`\"{}\"`", mode.name())).into();
    assert_eq!(first_cells(section("Modes")), modes);
    for hook in Hook::ALL {
        assert!(PAGE.contains(&format!("`\"{}\"`", hook.name())));
    }
}

#[test]
fn the_bounds_are_those_of_the_code() {
    assert_eq!((GROUPS_MAX, MEMBERS_MAX), (SUBJECTS_MAX, POLICY_FILES_MAX));
    assert_eq!(PATHS_MAX, SUBJECTS_MAX);
    let bounds = [
        RULES_MAX.to_string(),
        SUBJECTS_MAX.to_string(),
        PAIRS_MAX.to_string(),
        PORT_RANGES_MAX.to_string(),
        LIMITS_MAX.to_string(),
        ABSOLUTE_PATH_MAX.to_string(),
        GROUPS_MAX.to_string(),
        POLICY_FILES_MAX.to_string(),
        Size(FILE_MAX).to_string(),
        Size(POLICY_BYTES_MAX).to_string(),
        COMMENT_MAX.to_string(),
        Label::LIMIT.to_string(),
    ];
    let rows = section("Bounds").lines().filter(|line| line.starts_with('|')).skip(2);
    let told: Vec<_> = rows.filter_map(|row| row.split('|').nth(2)).map(str::trim).collect();
    assert_eq!(told, bounds);
    assert!(PAGE.contains(&format!("| 1 to {MESSAGES_MAX}; not in a rule that denies |")));
    assert!(PAGE.contains(&format!("1 to {}, as", Size(BYTES_MAX))));
}

#[test]
fn every_command_is_documented() {
    let command =
        <crate::ctl::policy::Policy as clap::Args>::augment_args(clap::Command::new("policy"));
    let names: Vec<_> = command.get_subcommands().map(|one| one.get_name().to_owned()).collect();
    let documented = first_cells(section("Commands"));
    assert_eq!(names.len(), documented.len());
    for (name, row) in names.iter().zip(documented) {
        assert!(row.starts_with(&format!("`argoctl policy {name}")), "{row}");
    }
}
