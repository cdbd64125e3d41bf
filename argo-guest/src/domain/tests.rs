//! Waiting on a platform whose clock runs only while somebody waits, and which shows who does.
#![allow(clippy::unwrap_used, reason = "tests fail by panic")]

use std::future::{Future, pending, ready};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Context;
use std::thread::{self, ThreadId};
use std::time::Duration;

use argo_core::platform::{Call, EventCounts, Gone, Platform, Submission, Tag};
use argo_core::{DomainId, GuestAddr};
use argo_mem::{HeapRam, Memory, View};
use event_listener::Listener;
use futures::executor;
use futures::task::noop_waker_ref;
use parking_lot::{Condvar, Mutex};

use super::{Domain, Inner, Patience};

const HOUR: Duration = Duration::from_secs(3600);

#[derive(Clone)]
struct Bench(Arc<Shared>);

struct Shared {
    ram: HeapRam,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Clone, Copy, Default)]
struct State {
    now: Duration,
    sequence: u32,
    virq: u32,
    woken: bool,
    closed: bool,
    waits: usize,
    waiter: Option<ThreadId>,
}

impl Bench {
    fn new() -> (Self, Domain) {
        let bench = Self::unused();
        (bench.clone(), Domain::new(bench))
    }

    fn unused() -> Self {
        let (state, changed) = Default::default();
        Self(Arc::new(Shared { ram: HeapRam::zeroed(1 << 16), state, changed }))
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.state.lock());
        self.0.changed.notify_all();
    }

    fn raise(&self) {
        self.change(|state| {
            state.virq += 1;
            state.sequence += 1;
        });
    }

    fn state(&self) -> State {
        *self.0.state.lock()
    }

    /// Waits until this holds.
    fn until(&self, holds: impl Fn(State) -> bool) {
        let mut state = self.0.state.lock();
        self.0.changed.wait_while(&mut state, |state| !holds(*state));
    }
}

impl Platform for Bench {
    fn domain(&self) -> DomainId {
        DomainId::new(1).unwrap()
    }

    fn ram(&self) -> View<'_> {
        self.0.ram.view()
    }

    fn handle(&self, offset: usize) -> GuestAddr {
        GuestAddr(offset as u64)
    }

    fn submit(&self, _: &Call, _: Tag) -> Result<Submission, Gone> {
        Ok(Submission::Done(0))
    }

    fn flush(&self) -> Result<(), Gone> {
        if self.state().closed { Err(Gone) } else { Ok(()) }
    }

    fn reap(&self, _: &mut dyn FnMut(Tag, i64)) {}

    fn events(&self) -> EventCounts {
        EventCounts {
            virq: self.state().virq,
            wait_lost: 0,
            space_wanted: Some(0),
            peers_gone: Some(0),
            rings_cut: Some(0),
        }
    }

    fn sequence(&self) -> u32 {
        self.state().sequence
    }

    /// Time passes at once, unless there is news.
    fn wait(&self, seen: u32, timeout: Option<Duration>) -> Result<(), Gone> {
        let mut state = self.0.state.lock();
        assert_eq!(state.waiter, None, "one thread at a time");
        state.waits += 1;
        state.waiter = Some(thread::current().id());
        self.0.changed.notify_all();
        let quiet = |state: &mut State| state.sequence == seen && !state.woken && !state.closed;
        match timeout {
            Some(timeout) if quiet(&mut state) => state.now += timeout,
            _ => self.0.changed.wait_while(&mut state, quiet),
        }
        state.woken = false;
        state.waiter = None;
        self.0.changed.notify_all();
        if state.closed { Err(Gone) } else { Ok(()) }
    }

    fn now(&self) -> Duration {
        self.state().now
    }

    fn wake(&self) {
        self.change(|state| state.woken = true);
    }

    fn close(&self) {
        self.change(|state| state.closed = true);
    }
}

fn followers(inner: &Inner) -> usize {
    inner.drive.lead.lock().followers.len()
}

#[test]
fn timeouts_are_of_the_platforms_clock() {
    let (bench, domain) = Bench::new();
    let inner = domain.inner();
    let hour = Patience::new(inner, HOUR);
    let in_vain = executor::block_on(inner.driven(hour.wait(inner, pending())));
    assert_eq!(in_vain.unwrap_err().after, HOUR);
    assert_eq!(bench.now(), HOUR);
    let in_vain = inner.block_on(Patience::new(inner, HOUR).wait(inner, pending()));
    assert_eq!(in_vain.unwrap_err().after, HOUR);
    assert_eq!(bench.now(), 2 * HOUR);
}

