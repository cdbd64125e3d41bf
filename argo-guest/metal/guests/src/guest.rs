//! The guest: one program for every role, which its command line names.
#![no_std]
#![no_main]

use core::fmt;

use argo_core::DomainId;
use argo_metal::vchan::{Declared, XenVchan};
use argo_metal::{Machine, XenDomain, console};
use argo_metal_guests::probe::Asked;
use argo_metal_guests::{Report, option, pipe, play};
use vchan::Meeting;
use vchan::platform::{GrantRef, Port};

argo_metal::entry!(main);

fn main(machine: Machine) {
    let (xen, command_line) = (machine.xen, machine.command_line);
    let mut tell = |what: fmt::Arguments<'_>| console::line(xen, format_args!("guest: {what}"));
    let mut report = Report::new(&mut tell);
    let (major, minor) = xen.version();
    report.note(format_args!("a guest of Xen {major}.{minor}"));
    if option(command_line, "role") == Some("trap") {
        return trap();
    }
    if option(command_line, "page").is_some() {
        share(machine, &mut report);
        return report.done();
    }
    match XenDomain::new(machine) {
        Ok(domain) => play(Unguarded(domain), command_line, &mut report),
        Err(refused) => {
            report.answer("Argo", format_args!("{refused}"));
            report.done();
        }
    }
}

/// Something that no guest is meant to do: what becomes of it shows whether start-up has seen to that.
fn trap() {
    #[cfg(target_arch = "aarch64")]
    // SAFETY: it changes nothing, and does not come back.
    unsafe {
        core::arch::asm!("brk #0x77", options(nostack));
    }
}

/// A vchan, by a channel that the device tree declares: `role=pipe-ask peer=1 port=10 page=8`.
fn share(machine: Machine, report: &mut Report<'_>) {
    let Machine { xen, pending, clock, grants, command_line, .. } = machine;
    let number = |name| option(command_line, name).and_then(|number| number.parse::<u32>().ok());
    let peer = number("peer").and_then(|peer| DomainId::new(peer.try_into().ok()?));
    let page = number("page").map(GrantRef);
    let (Some(grants), Some(peer), Some(port), Some(page)) =
        (grants, peer, number("port").map(Port), page)
    else {
        return report.check("a device tree with room for grants, a peer, a port, a page", false);
    };
    let declared = Some(Declared::new(peer, port));
    let platform = XenVchan::new(xen, pending, clock, grants, declared);
    match option(command_line, "role") {
        Some("pipe-ask") => {
            pipe::ask(&platform, peer, Meeting { page, port }, || xen.pause(), report);
        }
        _ => pipe::serve(&platform, peer, |_as_agreed| {}, report),
    }
}

/// Where questions go by the guard: Xen is asked what it answers to nonsense, and not what ours does.
struct Unguarded(XenDomain);

impl Asked for Unguarded {
    type Platform = XenDomain;

    fn platform(&self) -> &XenDomain {
        &self.0
    }

    fn into_platform(self) -> XenDomain {
        self.0
    }

    fn ask(&self, cmd: u32, args: [u64; 4]) -> i64 {
        // SAFETY: what the questions have Xen write lies in the RAM: answers, and pages of rings, which
        // are unregistered before anything else uses them. Other places are named for Xen to refuse.
        unsafe { self.0.argo_op(cmd, args) }
    }
}
