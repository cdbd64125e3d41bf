//! The roles, over the engine in this process.
#![allow(clippy::unwrap_used, reason = "a test may fail so")]

use std::process::Command;

/// What the domains with these command lines tell, and that nothing of it failed.
fn told(arguments: &[&str]) -> Vec<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_inprocess")).args(arguments).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    assert!(output.status.success() && !text.contains("FAILED"), "{lines:#?}");
    let ended = lines.iter().filter(|line| line.ends_with("guest: done")).count();
    let domains = arguments.iter().filter(|argument| argument.contains(':')).count();
    assert_eq!(ended, domains, "{lines:#?}");
    lines
}

#[track_caller]
fn assert_has(lines: &[String], line: &str) {
    assert!(lines.iter().any(|told| told == line), "no {line:?} in {lines:#?}");
}

#[test]
fn a_domain_talks_to_itself() {
    assert_has(&told(&["3:role=loopback"]), "(d3) guest: check: unregister: ok");
}

#[test]
fn a_domain_asks_what_it_is_answered() {
    let lines = told(&["0:role=probe"]);
    assert!(lines.iter().filter(|line| line.contains("probe: ")).count() > 80, "{lines:#?}");
}

#[test]
fn two_domains_talk() {
    let lines = told(&["1:role=serve", "2:role=ask peer=1"]);
    assert_has(&lines, "(d1) guest: check: datagrams and streams served: ok");
    assert_has(&lines, "(d2) guest: check: bytes that came back: ok");
}

#[test]
fn who_may_not_talk_to_another_is_told_so() {
    let lines = told(&["--silo", "1:role=idle", "2:role=forbidden peer=1"]);
    assert_has(&lines, "(d2) guest: check: no message to the other domain: ok");
}
