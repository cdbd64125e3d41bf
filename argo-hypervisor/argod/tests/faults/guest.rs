//! The guest's side: each system call of a program that attaches and sends fails once.

use std::fs::File;
use std::process::{Command, Stdio};

use crate::common::tool::{ARGOCTL, Receiver, acting_as};
use crate::common::{Argod, open_system};
use crate::strace::{self, Fault};
use crate::trial::{ends, is_clear, read};

const CASES: u32 = 60;

#[test]
fn argoctl_sends_or_says_why_not_whichever_system_call_fails() {
    if !strace::is_there() {
        return;
    }
    let argod = Argod::start(&open_system(&[(1, "left"), (2, "right")]));
    let _receiver = Receiver::start(acting_as(&argod, "right", &["recv", "7"]));
    assert_eq!(send(&argod, None).0, Some(0));
    let faults = strace::faults(&argod.path("calls"), "socket(AF_UNIX");
    // It reads from where it is woken: that cannot fail.
    let faults = faults.into_iter().filter(|fault| fault.call != "read").collect();
    let faults = strace::sample(faults, effort::cases(CASES));
    let failed = faults.iter().filter(|fault| !is_sent(&argod, fault)).count();
    println!("{} faults: nothing sent after {failed}", faults.len());
    assert!(failed > 0 && failed < faults.len(), "{failed}");
    assert_eq!(send(&argod, None).0, Some(0));
    effort::ran(faults.len() as u64, "system calls of a guest that failed");
}

/// `false`: it was not, and argoctl says why.
fn is_sent(argod: &Argod, fault: &Fault) -> bool {
    println!("{fault}");
    let (status, said) = send(argod, Some(fault));
    // How often it waits, and is woken, differs from run to run: then the fault is not met.
    if status == Some(0) || !strace::has_injected(&argod.path("calls")) {
        assert_eq!(status, Some(0), "{said}");
        return true;
    }
    assert_eq!(status, Some(1), "{said}");
    is_clear(&said, "argoctl: ");
    false
}

/// Sends a line by argoctl: its exit status, and what it said.
fn send(argod: &Argod, fault: Option<&Fault>) -> (Option<i32>, String) {
    let (line, said) = (argod.path("line"), argod.path("said"));
    std::fs::write(&line, "through\n").unwrap();
    let mut command: Command = strace::command(ARGOCTL, fault, &argod.path("calls"));
    command.args(["send", "2:7", "--timeout", "2s", "--domain"]).arg(argod.socket("left"));
    command.stdin(File::open(&line).unwrap()).stdout(Stdio::null());
    let mut child = command.stderr(File::create(&said).unwrap()).spawn().unwrap();
    (ends(&mut child), read(&said))
}
