//! The guest's waiting core: no news and no timer is slept through, whoever waits for the platform.
#![cfg(argo_loom)]
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "models fail by panic")]

use std::sync::Arc;
use std::time::Duration;

use argo_guest::waiting::{Background, Chores, Session, Timer, Urgency, block_on, driven};
use loom::sync::Notify;
use loom::thread;
use loom_tests::{Bell, Flaw, ModelSession, Receive, Tally, check, run_task};

const LATER: Duration = Duration::from_secs(1);

/// Runs a scenario in every interleaving, and ends its session.
fn explore(flaw: Flaw, scenario: impl Fn(&Arc<ModelSession>) + Send + Sync + 'static) {
    let sleeps = Tally::default();
    let counted = sleeps.clone();
    check(move || {
        let session = ModelSession::new(flaw, &counted);
        scenario(&session);
        session.end();
    });
    assert_ne!(sleeps.count(), 0, "nobody had to wait");
}

/// A thread that blocks until this receiver has its news.
fn blocking(session: &Arc<ModelSession>, receiver: usize) -> thread::JoinHandle<()> {
    let session = session.clone();
    thread::spawn(move || block_on(&*session, Receive(&session, receiver)).unwrap())
}

/// A leader and a follower; their news comes apart or together.
fn two_callers(flaw: Flaw, news: &'static [u32]) {
    explore(flaw, |session| {
        let callers = [0, 1].map(|receiver| blocking(session, receiver));
        news.iter().for_each(|&bits| session.raise(bits));
        for caller in callers {
            caller.join().unwrap();
        }
    });
}

#[test]
fn leader_and_follower_get_their_news() {
    two_callers(Flaw::None, &[1, 2]);
}

#[test]
fn news_that_one_dispatch_leaves_is_dealt_with() {
    two_callers(Flaw::None, &[3]);
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
fn caller_and_timer(flaw: Flaw) {
    explore(flaw, |session| {
        let caller = blocking(session, 0);
        block_on(&**session, Timer::new(session, LATER));
        assert!(session.platform().now() >= LATER);
        session.raise(1);
        caller.join().unwrap();
    });
}

#[test]
fn a_timer_is_ready_whoever_leads() {
    caller_and_timer(Flaw::None);
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_platform_that_forgets_to_wake_is_found_out() {
    caller_and_timer(Flaw::WakeIsForgotten);
}

#[test]
fn a_task_gets_its_news_beside_a_blocking_caller() {
    explore(Flaw::None, |session| {
        let caller = blocking(session, 0);
        session.raise(3);
        run_task(driven(session, Receive(session, 1))).unwrap();
        caller.join().unwrap();
    });
}

#[test]
fn a_second_task_finds_the_driver_thread_awake() {
    explore(Flaw::None, |session| {
        run_task(driven(session, Timer::new(session, LATER)));
        session.raise(1);
        run_task(driven(session, Receive(session, 0))).unwrap();
    });
}

#[test]
fn background_work_proceeds_alone() {
    explore(Flaw::None, |session| {
        for receiver in [0, 1] {
            let _guard = Background::new(session);
            session.raise(1 << receiver);
            run_task(Receive(session, receiver)).unwrap();
        }
    });
}

#[test]
fn background_work_proceeds_beside_a_blocking_caller() {
    explore(Flaw::None, |session| {
        let _guard = Background::new(session);
        let caller = blocking(session, 0);
        session.raise(1);
        session.raise(2);
        run_task(Receive(session, 1)).unwrap();
        caller.join().unwrap();
    });
}

/// A chore that tells when it has received; it is begun beside a blocking caller, or not.
fn chore(session: &Arc<ModelSession>, urgency: Urgency, receiver: usize) -> Arc<Notify> {
    let (done, its) = (Arc::new(Notify::new()), session.clone());
    let tells = done.clone();
    Chores::begin(session, urgency, async move {
        // An error is the session's end, which comes after all news of a scenario.
        let _ = Receive(&its, receiver).await;
        tells.notify();
    });
    done
}

#[test]
fn a_chore_is_done_beside_a_blocking_caller() {
    explore(Flaw::None, |session| {
        let caller = blocking(session, 0);
        let done = chore(session, Urgency::Idle, 1);
        session.raise(2);
        done.wait();
        session.raise(1);
        caller.join().unwrap();
    });
}

#[test]
fn an_owed_chore_is_done_alone() {
    explore(Flaw::None, |session| {
        let done = chore(session, Urgency::Owed, 0);
        session.raise(1);
        done.wait();
    });
}

/// A chore that another thread wakes, past all events.
fn woken_from_outside(flaw: Flaw) {
    explore(flaw, |session| {
        let caller = blocking(session, 0);
        let (bell, done) = (Arc::new(Bell::default()), Arc::new(Notify::new()));
        let (rings, tells) = (bell.clone(), done.clone());
        Chores::begin(session, Urgency::Idle, async move {
            rings.heard().await;
            tells.notify();
        });
        bell.ring();
        done.wait();
        session.raise(1);
        caller.join().unwrap();
    });
}

#[test]
fn a_chore_that_another_thread_wakes_is_done() {
    woken_from_outside(Flaw::None);
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_chore_whose_wake_reaches_nobody_is_found_out() {
    woken_from_outside(Flaw::WakeIsForgotten);
}
