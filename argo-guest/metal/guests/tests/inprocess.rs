//! The roles, over the engine in this process.
#![allow(clippy::unwrap_used, reason = "a test may fail so")]

use std::thread;

use argo_core::DomainId;
use argo_core::policy::{Action, Decision, PortQuery, Query};
use argo_guest::Domain;
use argo_hypervisor::inprocess::{AllowAll, InProcess};
use argo_hypervisor::{Argo, Config, Judge, WildcardRings};
use argo_metal_guests::{Report, loopback, talk};

fn lines_of(role: impl FnOnce(&mut Report<'_>)) -> Vec<String> {
    let mut lines = Vec::new();
    let mut tell = |line: core::fmt::Arguments<'_>| lines.push(line.to_string());
    role(&mut Report::new(&mut tell));
    lines
}

/// Nothing failed, and it came to its end.
#[track_caller]
fn all_is_well(lines: &[String], last: &str) {
    assert!(!lines.iter().any(|line| line.ends_with("FAILED")), "{lines:#?}");
    let last = format!("check: {last}: ok");
    assert!(lines.contains(&last), "{lines:#?}");
}

const CONFIG: Config = Config { argo: Argo::On, wildcard_rings: WildcardRings::Allowed };

fn id(number: u16) -> DomainId {
    DomainId::new(number).unwrap()
}

#[test]
fn a_domain_talks_to_itself() {
    let domain = InProcess::new(CONFIG, AllowAll).domain(id(3), 16).unwrap();
    let lines = lines_of(|report| loopback::run(&domain, report));
    all_is_well(&lines, "unregister");
}

#[test]
fn two_domains_talk() {
    let system = InProcess::new(CONFIG, AllowAll);
    let session =
        |number| Domain::without_thread(system.domain(id(number), 2048).unwrap(), number.into()).0;
    let (one, two) = (session(1), session(2));
    let (asked, served) = thread::scope(|scope| {
        let asks = scope.spawn(|| lines_of(|report| talk::ask(&two, id(1), report)));
        let serves = scope.spawn(|| lines_of(|report| talk::serve(&one, report)));
        (asks.join().unwrap(), serves.join().unwrap())
    });
    all_is_well(&asked, "that is all");
    all_is_well(&served, "datagrams and streams served");
}

#[test]
fn who_may_not_talk_to_another_is_told_so() {
    let system = InProcess::new(CONFIG, Silo);
    let _other = system.domain(id(1), 16).unwrap();
    let domain = Domain::without_thread(system.domain(id(2), 2048).unwrap(), 1).0;
    let lines = lines_of(|report| talk::forbidden(&domain, id(1), report));
    all_is_well(&lines, "a message to oneself");
}

/// Each domain for itself.
struct Silo;

impl Judge for Silo {
    fn hook(&self, query: Query) -> Decision {
        let own = query.target().is_none_or(|target| target == query.source());
        Decision { action: if own { Action::Allow } else { Action::Deny }, rule: None }
    }

    fn ports(&self, _: PortQuery) -> Decision {
        Decision { action: Action::Allow, rule: None }
    }

    fn ports_from_any(&self, query: PortQuery) -> Decision {
        self.ports(query)
    }
}
