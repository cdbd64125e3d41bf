//! Guest and argod sleep for each other: each call is served, and each answer is seen.
#![cfg(argo_loom)]
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "models fail by panic")]

use std::sync::Arc;
use std::sync::atomic::Ordering;

use argo_core::host::layout::SEQUENCE;
use argo_core::host::queue::{Completion, GuestQueue, HostQueue};
use argo_core::host::turn::Turn;
use argo_core::host::wake::{self, Event, Signal};
use argo_core::host::words::Words;
use argo_core::platform::{Call, Link};
use loom::sync::Notify;
use loom::thread;
use loom_tests::{ControlArea, Tally, TurnState, Unfenced, check};

/// Calls, each submitted when the one before is answered.
const CALLS: u32 = 2;

/// What the two sides share: memory, a doorbell, and the socket that carries interrupts.
struct Attachment<W> {
    words: W,
    doorbell: Notify,
    interrupt: Notify,
    slept: Tally,
}

/// When argod says that there is an answer.
#[derive(Clone, Copy)]
enum Raise {
    /// Once it is there.
    After,
    /// Known to be wrong.
    Before,
}

impl<W: Words> Attachment<W> {
    fn call(&self, queue: &mut GuestQueue, number: u32) {
        let call = Call { cmd: number, args: [0; 4], link: Link::None };
        assert!(queue.submit(&self.words, &call, number.into()));
        if wake::doorbell(&self.words) == Signal::Needed {
            self.doorbell.notify();
        }
        let answer = self.answer(queue);
        assert_eq!(answer, Completion { tag: number.into(), ret: number.into() });
    }

    fn answer(&self, queue: &mut GuestQueue) -> Completion {
        loop {
            let seen = self.words.load(SEQUENCE, Ordering::Acquire);
            if let Some(completion) = queue.reap(&self.words) {
                return completion;
            }
            if wake::arm(&self.words, seen) {
                self.slept.note();
                self.interrupt.wait();
                wake::disarm(&self.words);
            }
        }
    }

    /// argod's worker, until all calls are served.
    fn work(&self, when: Raise) {
        let mut queue = HostQueue::new(0);
        let turn = Turn::new(TurnState::resting());
        while queue.taken() < CALLS {
            self.doorbell.wait();
            if turn.claim(&self.words) {
                self.serve(&mut queue, when);
                while !turn.rest(&self.words, &[queue.taken()]) {
                    self.serve(&mut queue, when);
                }
            }
        }
    }

    fn serve(&self, queue: &mut HostQueue, when: Raise) {
        for _ in 0..queue.pending(&self.words).unwrap() {
            let slot = queue.take(&self.words);
            let completion = Completion { tag: slot.tag, ret: slot.call().unwrap().cmd.into() };
            match when {
                Raise::After => {
                    queue.complete(&self.words, completion);
                    self.raise();
                }
                Raise::Before => {
                    self.raise();
                    queue.complete(&self.words, completion);
                }
            }
        }
    }

    fn raise(&self) {
        if wake::raise(&self.words, Event::Completion) == Signal::Needed {
            self.interrupt.notify();
        }
    }
}

fn calls<W: Words + Send + Sync + 'static>(words: fn(u32) -> W, when: Raise) -> usize {
    let slept = Tally::default();
    let sleeps = slept.clone();
    check(move || {
        let (words, slept) = (words(CALLS), sleeps.clone());
        let (doorbell, interrupt) = (Notify::new(), Notify::new());
        assert!(wake::rest(&words, &[0]));
        let attachment = Arc::new(Attachment { words, doorbell, interrupt, slept });
        let worker = {
            let attachment = attachment.clone();
            thread::spawn(move || attachment.work(when))
        };
        let mut queue = GuestQueue::new(0);
        (0..CALLS).for_each(|number| attachment.call(&mut queue, number));
        assert_eq!(queue.in_flight(), 0);
        worker.join().unwrap();
    });
    slept.count()
}

#[test]
fn no_call_and_no_answer_is_slept_through() {
    assert_ne!(calls(ControlArea::for_calls, Raise::After), 0);
}

#[test]
#[should_panic(expected = "deadlock")]
fn calls_without_fences_are_slept_through() {
    calls(|calls| Unfenced(ControlArea::for_calls(calls)), Raise::After);
}

#[test]
#[should_panic(expected = "deadlock")]
fn an_answer_that_is_told_too_early_is_slept_through() {
    calls(ControlArea::for_calls, Raise::Before);
}
