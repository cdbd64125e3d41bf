//! What argod has to tell a process cannot be sent: the process learns that its session is over, and
//! does not wait for ever.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use argo_core::abi::Op;
use argo_core::platform::{Call, Gone, Link};
use argo_guest::host::HostSession;
use argo_guest::services::Services;

use crate::common::{Argod, PATIENCE, call, open_system, wait_until};
use crate::strace::{self, Fault, Tracing};

/// Less than a process waits for an answer.
const SOON: Duration = Duration::from_secs(5);

fn start(tables: &str) -> Argod {
    Argod::start(&(open_system(&[(1, "left")]) + tables))
}

fn tracing(argod: &Argod, fault: &Fault) -> Tracing {
    Tracing::start(argod.process.id(), fault, argod.dir.path())
}

#[test]
fn an_attachment_whose_end_cannot_be_told_is_none() {
    if !strace::is_there() {
        return;
    }
    let argod = start("");
    let verdict = tracing(&argod, &Fault::new("sendto", "ENOBUFS", 1));
    let begun = Instant::now();
    assert!(HostSession::attach(argod.socket("left")).is_err());
    assert!(verdict.has_injected() && begun.elapsed() < SOON, "{:?}", begun.elapsed());
    assert!(Services::attach(argod.socket("left")).is_err(), "nor are services");
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    drop(verdict);
    is_as_before(&argod);
}

#[test]
fn an_attachment_that_cannot_be_watched_is_told_so() {
    if !strace::is_there() {
        return;
    }
    let argod = start("");
    let watching = tracing(&argod, &Fault::new("epoll_ctl", "ENOSPC", 1));
    let Err(error) = HostSession::attach(argod.socket("left")) else { panic!("attached") };
    assert!(watching.has_injected());
    let error = error.to_string();
    assert!(error.contains("refused by argod: watching the session: No space left"), "{error}");
    drop(watching);
    is_as_before(&argod);
}

#[test]
fn a_session_that_has_missed_an_interrupt_is_over() {
    if strace::is_there() {
        let argod = start("");
        loses_its_session(&argod, &Fault::new("sendto", "ENOBUFS", "1+"));
        is_as_before(&argod);
    }
}

#[test]
fn a_slow_session_without_a_thread_for_its_interrupts_is_over() {
    if strace::is_there() {
        let argod = start("[service]\nkick_limit_us = 1\n");
        loses_its_session(&argod, &Fault::new("clone3", "EAGAIN", "1+"));
        is_as_before(&argod);
    }
}

/// A process that makes calls hears of the end.
fn loses_its_session(argod: &Argod, fault: &Fault) {
    let session = argod.attach("left");
    let tracing = tracing(argod, fault);
    let (told, heard) = mpsc::channel();
    std::thread::spawn(move || told.send(call_until_the_end(&session)));
    let calls = heard.recv_timeout(PATIENCE).expect("a process waits for ever");
    println!("{fault}: over after {calls} calls");
    assert!(tracing.has_injected());
}

fn call_until_the_end(session: &HostSession) -> u32 {
    let nothing: Call = call(Op::Notify as u32, [0, 0, 0, 0]);
    assert_eq!(nothing.link, Link::None);
    let begun = Instant::now();
    for calls in 0.. {
        match session.call(&nothing) {
            Err(Gone) => return calls,
            Ok(_) => assert!(begun.elapsed() < PATIENCE, "the session goes on"),
        }
    }
    unreachable!("it returns above")
}

fn is_as_before(argod: &Argod) {
    argod.wait_for("left", "its sessions are gone", |left| {
        left.sessions.is_empty() && left.services.connections == 0
    });
    wait_until("a process can attach", || HostSession::attach(argod.socket("left")).is_ok());
}
