//! argod wakes a virtual machine's vCPUs: no event and no end is slept through, by any of them.
//!
//! The words are the real ones. argod's bell is not, for argod is built for its system alone: [`Bell`]
//! repeats its steps, with a futex as the kernel promises it, and a fault of those lines is not found
//! here (argod's tests of its bell run them).
#![cfg(argo_loom)]
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "models fail by panic")]

use std::sync::Arc;
use std::sync::atomic::Ordering;

use argo_core::host::layout::{SEQUENCE, VIRQS};
use argo_core::host::wake::{self, Event};
use argo_core::host::words::Words;
use loom::sync::atomic::{AtomicU32, fence};
use loom::sync::{Condvar, Mutex};
use loom::thread;
use loom_tests::{ControlArea, Tally, Unfenced, check};

/// A word that threads sleep on.
struct Futex {
    word: AtomicU32,
    /// The kernel's: from the look at the word to the sleep nobody wakes.
    bucket: Mutex<()>,
    woken: Condvar,
}

impl Futex {
    fn new() -> Self {
        Self { word: AtomicU32::new(0), bucket: Mutex::new(()), woken: Condvar::new() }
    }

    fn wait(&self, value: u32, sleeps: &Tally) {
        let bucket = self.bucket.lock().unwrap();
        if self.word.load(Ordering::Relaxed) == value {
            sleeps.note();
            drop(self.woken.wait(bucket).unwrap());
        }
    }

    fn wake(&self) {
        drop(self.bucket.lock().unwrap());
        self.woken.notify_all();
    }
}

/// argod's, step by step.
struct Bell<W> {
    ram: W,
    armed: AtomicU32,
    epoch: Futex,
    over: AtomicU32,
    sleeps: Tally,
    wakes: Tally,
}

impl<W: Words> Bell<W> {
    fn raise(&self, event: Event) {
        let _ = wake::raise(&self.ram, event);
        if self.armed.load(Ordering::Relaxed) == 1 && self.armed.swap(0, Ordering::Relaxed) == 1 {
            self.wakes.note();
            self.wake();
        }
    }

    fn sleep(&self, seen: u32) {
        let epoch = self.epoch.word.load(Ordering::Acquire);
        self.armed.store(1, Ordering::Relaxed);
        self.ram.fence();
        let quiet = self.ram.load(SEQUENCE, Ordering::Acquire) == seen;
        if quiet && self.over.load(Ordering::SeqCst) == 0 {
            self.epoch.wait(epoch, &self.sleeps);
        }
    }

    fn end(&self) {
        self.over.store(1, Ordering::SeqCst);
        // A futex call is a full fence.
        fence(Ordering::SeqCst);
        self.wake();
    }

    fn wake(&self) {
        self.epoch.word.fetch_add(1, Ordering::Release);
        self.epoch.wake();
    }

    /// A vCPU: it sleeps until there were so many events, or the machine is over.
    fn runs(&self, events: u32) {
        loop {
            let seen = self.ram.load(SEQUENCE, Ordering::Acquire);
            let all = self.ram.load(VIRQS, Ordering::Relaxed) >= events;
            if all || self.over.load(Ordering::SeqCst) == 1 {
                return;
            }
            self.sleep(seen);
        }
    }
}

/// So many vCPUs sleep until as many events as there are raisers were raised, or `last` was done.
fn machine<W: Words + Send + Sync + 'static>(
    words: fn(u32) -> W,
    [vcpus, raisers, events]: [u32; 3],
    last: fn(&Bell<W>),
) -> [usize; 3] {
    let (runs, sleeps, wakes) = (Tally::default(), Tally::default(), Tally::default());
    let tallies = [runs.clone(), sleeps.clone(), wakes.clone()];
    check(move || {
        let bell = Arc::new(Bell {
            ram: words(0),
            armed: AtomicU32::new(0),
            epoch: Futex::new(),
            over: AtomicU32::new(0),
            sleeps: sleeps.clone(),
            wakes: wakes.clone(),
        });
        let spawn = |run: fn(&Bell<W>, u32)| {
            let bell = bell.clone();
            thread::spawn(move || run(&bell, events))
        };
        let vcpus = (0..vcpus).map(|_| spawn(Bell::runs));
        let raisers = (0..raisers).map(|_| spawn(|bell, _| bell.raise(Event::Virq)));
        let threads: Vec<_> = vcpus.chain(raisers).collect();
        last(&bell);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        runs.note();
    });
    tallies.map(|tally| tally.count())
}

#[test]
fn no_event_is_slept_through() {
    let [runs, sleeps, wakes] = machine(ControlArea::for_calls, [1, 2, 2], |_| {});
    assert_ne!(sleeps, 0);
    assert!(wakes > 0 && wakes < 2 * runs, "{wakes} calls in {runs} runs: none was spared");
}

#[test]
fn both_vcpus_are_woken() {
    let [_, sleeps, _] = machine(ControlArea::for_calls, [2, 0, 1], |bell| bell.raise(Event::Virq));
    assert_ne!(sleeps, 0);
}

#[test]
fn the_end_is_not_slept_through() {
    let [_, sleeps, _] = machine(ControlArea::for_calls, [2, 0, 1], Bell::end);
    assert_ne!(sleeps, 0);
}

#[test]
#[should_panic(expected = "deadlock")]
fn events_without_fences_are_slept_through() {
    machine(|calls| Unfenced(ControlArea::for_calls(calls)), [1, 2, 2], |_| {});
}

/// Known to be wrong: whoever is waking somebody else may disarm the bell and move the epoch in between,
/// for an event that was seen already. The next event then finds it unarmed.
#[test]
#[should_panic(expected = "deadlock")]
fn who_reads_the_epoch_after_arming_sleeps_on() {
    check(|| {
        let bell = Arc::new((ControlArea::for_calls(0), AtomicU32::new(0), Futex::new()));
        let raisers = [0; 2].map(|_| {
            let bell = bell.clone();
            thread::spawn(move || {
                let (ram, armed, epoch) = &*bell;
                let _ = wake::raise(ram, Event::Virq);
                if armed.swap(0, Ordering::Relaxed) == 1 {
                    epoch.word.fetch_add(1, Ordering::Release);
                    epoch.wake();
                }
            })
        });
        let (ram, armed, epoch) = &*bell;
        loop {
            let seen = ram.load(SEQUENCE, Ordering::Acquire);
            if ram.load(VIRQS, Ordering::Relaxed) == 2 {
                break;
            }
            armed.store(1, Ordering::Relaxed);
            ram.fence();
            let epochs = epoch.word.load(Ordering::Acquire);
            if ram.load(SEQUENCE, Ordering::Acquire) == seen {
                epoch.wait(epochs, &Tally::default());
            }
        }
        raisers.into_iter().for_each(|raiser| raiser.join().unwrap());
    });
}
