//! Work of the session that no caller waits for: small futures that whoever deals with events
//! polls.
//!
//! Delivering what a stream has buffered, admitting a peer, taking leave: each is a future of a few
//! lines, polled by the leader (or any other thread that dispatches) when what it waits for has
//! come. While one is under way, the driver thread stands by.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::{Arc, Weak};
use alloc::task::Wake;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;

use event_listener::Event;

use super::driver::Background;
use super::events::Rest;
use super::session::Session;
use super::{Inner, Patience};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, Ordering};

/// Chores polled in one go before the leader looks at its own news.
const BUDGET: usize = 64;

/// The chores of a session.
pub struct Chores<S: Session> {
    state: Mutex<State<S>>,
    settled: Event,
}

struct State<S: Session> {
    /// Each at most once.
    ready: VecDeque<Arc<Chore<S>>>,
    /// Threads that will look at `ready` before they sleep.
    attending: usize,
    /// Chores not done whose end the session waits for when it ends.
    owed: usize,
}

/// How much a chore matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// It delivers what somebody has written: it is begun at once, as far as it gets, and the
    /// session's end waits for it. Whoever begins it holds no lock that it may want.
    Owed,
    /// It begins when the session next deals with events.
    Idle,
}

struct Chore<S: Session> {
    session: Weak<S>,
    work: Mutex<Option<Work<S>>>,
    queued: AtomicBool,
}

/// The future, and what goes with it when it is done.
struct Work<S: Session> {
    future: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// Taken when it first has to wait.
    standby: Option<Background<S>>,
    urgency: Urgency,
}

impl<S: Session> Default for Chores<S> {
    fn default() -> Self {
        let state = State { ready: VecDeque::new(), attending: 0, owed: 0 };
        Self { state: Mutex::new(state), settled: Event::new() }
    }
}

impl<S: Session> Chores<S> {
    /// Begins a chore of the session. The callers bound how many there are: two a stream, one a
    /// listener's peer, three a session.
    pub fn begin(
        session: &Arc<S>,
        urgency: Urgency,
        future: impl Future<Output = ()> + Send + 'static,
    ) {
        if urgency == Urgency::Owed {
            session.chores().state.lock().owed += 1;
        }
        let work = Work { future: Box::pin(future), standby: None, urgency };
        let chore = Arc::new(Chore {
            session: Arc::downgrade(session),
            work: Mutex::new(Some(work)),
            queued: AtomicBool::new(false),
        });
        match urgency {
            Urgency::Owed => chore.poll(),
            Urgency::Idle => chore.wake(),
        }
    }

    /// From here on, chores that become ready need no wake-up: [`run`](Self::run) follows.
    pub fn attend(&self) {
        self.state.lock().attending += 1;
    }

    /// Polls the ready ones, a budget of them; whether some may be left.
    pub fn run(&self) -> Rest {
        for _ in 0..BUDGET {
            match self.next() {
                Some(chore) => chore.poll(),
                None => return Rest::Nothing,
            }
        }
        self.state.lock().attending -= 1;
        Rest::More
    }

    /// The next ready one. `None`: there is none, and this thread attends no more.
    fn next(&self) -> Option<Arc<Chore<S>>> {
        let mut state = self.state.lock();
        let next = state.ready.pop_front();
        if next.is_none() {
            state.attending -= 1;
        }
        next
    }

    fn is_settled(&self) -> bool {
        self.state.lock().owed == 0
    }

    fn done(&self, urgency: Urgency) {
        if urgency == Urgency::Idle {
            return;
        }
        let mut state = self.state.lock();
        state.owed -= 1;
        let settled = state.owed == 0;
        drop(state);
        if settled {
            self.settled.notify(usize::MAX);
        }
    }
}

impl<S: Session> Chore<S> {
    fn poll(self: Arc<Self>) {
        loop {
            // Whoever polls it now looks at `queued` when it has done.
            let Some(mut place) = self.work.try_lock() else { return };
            // Cleared before the poll: what happens during it queues the chore again.
            self.queued.store(false, Ordering::SeqCst);
            let (Some(work), Some(session)) = (place.as_mut(), self.session.upgrade()) else {
                return;
            };
            let waker = Waker::from(self.clone());
            if work.future.as_mut().poll(&mut Context::from_waker(&waker)) == Poll::Ready(()) {
                let urgency = work.urgency;
                let done = place.take();
                drop((place, done));
                return session.chores().done(urgency);
            }
            if work.urgency == Urgency::Owed && work.standby.is_none() {
                work.standby = Some(Background::new(&session));
            }
            drop(place);
            if !self.queued.load(Ordering::SeqCst) {
                return;
            }
        }
    }
}

impl<S: Session> Wake for Chore<S> {
    fn wake(self: Arc<Self>) {
        let Some(session) = self.session.upgrade() else { return };
        if self.queued.swap(true, Ordering::SeqCst) {
            return;
        }
        let mut state = session.chores().state.lock();
        state.ready.push_back(self);
        let attended = state.attending > 0;
        drop(state);
        if !attended {
            session.platform().wake();
        }
    }
}

impl Inner {
    /// See [`Chores::begin`].
    pub(crate) fn begin_chore(
        self: &Arc<Self>,
        urgency: Urgency,
        future: impl Future<Output = ()> + Send + 'static,
    ) {
        Chores::begin(self, urgency, future);
    }

    /// Polls the ready chores until none is left, for the last time.
    pub(super) fn finish_chores(&self) {
        loop {
            self.chores.attend();
            if self.chores.run() == Rest::Nothing {
                return;
            }
        }
    }

    /// Waits until no chore is owed any more, at most that long.
    pub(super) fn settle(self: &Arc<Self>, at_most: Duration) {
        if self.chores.is_settled() {
            return;
        }
        self.hurry_farewells();
        let patience = Patience::new(self, at_most);
        // Late is late: what is still owed then is lost.
        let _ = self.block_on(patience.wait(self, self.settled()));
    }

    async fn settled(&self) {
        loop {
            let settled = self.chores.settled.listen();
            if self.chores.is_settled() || self.is_gone() {
                return;
            }
            settled.await;
        }
    }
}
