//! argod wakes the guest: no event and no completion is slept through.
#![cfg(argo_loom)]
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "models fail by panic")]

use std::sync::Arc;
use std::sync::atomic::Ordering;

use argo_core::host::layout::{SEQUENCE, VIRQS};
use argo_core::host::queue::{Completion, GuestQueue, HostQueue};
use argo_core::host::wake::{self, Event, Signal};
use argo_core::host::words::Words;
use argo_core::platform::{Call, Link};
use loom::sync::Notify;
use loom::thread;
use loom_tests::{ControlArea, Tally, Unfenced, check};

const CALL: Call = Call { cmd: 3, args: [10, 11, 12, 13], link: Link::None };

/// What the two sides share: memory, and the socket that carries interrupts.
struct Attachment<W> {
    words: W,
    interrupt: Notify,
}

impl<W: Words> Attachment<W> {
    fn new(words: W) -> Arc<Self> {
        Arc::new(Self { words, interrupt: Notify::new() })
    }

    fn raise(&self, event: Event, interrupts: &Tally) {
        if wake::raise(&self.words, event) == Signal::Needed {
            interrupts.note();
            self.interrupt.notify();
        }
    }

    /// The guest's loop: sleeps until `news` gives something.
    fn wait<T>(&self, mut news: impl FnMut(&W) -> Option<T>, sleeps: &Tally) -> T {
        loop {
            let seen = self.words.load(SEQUENCE, Ordering::Acquire);
            if let Some(news) = news(&self.words) {
                return news;
            }
            if wake::arm(&self.words, seen) {
                sleeps.note();
                self.interrupt.wait();
                wake::disarm(&self.words);
            }
        }
    }
}

/// Two workers raise VIRQ_ARGO; the guest sleeps until it has seen both.
fn two_events<W: Words + Send + Sync + 'static>(words: fn(u32) -> W) -> [usize; 3] {
    let (runs, sleeps, interrupts) = (Tally::default(), Tally::default(), Tally::default());
    let tallies = [runs.clone(), sleeps.clone(), interrupts.clone()];
    check(move || {
        let attachment = Attachment::new(words(0));
        let raisers = [(); 2].map(|()| {
            let (attachment, interrupts) = (attachment.clone(), interrupts.clone());
            thread::spawn(move || attachment.raise(Event::Virq, &interrupts))
        });
        let both = |words: &W| (words.load(VIRQS, Ordering::Relaxed) == 2).then_some(());
        attachment.wait(both, &sleeps);
        for raiser in raisers {
            raiser.join().unwrap();
        }
        runs.note();
    });
    tallies.map(|tally| tally.count())
}

#[test]
fn no_event_is_slept_through() {
    let [runs, sleeps, interrupts] = two_events(ControlArea::for_calls);
    assert_ne!(sleeps, 0);
    assert_ne!(interrupts, 0);
    assert!(interrupts < 2 * runs, "{interrupts} interrupts in {runs} runs: none was spared");
}

#[test]
#[should_panic(expected = "deadlock")]
fn events_without_fences_are_slept_through() {
    two_events(|calls| Unfenced(ControlArea::for_calls(calls)));
}

/// argod answers two calls; the guest sleeps until it has both answers.
fn two_completions<W: Words + Send + Sync + 'static>(
    words: fn(u32) -> W,
    answer: fn(&Attachment<W>),
    sleeps: &Tally,
) {
    let sleeps = sleeps.clone();
    check(move || {
        let attachment = Attachment::new(words(2));
        let mut guest = GuestQueue::new(0);
        assert!(guest.submit(&attachment.words, &CALL, 1));
        assert!(guest.submit(&attachment.words, &CALL, 2));
        let worker = {
            let attachment = attachment.clone();
            thread::spawn(move || answer(&attachment))
        };
        for tag in 1..=2 {
            let completion = attachment.wait(|words| guest.reap(words), &sleeps);
            assert_eq!(completion, Completion { tag, ret: -(tag as i64) });
        }
        worker.join().unwrap();
        assert_eq!(guest.in_flight(), 0);
    });
}

/// Each answer is followed by a raise.
fn answer_two<W: Words>(attachment: &Attachment<W>) {
    let mut host = HostQueue::new(0);
    for _ in 0..2 {
        let completion = answer(&mut host, attachment);
        host.complete(&attachment.words, completion);
        attachment.raise(Event::Completion, &Tally::default());
    }
}

/// Both answers are shown at once, with one raise.
fn answer_both<W: Words>(attachment: &Attachment<W>) {
    let mut host = HostQueue::new(0);
    for _ in 0..2 {
        let completion = answer(&mut host, attachment);
        host.post(&attachment.words, completion);
    }
    host.publish(&attachment.words);
    attachment.raise(Event::Completion, &Tally::default());
}

fn answer<W: Words>(host: &mut HostQueue, attachment: &Attachment<W>) -> Completion {
    let slot = host.take(&attachment.words);
    Completion { tag: slot.tag, ret: -(slot.tag as i64) }
}

#[test]
fn no_completion_is_slept_through() {
    let sleeps = Tally::default();
    two_completions(ControlArea::for_calls, answer_two, &sleeps);
    assert_ne!(sleeps.count(), 0);
}

#[test]
fn completions_that_are_shown_together_are_not_slept_through() {
    let sleeps = Tally::default();
    two_completions(ControlArea::for_calls, answer_both, &sleeps);
    assert_ne!(sleeps.count(), 0);
}

#[test]
#[should_panic(expected = "deadlock")]
fn completions_without_fences_are_slept_through() {
    two_completions(|calls| Unfenced(ControlArea::for_calls(calls)), answer_two, &Tally::default());
}