#[test]
fn an_event_is_not_outrun_by_a_later_deadline() {
    let (bench, domain) = Bench::new();
    let inner = domain.inner();
    let event = inner.timer(HOUR);
    let waited = inner.block_on(Patience::new(inner, 2 * HOUR).wait(inner, event));
    assert!(waited.is_ok());
    assert_eq!(bench.now(), HOUR);
}

#[test]
fn a_followers_timer_ends_a_longer_wait_of_the_leader() {
    let (bench, domain) = Bench::new();
    let inner = domain.inner();
    let news = event_listener::Event::new();
    thread::scope(|scope| {
        let listener = news.listen();
        scope.spawn(move || inner.block_on(listener));
        bench.until(|state| state.waiter.is_some());
        inner.block_on(inner.timer(HOUR));
        assert_eq!(bench.now(), HOUR);
        news.notify(1);
    });
}

#[test]
fn background_work_proceeds_while_nobody_waits() {
    let (bench, domain) = Bench::new();
    let inner = domain.inner();
    let _guard = inner.background();
    for _ in 0..3 {
        let space = inner.listen_for_space(inner.mark_space()).unwrap();
        bench.raise();
        // This thread does not wait for the platform.
        space.wait();
    }
    executor::block_on(inner.timer(HOUR));
    assert!(bench.now() >= HOUR);
}

#[test]
fn background_work_leaves_the_lead_to_a_blocking_caller() {
    let (bench, domain) = Bench::new();
    let inner = domain.inner();
    let _guard = inner.background();
    bench.until(|state| state.waiter.is_some());
    let driver = bench.state().waiter;
    let news = event_listener::Event::new();
    thread::scope(|scope| {
        let listener = news.listen();
        let caller = scope.spawn(move || inner.block_on(listener));
        while followers(inner) == 0 {
            thread::yield_now();
        }
        assert_eq!(bench.state().waiter, driver);
        bench.raise();
        let caller = caller.thread().id();
        bench.until(|state| state.waiter == Some(caller));
        news.notify(1);
    });
    bench.until(|state| state.waiter == driver);
}

#[test]
fn nobody_waits_for_the_platform_without_a_reason() {
    let (bench, domain) = Bench::new();
    let inner = domain.inner();
    assert!(!inner.drive.lead.lock().led);
    drop(inner.background());
    executor::block_on(inner.driven(inner.timer(HOUR)));
    // The driver thread has had its last reason; at the next event at the latest it rests.
    bench.raise();
    bench.until(|state| state.waiter.is_none());
    while inner.drive.lead.lock().led {
        thread::yield_now();
    }
    // A wake-up that came too late for the wait it was for would end the next one.
    bench.change(|state| state.woken = false);
    let before = bench.state().waits;
    inner.block_on(inner.timer(2 * HOUR));
    assert_eq!(bench.state().waits, before + 1);
    bench.raise();
    assert_eq!(inner.space_turns.load(Ordering::SeqCst), 1, "the last event is still to be seen");
}

#[test]
fn a_future_is_run_for_so_long_and_no_longer() {
    let bench = Bench::unused();
    let (domain, _driver) = Domain::without_thread(bench.clone(), 1);
    assert_eq!(domain.block_on_for(HOUR, pending::<()>()), None);
    assert_eq!(bench.now(), HOUR);
    assert_eq!(domain.block_on_for(HOUR, ready(7)), Some(7));
    assert_eq!(bench.now(), HOUR);
    domain.close();
    assert_eq!(domain.block_on_for(HOUR, pending::<()>()), None);
    assert_eq!(bench.now(), HOUR);
}

#[test]
fn a_loop_of_ones_own_does_without_a_thread() {
    let bench = Bench::unused();
    let (domain, mut driver) = Domain::without_thread(bench.clone(), 1);
    let inner = domain.inner().clone();
    let mut sleep = pin!(inner.driven(inner.timer(HOUR)));
    let mut context = Context::from_waker(noop_waker_ref());

    assert_eq!(driver.turn(), Ok(None));
    assert!(sleep.as_mut().poll(&mut context).is_pending());
    assert!(bench.state().woken, "the last turn did not know of this timer");
    assert_eq!(driver.turn(), Ok(Some(HOUR)));
    bench.change(|state| state.now = HOUR);
    assert_eq!(driver.turn(), Ok(None));
    assert!(sleep.poll(&mut context).is_ready());

    assert_eq!(bench.state().waits, 0, "no thread waits for the platform");
    bench.change(|state| state.closed = true);
    assert_eq!(driver.turn(), Err(Gone));
    assert!(domain.is_gone());
}
