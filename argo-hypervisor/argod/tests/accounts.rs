//! Whose argod's processor time is.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use argo_core::{DomainId, Port};
use argo_guest::services::Services;
use argo_guest::{Address, BindOptions, Datagram, Domain};
use argod::admin::{DomainStat, Stat};
use common::raw::RawSession;
use common::*;

const DOMAINS: [(u16, &str); 6] =
    [(1, "caller"), (2, "ringer"), (3, "asker"), (4, "visitor"), (CALLED, "called"), (6, "idle")];
const CALLED: u16 = 5;
const PORT: Port = Port(7);
/// Between two looks whether it is over.
const LOOK: Duration = Duration::from_millis(20);
const STORE: &str = "[[store]]\nfrom = \"any\"\npath = \"/local/domain\"\naccess = \"write\"\n";

/// What argod has to have worked meanwhile, in nanoseconds: much beside what a worker has not told yet
/// and what asking costs.
const WORKED: u64 = 1_000_000_000;

/// Of what argod works while its domains keep it busy: the rest is for starting threads, and for whom
/// nobody can tell.
const ACCOUNTED: f64 = 0.85;

#[test]
fn what_argod_works_is_on_the_account_of_who_caused_it() {
    let argod = Argod::start(&(open_system(&DOMAINS) + STORE));
    let before = argod.stat();
    busy(&argod, || {
        // Asking is nobody's work, so it is seldom done.
        while argod.stat().processor_ns < before.processor_ns + WORKED {
            std::thread::sleep(LOOK);
        }
    });
    let after = argod.stat();

    let worked = (after.processor_ns - before.processor_ns) as f64;
    let accounted = (accounted(&after) - accounted(&before)) as f64;
    let share = accounted / worked;
    println!("{share:.3} of what argod worked is on accounts");
    assert!((ACCOUNTED..=1.02).contains(&share), "{share:.3} of {worked} ns: {}", told(&after));
    let [caller, ringer, asker, visitor, called, idle] =
        [0, 1, 2, 3, 4, 5].map(|at| &after.domains[at]);
    for (domain, its, kind) in [
        (caller, caller.service_ns + caller.doorbell_ns + caller.interrupt_ns, "calls"),
        (asker, asker.services_ns, "services"),
        (visitor, visitor.attachment_ns + visitor.ending_ns, "comings and goings"),
    ] {
        let all = domain.time_ns();
        assert!(2 * its > all, "{kind} of {}: {its} of {all} ns", domain.name);
    }
    // It is soon not listened to any more.
    assert!(ringer.doorbell_ns > 0, "{}", told(&after));
    assert!(called.interrupt_ns > 0, "who sleeps is interrupted on its own account");
    assert_eq!(idle.time_ns(), 0, "{}", told(&after));
}

/// What a domain has cost does not become nobody's when the domain goes.
#[test]
fn what_was_spent_on_a_domain_stays_spent_when_it_is_gone() {
    let argod = Argod::start(&open_system(&[(1, "guest")]));
    drop(argod.attach("guest"));
    argod.wait_for("guest", "it is gone", |guest| guest.sessions.is_empty() && guest.ending_ns > 0);
    let spent = argod.domain("guest").time_ns();
    let request = argod::admin::Request::Destroy { domain: "guest".into() };
    argod.admin().request::<argod::admin::Changed>(&request).unwrap();
    let stat = argod.stat();
    assert!(stat.domains.is_empty() && stat.gone_ns >= spent, "{} of {spent}", stat.gone_ns);
}

fn accounted(stat: &Stat) -> u64 {
    stat.gone_ns + stat.domains.iter().map(DomainStat::time_ns).sum::<u64>()
}

fn told(stat: &Stat) -> String {
    serde_json::to_string_pretty(stat).unwrap()
}

/// Keeps argod busy with each domain in its own way while this is done.
fn busy(argod: &Argod, meanwhile: impl FnOnce()) {
    let over = AtomicBool::new(false);
    let go_on = &|| !over.load(Ordering::Relaxed);
    std::thread::scope(|threads| {
        let [calling, called] = ["caller", "called"].map(|name| bind(argod, name));
        threads.spawn(move || calls(&calling, go_on));
        threads.spawn(move || is_called(&called, go_on));
        threads.spawn(|| rings(argod, go_on));
        threads.spawn(|| asks(argod, go_on));
        threads.spawn(|| visits(argod, go_on));
        meanwhile();
        over.store(true, Ordering::Relaxed);
    });
}

fn bind(argod: &Argod, name: &str) -> Datagram {
    let domain = Domain::attach(argod.socket(name)).unwrap();
    Datagram::bind_blocking(&domain, BindOptions::port(PORT)).unwrap()
}

fn calls(socket: &Datagram, go_on: impl Fn() -> bool) {
    let called = Address::new(DomainId::new(CALLED).unwrap(), PORT);
    while go_on() {
        // It waits for room only while the called reads, which ends as this does.
        let _ = socket.blocking_for(LOOK).send_to(b"x", called);
    }
}

fn is_called(socket: &Datagram, go_on: impl Fn() -> bool) {
    while go_on() {
        let _ = socket.blocking_for(LOOK).recv_bytes();
    }
}

fn rings(argod: &Argod, go_on: impl Fn() -> bool) {
    let ringer = RawSession::attach(&argod.socket("ringer"));
    while go_on() {
        ringer.ring_doorbell();
    }
}

fn asks(argod: &Argod, go_on: impl Fn() -> bool) {
    let services = Services::attach(argod.socket("asker")).unwrap();
    while go_on() {
        services.nodes().write("/local/domain/3/data", b"x").unwrap();
    }
}

fn visits(argod: &Argod, go_on: impl Fn() -> bool) {
    while go_on() {
        drop(attach_when_free(&argod.socket("visitor")));
    }
}
