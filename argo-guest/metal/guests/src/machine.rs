//! The guest as a virtual machine of argod: the same roles, over the same sockets.
#![no_std]
#![no_main]

use core::fmt;

use argo_metal::kvm::{Calls, KvmDomain, Machine, console};
use argo_metal_guests::probe::Asked;
use argo_metal_guests::{Report, option, play};

argo_metal::kvm_entry!(main);

fn main(machine: Machine) -> u32 {
    let (argod, command_line) = (machine.argod, machine.command_line);
    let mut tell = |what: fmt::Arguments<'_>| console::line(argod, format_args!("guest: {what}"));
    let mut report = Report::new(&mut tell);
    report.note(format_args!("a virtual machine of argod"));
    // Whoever calls by hand has each answer at once.
    let calls = match option(command_line, "calls") {
        Some("each") => Calls::Each,
        _ => Calls::Together,
    };
    play(Unguarded(KvmDomain::new(machine, calls)), command_line, &mut report);
    0
}

/// Where questions go by the guard: argod is asked what it answers to nonsense, and not what ours does.
struct Unguarded(KvmDomain);

impl Asked for Unguarded {
    type Platform = KvmDomain;

    fn platform(&self) -> &KvmDomain {
        &self.0
    }

    fn into_platform(self) -> KvmDomain {
        self.0
    }

    fn ask(&self, cmd: u32, args: [u64; 4]) -> i64 {
        // SAFETY: what the questions have argod write lies in the RAM: answers, and pages of rings, which
        // are unregistered before anything else uses them. Other places are named to be refused.
        unsafe { self.0.argo_op(cmd, args) }.unwrap_or(i64::MIN)
    }
}
