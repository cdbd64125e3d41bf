#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod attempt;
mod child;

use std::io;
use std::process::Command;

use attempt::{ATTEMPTS, Attempt, Fate};
use child::{Role, spawn};

/// Every list, as often as there are attempts. Each in a process of its own: it may be killed.
#[test]
fn each_list_refuses_what_it_should() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for (number, attempt) in ATTEMPTS.iter().enumerate() {
        for (role, expected) in Role::ALL.into_iter().zip(attempt.fates) {
            let fate = spawn(role, number);
            count += 1;
            if fate != Some(expected) {
                let Attempt { what, .. } = attempt;
                wrong.push(format!("{role:?}: {what}: expected {expected:?}, found {fate:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    effort::ran(count, "system calls tried in a cage");
}

/// A thread of each class may start, use memory, say something, panic and end.
#[test]
fn each_list_lets_a_thread_live_and_die() {
    for role in Role::ALL {
        assert_eq!(spawn(role, child::LIVING), Some(Fate::Passes), "{role:?}");
    }
}

#[test]
fn files_network_and_other_processes_are_out_of_reach() {
    let (how, tried) = match child::tried_files() {
        Err(error) if error.kind() == io::ErrorKind::Unsupported => {
            return effort::skipped("Landlock: this kernel has none");
        }
        tried => tried.unwrap(),
    };
    let expected = [
        ("a file of everybody's", Some(libc::EACCES)),
        ("what memory there is", None),
        ("a memfd, opened again", None),
        ("a file made", Some(libc::EACCES)),
        ("a TCP port bound", Some(libc::EACCES)),
        ("a TCP connection", Some(libc::EACCES)),
        ("a process outside signalled", Some(libc::EPERM)),
        ("a socket with an abstract name", Some(libc::EPERM)),
    ];
    // An older Landlock knows files only; then, from Linux 6.7 on, ports.
    let known = if how == "Landlock" { expected.len() } else { 4 };
    assert_eq!(tried[..known], expected[..known]);
    effort::ran(known as u64, "deeds tried under Landlock");
}

/// Not a test by itself: the others run it as a child.
#[test]
fn caged_child() {
    child::play();
}

/// This test binary, to run [`caged_child`] in.
fn myself() -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "cage::tests::caged_child", "--nocapture"]);
    command
}
