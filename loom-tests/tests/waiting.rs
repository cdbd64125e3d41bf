//! The guest's waiting core: no news and no timer is slept through, whoever waits for the platform.
#![cfg(argo_loom)]
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "models fail by panic")]

use std::sync::Arc;
use std::time::Duration;

use argo_guest::waiting::{Background, Session, Timer, block_on, driven};
use loom::thread;
use loom_tests::{Flaw, ModelSession, Receive, Tally, check, run_task};

/// A thread that blocks until this receiver has its news.
fn blocking(session: &Arc<ModelSession>, receiver: usize) -> thread::JoinHandle<()> {
    let session = session.clone();
    thread::spawn(move || block_on(&*session, Receive(&session, receiver)).unwrap())
}

/// A leader and a follower; their news comes apart or together.
fn two_callers(flaw: Flaw, news: &'static [u32]) -> usize {
    let sleeps = Tally::default();
    let counted = sleeps.clone();
    check(move || {
        let session = ModelSession::new(flaw, &counted);
        let callers = [0, 1].map(|receiver| blocking(&session, receiver));
        news.iter().for_each(|&bits| session.raise(bits));
        for caller in callers {
            caller.join().unwrap();
        }
    });
    sleeps.count()
}

#[test]
fn leader_and_follower_get_their_news() {
    assert_ne!(two_callers(Flaw::None, &[1, 2]), 0);
}

#[test]
fn news_that_one_dispatch_leaves_is_dealt_with() {
    assert_ne!(two_callers(Flaw::None, &[3]), 0);
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_platform_that_ignores_what_was_seen_is_found_out() {
    two_callers(Flaw::SeenIsIgnored, &[1, 2]);
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_session_that_forgets_its_rest_is_found_out() {
    two_callers(Flaw::RestIsForgotten, &[3]);
}

/// One thread waits for news, the other for a time.
fn caller_and_timer(flaw: Flaw) -> usize {
    let sleeps = Tally::default();
    let counted = sleeps.clone();
    check(move || {
        let session = ModelSession::new(flaw, &counted);
        let caller = blocking(&session, 0);
        let at = Duration::from_secs(1);
        block_on(&*session, Timer::new(&session, at));
        assert!(session.platform().now() >= at);
        session.raise(1);
        caller.join().unwrap();
    });
    sleeps.count()
}

#[test]
fn a_timer_is_ready_whoever_leads() {
    assert_ne!(caller_and_timer(Flaw::None), 0);
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_platform_that_forgets_to_wake_is_found_out() {
    caller_and_timer(Flaw::WakeIsForgotten);
}

/// The driver thread waits for a task, or with a blocking caller.
#[test]
fn a_task_gets_its_news_beside_a_blocking_caller() {
    let sleeps = Tally::default();
    let counted = sleeps.clone();
    check(move || {
        let session = ModelSession::new(Flaw::None, &counted);
        let caller = blocking(&session, 0);
        session.raise(3);
        run_task(driven(&session, Receive(&session, 1))).unwrap();
        caller.join().unwrap();
        session.end();
    });
    assert_ne!(sleeps.count(), 0);
}

/// A task begins to wait when the driver thread runs already and had nothing to wait for.
#[test]
fn a_second_task_finds_the_driver_thread_awake() {
    let sleeps = Tally::default();
    let counted = sleeps.clone();
    check(move || {
        let session = ModelSession::new(Flaw::None, &counted);
        let at = Duration::from_secs(1);
        run_task(driven(&session, Timer::new(&session, at)));
        session.raise(1);
        run_task(driven(&session, Receive(&session, 0))).unwrap();
        session.end();
    });
    assert_ne!(sleeps.count(), 0);
}

/// Nobody waits for the platform but background work.
#[test]
fn background_work_proceeds_alone() {
    let sleeps = Tally::default();
    let counted = sleeps.clone();
    check(move || {
        let session = ModelSession::new(Flaw::None, &counted);
        let guard = Background::new(&session);
        session.raise(1);
        run_task(Receive(&session, 0)).unwrap();
        drop(guard);
        let guard = Background::new(&session);
        session.raise(2);
        run_task(Receive(&session, 1)).unwrap();
        drop(guard);
        session.end();
    });
    assert_ne!(sleeps.count(), 0);
}

/// A blocking caller comes and goes beside background work.
#[test]
fn background_work_proceeds_beside_a_blocking_caller() {
    let sleeps = Tally::default();
    let counted = sleeps.clone();
    check(move || {
        let session = ModelSession::new(Flaw::None, &counted);
        let guard = Background::new(&session);
        let caller = blocking(&session, 0);
        session.raise(1);
        session.raise(2);
        run_task(Receive(&session, 1)).unwrap();
        caller.join().unwrap();
        drop(guard);
        session.end();
    });
    assert_ne!(sleeps.count(), 0);
}
