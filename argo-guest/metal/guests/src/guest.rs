//! The guest: one program for every role, which the command line names (`role=probe`).
#![no_std]
#![no_main]

use core::fmt;

use argo_core::platform::Platform;
use argo_guest::{Domain, DomainId};
use argo_metal::{Machine, Xen, XenDomain, console};
use argo_metal_guests::probe::{self, Asked};
use argo_metal_guests::{Report, loopback, talk};

argo_metal::entry!(main);

fn main(machine: Machine) {
    let (xen, role) = (machine.xen, machine.option("role").unwrap_or("none"));
    let (major, minor) = xen.version();
    say(xen, format_args!("note: a guest of Xen {major}.{minor}, in the role {role}"));
    let peer = machine.option("peer").and_then(|id| DomainId::new(id.parse().ok()?));
    match XenDomain::new(machine) {
        Ok(domain) => {
            play(domain, role, peer);
            say(xen, format_args!("done"));
        }
        Err(refused) => say(xen, format_args!("no Argo: {refused}")),
    }
}

fn play(domain: XenDomain, role: &str, peer: Option<DomainId>) {
    let xen = domain.xen();
    let mut tell = |what: fmt::Arguments<'_>| say(xen, what);
    let mut report = Report::new(&mut tell);
    report.note(format_args!("this is domain {}", domain.domain()));
    match (role, peer) {
        ("loopback", _) => loopback::run(&domain, &mut report),
        ("probe", _) => probe::ask_all(&Unguarded(domain), &mut |question, answer| {
            say(xen, format_args!("probe: {question:<45} {answer}"));
        }),
        ("serve", _) => talk::serve(&session(domain), &mut report),
        ("ask", Some(peer)) => talk::ask(&session(domain), peer, &mut report),
        ("forbidden", Some(peer)) => talk::forbidden(&session(domain), peer, &mut report),
        _ => report.check("a role", false),
    }
}

/// A session without threads. What is drawn from the time is different each time, and no more: nobody
/// attacks these guests.
fn session(domain: XenDomain) -> Domain {
    let entropy = domain.now().as_nanos() as u64;
    Domain::without_thread(domain, entropy).0
}

fn say(xen: Xen, what: fmt::Arguments<'_>) {
    console::line(xen, format_args!("guest: {what}"));
}

/// Xen is asked what it answers to nonsense, and not what our guard does.
struct Unguarded(XenDomain);

impl Asked for Unguarded {
    type Platform = XenDomain;

    fn platform(&self) -> &XenDomain {
        &self.0
    }

    fn ask(&self, cmd: u32, args: [u64; 4]) -> i64 {
        // SAFETY: what the questions have Xen write lies in the RAM: answers, and pages of rings, which
        // are unregistered before anything else uses them. Other places are named for Xen to refuse.
        unsafe { self.0.argo_op(cmd, args) }
    }
}
