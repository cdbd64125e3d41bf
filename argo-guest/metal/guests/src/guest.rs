//! The guest: one program for every role, which its command line names.
#![no_std]
#![no_main]

use core::fmt;

use argo_metal::{Machine, XenDomain, console};
use argo_metal_guests::probe::Asked;
use argo_metal_guests::{Report, play};

argo_metal::entry!(main);

fn main(machine: Machine) {
    let (xen, command_line) = (machine.xen, machine.command_line);
    let mut tell = |what: fmt::Arguments<'_>| console::line(xen, format_args!("guest: {what}"));
    let mut report = Report::new(&mut tell);
    let (major, minor) = xen.version();
    report.note(format_args!("a guest of Xen {major}.{minor}"));
    match XenDomain::new(machine) {
        Ok(domain) => play(Unguarded(domain), command_line, &mut report),
        Err(refused) => {
            report.broken("Argo", refused);
            report.done();
        }
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
