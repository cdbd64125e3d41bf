//! The roles, over the engine in this process.
#![allow(clippy::unwrap_used, reason = "a test may fail so")]

use std::process::Command;
use std::sync::mpsc;
use std::thread;

use argo_core::DomainId;
use argo_metal_guests::{Report, pipe};
use vchan::inprocess::{AllowAll, Hub};

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
fn a_failed_check_is_a_failed_run() {
    let mut run = Command::new(env!("CARGO_BIN_EXE_inprocess"));
    let output = run.args(["1:role=nothing-that-there-is", "2:role=idle"]).output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("(d1) guest: check: a role: FAILED"), "{told}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn two_domains_talk() {
    let lines = told(&["1:role=serve", "2:role=ask peer=1"]);
    assert_has(&lines, "(d1) guest: check: datagrams and streams served: ok");
    assert_has(&lines, "(d2) guest: check: bytes that came back: ok");
}

#[test]
fn messages_come_in_order_however_fast_they_are_sent() {
    let lines = told(&["1:role=count", "2:role=generate peer=1"]);
    assert_has(&lines, "(d1) guest: check: messages in order: ok");
    assert_has(&lines, "(d2) guest: check: messages sent, with waits for room: ok");
}

#[test]
fn who_may_not_talk_to_another_is_told_so() {
    let lines = told(&["--silo", "1:role=idle", "2:role=forbidden peer=1"]);
    assert_has(&lines, "(d2) guest: check: no message to the other domain: ok");
}

#[test]
fn two_domains_have_a_vchan() {
    let id = |number| DomainId::new(number).unwrap();
    let hub = Hub::new(AllowAll);
    let (one, two) = (hub.domain(id(1)), hub.domain(id(2)));
    let (tell, told) = mpsc::channel();
    let (served, asked) = thread::scope(|scope| {
        let serves = scope.spawn(|| {
            lines_of(|report| pipe::serve(&one, id(2), |at| tell.send(at).unwrap(), report))
        });
        let at = told.recv().unwrap();
        let asked = lines_of(|report| pipe::ask(&two, id(1), at, thread::yield_now, report));
        (serves.join().unwrap(), asked)
    });
    assert_has(&served, "check: bytes sent back: ok");
    assert_has(&asked, "check: bytes that came back: ok");
}

fn lines_of(role: impl FnOnce(&mut Report<'_>)) -> Vec<String> {
    let mut lines = Vec::new();
    let mut tell = |line: core::fmt::Arguments<'_>| lines.push(line.to_string());
    role(&mut Report::new(&mut tell));
    lines
}
