//! vchan's waiting: no event is slept through, by whomever, and no lie is told by halves.
//!
//! Bells, sleepers and how a channel stands are the real ones. The port of argod's platform is not:
//! its descriptors are the system's, so that [`Port`] repeats what `HostChannel` does around its
//! sleepers, and a fault of those lines is not found here (vchan's tests of that platform run them).
#![cfg(argo_loom)]
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "models fail by panic")]

use std::convert::Infallible;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Instant;

use loom::sync::atomic::{AtomicU32, Ordering};
use loom::sync::{Condvar, Mutex};
use loom::thread;
use loom_tests::{Tally, check, run_task};
use vchan::platform::{Bell, Fault, Waiter, Wake};
use vchan::waiting::{Bed, Sleepers, Standing};
use vchan::{Cause, Indexes, LyingIndex, Ring};

/// News, and the bell that tells of it.
#[derive(Default)]
struct Post {
    news: AtomicU32,
    bell: Bell,
}

impl Post {
    fn send(&self) {
        self.news.fetch_add(1, Ordering::Release);
        self.bell.ring();
    }

    fn has(&self, count: u32) -> bool {
        self.news.load(Ordering::Acquire) == count
    }
}

/// Waits until there is so much news.
type Wait = fn(&Post, u32);

fn in_a_thread(post: &Post, count: u32) {
    loop {
        let seen = post.bell.seen();
        if post.has(count) {
            return;
        }
        assert_eq!(post.bell.wait(seen, None).unwrap(), Wake::Event);
    }
}

/// Known to be wrong: what comes between the look and the count is slept through.
fn counting_too_late(post: &Post, count: u32) {
    while !post.has(count) {
        let seen = post.bell.seen();
        post.bell.wait(seen, None).unwrap();
    }
}

fn in_a_task(post: &Post, count: u32) {
    run_task(async {
        loop {
            let seen = post.bell.seen();
            if post.has(count) {
                return;
            }
            poll_fn(|context| post.bell.poll(Waiter::Read, seen, context)).await.unwrap();
        }
    });
}

/// Two wait in their ways for what a third sends.
fn two_wait(waits: [Wait; 2], count: u32) {
    check(move || {
        let post = Arc::new(Post::default());
        let waiting = waits.map(|wait| {
            let post = post.clone();
            thread::spawn(move || wait(&post, count))
        });
        (0..count).for_each(|_| post.send());
        for wait in waiting {
            wait.join().unwrap();
        }
    });
}

#[test]
fn no_event_is_slept_through() {
    two_wait([in_a_thread, in_a_thread], 1);
    two_wait([in_a_thread, in_a_task], 1);
}

#[test]
#[should_panic(expected = "deadlock")]
fn who_counts_after_the_look_is_found_out() {
    two_wait([in_a_thread, counting_too_late], 1);
}

#[test]
fn what_came_before_the_end_is_told_before_it() {
    check(|| {
        let post = Arc::new(Post::default());
        let peer = post.clone();
        let peer = thread::spawn(move || {
            peer.send();
            peer.bell.end(Fault::new(Cause::Ended, "closed"));
        });
        assert_eq!(post.bell.wait(0, None).unwrap(), Wake::Event);
        assert!(post.has(1));
        assert_eq!(post.bell.wait(1, None).unwrap_err().cause, Cause::Ended);
        peer.join().unwrap();
    });
}

/// What is pending at a port, whose bed one thread at a time sleeps in.
#[derive(Default)]
struct Readable {
    state: Mutex<Poll>,
    changed: Condvar,
}

#[derive(Default)]
struct Poll {
    pending: bool,
    roused: bool,
    slept_in: bool,
}

impl Readable {
    fn arrive(&self) {
        self.state.lock().unwrap().pending = true;
        self.changed.notify_all();
    }

    fn take(&self) -> bool {
        std::mem::take(&mut self.state.lock().unwrap().pending)
    }
}

impl Bed for Readable {
    type Error = Infallible;

    fn sleep(&self, _: Option<Instant>) -> Result<(), Infallible> {
        let mut state = self.state.lock().unwrap();
        assert!(!std::mem::replace(&mut state.slept_in, true), "two sleep in one bed");
        while !state.pending && !state.roused {
            state = self.changed.wait(state).unwrap();
        }
        (state.roused, state.slept_in) = (false, false);
        Ok(())
    }

    fn rouse(&self) {
        self.state.lock().unwrap().roused = true;
        self.changed.notify_all();
    }
}

/// A port, in the steps of `HostChannel`'s: events are taken by one and counted for all.
#[derive(Default)]
struct Port {
    readable: Readable,
    counted: AtomicU32,
    sleepers: Sleepers,
}

impl Port {
    fn wait(&self, tells: fn(&Self)) {
        while self.counted.load(Ordering::Acquire) == 0 {
            if self.readable.take() {
                self.counted.fetch_add(1, Ordering::Release);
                return tells(self);
            }
            let still = || self.counted.load(Ordering::Acquire) == 0;
            let Ok(()) = self.sleepers.sleep(&self.readable, None, still);
        }
    }
}

fn two_sleep_for_one_event(tells: fn(&Port)) {
    check(move || {
        let port = Arc::new(Port::default());
        let sleeping = [(); 2].map(|()| {
            let port = port.clone();
            thread::spawn(move || port.wait(tells))
        });
        port.readable.arrive();
        for sleeper in sleeping {
            sleeper.join().unwrap();
        }
    });
}

#[test]
fn an_event_that_one_takes_wakes_the_others() {
    two_sleep_for_one_event(|port| port.sleepers.wake(&port.readable));
}

#[test]
#[should_panic(expected = "deadlock")]
fn who_takes_an_event_and_tells_nobody_is_found_out() {
    two_sleep_for_one_event(|_| {});
}

fn lie(ring: Ring, number: u32) -> LyingIndex {
    let indexes = Indexes { cons: number, prod: number };
    LyingIndex { ring, indexes, size: number }
}

/// Each half is told a lie, while a third thread looks: one lie is told by all, and whole.
#[test]
fn the_first_lie_stands_and_is_seen_whole() {
    let tally = Tally::default();
    let seen = tally.clone();
    check(move || {
        let standing = Arc::new(Standing::default());
        let lies = [lie(Ring::Left, 1), lie(Ring::Right, 2)];
        let halves = lies.map(|lie| {
            let standing = standing.clone();
            thread::spawn(move || standing.break_by(lie))
        });
        let looker = {
            let standing = standing.clone();
            thread::spawn(move || standing.ended().flatten())
        };
        let early = looker.join().unwrap();
        assert!(early.is_none_or(|lie| lies.contains(&lie)), "half a lie: {early:?}");
        early.iter().for_each(|_| seen.note());
        let first = halves.map(|half| half.join().unwrap());
        let stands = standing.ended().flatten().unwrap();
        assert_eq!(stands, lies[usize::from(first[1])], "not the first lie");
        assert!(first[0] != first[1] && early.is_none_or(|early| early == stands));
    });
    assert_ne!(tally.count(), 0);
}
