//! A doorkeeper that answers late, wrongly, or not at all.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::thread::{self, JoinHandle};

use rustix::fs::{MemfdFlags, memfd_create};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

use super::line::{Line, LineError};
use super::wire::{Answer, Numbered, Request, hear, say};

/// A line, and a thread at its other end that hears one request and does this.
fn line(answer: impl FnOnce(OwnedFd, u64) + Send + 'static) -> (Line, JoinHandle<()>) {
    let (type_, flags) = (SocketType::SEQPACKET, SocketFlags::CLOEXEC);
    let (ours, theirs) = socketpair(AddressFamily::UNIX, type_, flags, None).unwrap();
    let keeper = thread::spawn(move || {
        let (Numbered { number, .. }, _) = hear(&theirs).unwrap().unwrap();
        answer(theirs, number);
    });
    (Line::new(ours), keeper)
}

fn says(socket: &OwnedFd, number: u64, text: &str) {
    let file = memfd_create("text", MemfdFlags::CLOEXEC).unwrap();
    let file = File::from(file);
    file.write_all_at(text.as_bytes(), 0).unwrap();
    say(socket, &Answer { number, outcome: Ok(()) }, Some(file.as_fd())).unwrap();
}

fn text(file: OwnedFd) -> String {
    let mut text = String::new();
    File::from(file).read_to_string(&mut text).unwrap();
    text
}

#[test]
fn a_late_answer_is_nobody_elses() {
    let (line, keeper) = line(|socket, number| {
        // It cannot be read as an answer: the request has failed.
        say(&socket, &"?", None).unwrap();
        says(&socket, number, "late");
        let (Numbered { number, .. }, _) = hear(&socket).unwrap().unwrap();
        says(&socket, number, "in time");
    });
    let lost = line.ask_for(Request::Configuration).unwrap_err();
    assert!(matches!(lost, LineError::Lost { number: 1, .. }), "{lost}");
    assert_eq!(text(line.ask_for(Request::Configuration).unwrap()), "in time");
    keeper.join().unwrap();
}

#[test]
fn a_doorkeeper_that_answers_what_nobody_asked_is_not_asked_again() {
    let (line, keeper) = line(|socket, number| {
        says(&socket, number + 1, "what comes next");
        assert!(hear::<Numbered>(&socket).unwrap().is_none());
    });
    let wrong = line.ask_for(Request::Configuration).unwrap_err();
    assert!(matches!(wrong, LineError::OutOfStep { found: 2, expected: 1 }), "{wrong}");
    keeper.join().unwrap();
    let ended = line.ask(Request::Remove(PathBuf::from("path"))).unwrap_err();
    assert!(matches!(ended, LineError::Ended), "{ended}");
}

#[test]
fn a_doorkeeper_that_has_ended_is_said_to_have_ended() {
    let (line, keeper) = line(|socket, _| drop(socket));
    for _ in 0..2 {
        let ended = line.ask_for(Request::Configuration).unwrap_err().to_string();
        assert_eq!(ended, "argod's doorkeeper has ended");
    }
    keeper.join().unwrap();
}

#[test]
fn an_answer_without_its_descriptor_is_an_error() {
    let (line, keeper) = line(|socket, number| {
        say(&socket, &Answer { number, outcome: Ok(()) }, None).unwrap();
    });
    let lost = line.ask_for(Request::Configuration).unwrap_err();
    assert!(matches!(lost, LineError::Lost { number: 1, .. }), "{lost}");
    keeper.join().unwrap();
}
