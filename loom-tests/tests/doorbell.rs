//! The guest wakes argod: no submission is left lying, with one worker or with two.
#![cfg(argo_loom)]
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "models fail by panic")]

use std::sync::Arc;

use argo_core::host::queue::{GuestQueue, HostQueue};
use argo_core::host::turn::{Turn, TurnWord};
use argo_core::host::wake::{self, Signal};
use argo_core::host::words::Words;
use argo_core::platform::{Call, Link};
use loom::sync::{Mutex, Notify};
use loom::thread;
use loom_tests::{ControlArea, Tally, TurnState, Unfenced, check};

/// Calls that the guest submits, ringing after each if it must.
const CALLS: u32 = 2;

fn call(number: u32) -> Call {
    Call { cmd: number, args: [number.into(); 4], link: Link::None }
}

/// A session as argod has it, with argod's own [`Turn`].
struct Session<W> {
    words: W,
    queue: Mutex<HostQueue>,
    turn: Turn<TurnState>,
    /// The turn's, for the known-bad variant.
    state: TurnState,
    /// One doorbell a worker.
    bells: Vec<Notify>,
    order: RestOrder,
}

/// What comes first when a worker lets a session rest.
#[derive(Clone, Copy)]
enum RestOrder {
    /// Right: whoever is rung finds the session resting.
    StateThenBell,
    /// Known to be wrong.
    BellThenState,
}

impl<W: Words> Session<W> {
    /// A session at rest.
    fn new(words: W, workers: usize, order: RestOrder) -> Arc<Self> {
        assert!(wake::rest(&words, &[0]));
        let state = TurnState::resting();
        Arc::new(Self {
            words,
            queue: Mutex::new(HostQueue::new(0)),
            turn: Turn::new(state.clone()),
            state,
            bells: (0..workers).map(|_| Notify::new()).collect(),
            order,
        })
    }

    fn claim(&self) -> bool {
        self.turn.claim(&self.words)
    }

    fn rest(&self) -> bool {
        let taken = self.taken();
        match self.order {
            RestOrder::StateThenBell => self.turn.rest(&self.words, &[taken]),
            RestOrder::BellThenState => {
                let idle = wake::rest(&self.words, &[taken]);
                self.state.store(0);
                idle || !self.claim()
            }
        }
    }

    fn serve(&self) {
        let mut queue = self.queue.lock().unwrap();
        for _ in 0..queue.pending(&self.words).unwrap() {
            let number = queue.taken();
            let slot = queue.take(&self.words);
            assert_eq!((slot.call(), slot.tag), (Some(call(number)), number.into()));
        }
    }

    fn taken(&self) -> u32 {
        self.queue.lock().unwrap().taken()
    }

    /// A worker's thread, until all calls were served.
    fn work(&self, worker: usize, rings: &Tally) {
        while self.taken() < CALLS {
            self.bells[worker].wait();
            rings.note();
            if self.claim() {
                self.serve();
                while !self.rest() {
                    self.serve();
                }
            }
        }
        // The others may sleep for good reason: there is nothing left.
        self.bells.iter().for_each(Notify::notify);
    }

    /// The guest's thread; it moves from worker to worker.
    fn submit_all(&self) {
        let mut queue = GuestQueue::new(0);
        for number in 0..CALLS {
            assert!(queue.submit(&self.words, &call(number), number.into()));
            if wake::doorbell(&self.words) == Signal::Needed {
                self.bells[number as usize % self.bells.len()].notify();
            }
        }
    }
}

/// Runs a guest against that many workers; returns how often workers were woken.
fn run<W: Words + Send + Sync + 'static>(
    words: fn(u32) -> W,
    workers: usize,
    order: RestOrder,
) -> usize {
    let rings = Tally::default();
    let counted = rings.clone();
    check(move || {
        let session = Session::new(words(CALLS), workers, order);
        let threads: Vec<_> = (0..workers)
            .map(|worker| {
                let (session, rings) = (session.clone(), rings.clone());
                thread::spawn(move || session.work(worker, &rings))
            })
            .collect();
        session.submit_all();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(session.taken(), CALLS);
    });
    counted.count()
}

#[test]
fn one_worker_leaves_no_call_lying() {
    assert_ne!(run(ControlArea::for_calls, 1, RestOrder::StateThenBell), 0);
}

#[test]
fn two_workers_leave_no_call_lying() {
    assert_ne!(run(ControlArea::for_calls, 2, RestOrder::StateThenBell), 0);
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_doorbell_without_fences_is_lost() {
    run(|calls| Unfenced(ControlArea::for_calls(calls)), 1, RestOrder::StateThenBell);
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_doorbell_armed_before_the_session_rests_is_lost() {
    run(ControlArea::for_calls, 2, RestOrder::BellThenState);
}
