//! The guest as a virtual machine of argod: the same roles, over the same sockets.
#![no_std]
#![no_main]

use core::fmt;

use argo_core::platform::Platform as _;
use argo_guest::{Domain, DomainId};
use argo_metal::kvm::{Argod, Calls, KvmDomain, Machine, console};
use argo_metal_guests::probe::{self, Asked};
use argo_metal_guests::{Report, loopback, talk};

argo_metal::kvm_entry!(main);

fn main(machine: Machine) -> u32 {
    let (argod, role) = (machine.argod, machine.option("role").unwrap_or("none"));
    let peer = machine.option("peer").and_then(|id| DomainId::new(id.parse().ok()?));
    let calls = match machine.option("calls") {
        Some("each") => Calls::Each,
        _ => Calls::Together,
    };
    say(argod, format_args!("note: a machine of argod, in the role {role}"));
    play(KvmDomain::new(machine, calls), role, peer);
    say(argod, format_args!("done"));
    0
}

fn play(domain: KvmDomain, role: &str, peer: Option<DomainId>) {
    let argod = domain.argod();
    let mut tell = |what: fmt::Arguments<'_>| say(argod, what);
    let mut report = Report::new(&mut tell);
    report.note(format_args!("this is domain {}", domain.domain()));
    match (role, peer) {
        ("loopback", _) => loopback::run(&domain, &mut report),
        ("probe", _) => probe::ask_all(&Unguarded(domain), &mut |question, answer| {
            say(argod, format_args!("probe: {question:<45} {answer}"));
        }),
        ("serve", _) => talk::serve(&session(domain), &mut report),
        ("ask", Some(peer)) => talk::ask(&session(domain), peer, &mut report),
        ("forbidden", Some(peer)) => talk::forbidden(&session(domain), peer, &mut report),
        _ => report.check("a role", false),
    }
}

/// A session without threads. What is drawn from the time is different each time, and no more: nobody
/// attacks these guests.
fn session(domain: KvmDomain) -> Domain {
    let entropy = domain.now().as_nanos() as u64;
    Domain::without_thread(domain, entropy).0
}

fn say(argod: Argod, what: fmt::Arguments<'_>) {
    console::line(argod, format_args!("guest: {what}"));
}

/// argod is asked what it answers to nonsense, and not what our guard does.
struct Unguarded(KvmDomain);

impl Asked for Unguarded {
    type Platform = KvmDomain;

    fn platform(&self) -> &KvmDomain {
        &self.0
    }

    fn ask(&self, cmd: u32, args: [u64; 4]) -> i64 {
        // SAFETY: what the questions have argod write lies in the RAM: answers, and pages of rings, which
        // are unregistered before anything else uses them. Other places are named to be refused.
        unsafe { self.0.argo_op(cmd, args) }.unwrap_or(i64::MIN)
    }
}
