//! Work of the session that no caller waits for: small futures that whoever deals with events
//! polls.
//!
//! Delivering what a stream has buffered, admitting a peer, taking leave: each is a future of a few
//! lines, polled by the leader (or any other thread that dispatches) when what it waits for has
//! come. While one is under way, the driver thread stands by.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use event_listener::Event;
use parking_lot::Mutex;

use super::driver::Background;
use super::events::Rest;
use super::{Inner, Patience};

/// Chores polled in one go before the leader looks at its own news.
const BUDGET: usize = 64;

#[derive(Default)]
pub(crate) struct Chores {
    state: Mutex<State>,
    settled: Event,
}

#[derive(Default)]
struct State {
    /// Each at most once.
    ready: VecDeque<Arc<Chore>>,
    /// Threads that will look at `ready` before they sleep.
    attending: usize,
    /// Chores not done whose end the session waits for when it ends.
    owed: usize,
}

/// How much a chore matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// It delivers what somebody has written: it is begun at once, as far as it gets, and the
    /// session's end waits for it. Whoever begins it holds no lock that it may want.
    Owed,
    /// It begins when the session next deals with events.
    Idle,
}

struct Chore {
    inner: Weak<Inner>,
    future: Mutex<Option<Work>>,
    queued: AtomicBool,
}

/// The future, and what goes with it when it is done.
struct Work {
    future: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// Taken when it first has to wait.
    standby: Option<Background<Inner>>,
    urgency: Urgency,
}

impl Inner {
    /// Begins a chore. The callers bound how many there are: two a stream, one a listener's peer,
    /// two a session.
    pub(crate) fn begin_chore(
        self: &Arc<Self>,
        urgency: Urgency,
        future: impl Future<Output = ()> + Send + 'static,
    ) {
        if urgency == Urgency::Owed {
            self.chores.state.lock().owed += 1;
        }
        let work = Work { future: Box::pin(future), standby: None, urgency };
        let chore = Chore {
            inner: Arc::downgrade(self),
            future: Mutex::new(Some(work)),
            queued: AtomicBool::new(false),
        };
        let chore = Arc::new(chore);
        match urgency {
            Urgency::Owed => chore.poll(self),
            Urgency::Idle => chore.wake(),
        }
    }

    /// From here on, chores that become ready need no wake-up: [`do_chores`](Self::do_chores)
    /// follows.
    pub(super) fn attend_chores(&self) {
        self.chores.state.lock().attending += 1;
    }

    /// Polls the ready ones, a budget of them; whether some are left.
    pub(super) fn do_chores(&self) -> Rest {
        for _ in 0..BUDGET {
            match self.chores.next() {
                Some(chore) => chore.poll(self),
                None => return Rest::Nothing,
            }
        }
        self.chores.state.lock().attending -= 1;
        Rest::More
    }

    /// Polls the ready ones until none is left, for the last time.
    pub(super) fn finish_chores(&self) {
        loop {
            self.attend_chores();
            if self.do_chores() == Rest::Nothing {
                return;
            }
        }
    }

    /// Waits until no chore is owed any more, at most that long.
    pub(super) fn settle(self: &Arc<Self>, at_most: Duration) {
        if self.chores.state.lock().owed == 0 {
            return;
        }
        let patience = Patience::new(self, at_most);
        // Late is late: what is still owed then is lost.
        let _ = self.block_on(patience.wait(self, self.settled()));
    }

    async fn settled(&self) {
        loop {
            let settled = self.chores.settled.listen();
            if self.chores.state.lock().owed == 0 || self.is_gone() {
                return;
            }
            settled.await;
        }
    }
}

impl Chores {
    /// The next ready one. `None`: there is none, and this thread attends no more.
    fn next(&self) -> Option<Arc<Chore>> {
        let mut state = self.state.lock();
        let next = state.ready.pop_front();
        if next.is_none() {
            state.attending -= 1;
        }
        next
    }

    fn done(&self, urgency: Urgency) {
        if urgency == Urgency::Idle {
            return;
        }
        let mut state = self.state.lock();
        state.owed -= 1;
        if state.owed == 0 {
            self.settled.notify(usize::MAX);
        }
    }
}

impl Chore {
    fn poll(self: Arc<Self>, inner: &Inner) {
        loop {
            // Whoever polls it now looks at `queued` when it has done.
            let Some(mut place) = self.future.try_lock() else { return };
            // Cleared before the poll: what happens during it queues the chore again.
            self.queued.store(false, Ordering::SeqCst);
            let Some(work) = place.as_mut() else { return };
            let waker = Waker::from(self.clone());
            if work.future.as_mut().poll(&mut Context::from_waker(&waker)) == Poll::Ready(()) {
                let urgency = work.urgency;
                let done = place.take();
                drop((place, done));
                return inner.chores.done(urgency);
            }
            if work.urgency == Urgency::Owed && work.standby.is_none() {
                work.standby = self.inner.upgrade().map(|inner| inner.background());
            }
            drop(place);
            if !self.queued.load(Ordering::SeqCst) {
                return;
            }
        }
    }
}

impl Wake for Chore {
    fn wake(self: Arc<Self>) {
        let Some(inner) = self.inner.upgrade() else { return };
        if self.queued.swap(true, Ordering::SeqCst) {
            return;
        }
        let mut state = inner.chores.state.lock();
        state.ready.push_back(self);
        let attended = state.attending > 0;
        drop(state);
        if !attended {
            inner.platform.wake();
        }
    }
}
