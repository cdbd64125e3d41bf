//! A session of the guest library whose platform is a model: one bit of news for each receiver.
#![allow(clippy::unwrap_used, reason = "models fail by panic")]

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use argo_core::platform::{Call, EventCounts, Gone, Platform, Submission, Tag};
use argo_core::{DomainId, GuestAddr};
use argo_guest::waiting::{Chores, Drive, Rest, Session};
use argo_mem::View;
use loom::sync::{Condvar, Mutex, MutexGuard, Notify};

use crate::Tally;

/// What is wrong with the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Nothing.
    None,
    /// `wake` reaches only a wait that is under way.
    WakeIsForgotten,
    /// `wait` sleeps although the sequence has moved since it was read.
    SeenIsIgnored,
    /// A dispatch does not say that it left work.
    RestIsForgotten,
}

/// Receivers in a model: each has a bit of news.
const RECEIVERS: usize = 2;

/// The session under test: the drive is the guest library's.
pub struct ModelSession {
    platform: Arc<dyn Platform>,
    wire: Arc<Wire>,
    drive: Drive,
    chores: Chores<Self>,
    inbox: Mutex<Inbox>,
    flaw: Flaw,
}

#[derive(Default)]
struct Inbox {
    received: u32,
    wakers: [Option<Waker>; RECEIVERS],
    gone: bool,
}

/// The platform. Its clock runs only while somebody waits: then the time is over at once.
struct Wire {
    state: Mutex<State>,
    changed: Condvar,
    flaw: Flaw,
    sleeps: Tally,
}

#[derive(Default)]
struct State {
    news: u32,
    sequence: u32,
    now: Duration,
    waiting: bool,
    woken: bool,
    closed: bool,
}

impl ModelSession {
    /// A session without news; `sleeps` counts the waits that had to sleep.
    pub fn new(flaw: Flaw, sleeps: &Tally) -> Arc<Self> {
        let (state, changed) = (Mutex::new(State::default()), Condvar::new());
        let wire = Arc::new(Wire { state, changed, flaw, sleeps: sleeps.clone() });
        let inbox = Mutex::new(Inbox::default());
        let (drive, chores) = (Drive::default(), Chores::default());
        Arc::new(Self { platform: wire.clone(), wire, drive, chores, inbox, flaw })
    }

    /// The hypervisor has news for these receivers.
    pub fn raise(&self, bits: u32) {
        let mut state = self.wire.state();
        state.news |= bits;
        state.sequence += 1;
        self.wire.changed.notify_all();
    }

    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap()
    }

    fn wake_all(&self) {
        let wakers = std::mem::take(&mut self.inbox().wakers);
        wakers.into_iter().flatten().for_each(Waker::wake);
    }
}

impl Session for ModelSession {
    fn platform(&self) -> &Arc<dyn Platform> {
        &self.platform
    }

    fn drive(&self) -> &Drive {
        &self.drive
    }

    fn chores(&self) -> &Chores<Self> {
        &self.chores
    }

    /// Deals with the news of one receiver, then with chores.
    fn dispatch(&self) -> Rest {
        self.chores.attend();
        let mut state = self.wire.state();
        let bit = state.news.trailing_zeros();
        state.news &= state.news.wrapping_sub(1);
        let rest = state.news;
        drop(state);
        if bit < u32::BITS {
            let mut inbox = self.inbox();
            inbox.received |= 1 << bit;
            let waker = inbox.wakers[bit as usize].take();
            drop(inbox);
            waker.into_iter().for_each(Waker::wake);
        }
        let left = if rest == 0 || self.flaw == Flaw::RestIsForgotten {
            Rest::Nothing
        } else {
            Rest::More
        };
        left.and(self.chores.run())
    }

    fn fail(&self) {
        self.inbox().gone = true;
        self.wake_all();
    }

    fn end(&self) {
        self.platform.close();
        self.fail();
        self.chores.attend();
        let _ = self.chores.run();
        self.drive.end();
    }

    fn is_gone(&self) -> bool {
        self.inbox().gone
    }
}

impl Wire {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl Platform for Wire {
    fn domain(&self) -> DomainId {
        unreachable!("of no concern to waiting")
    }

    fn ram(&self) -> View<'_> {
        unreachable!("of no concern to waiting")
    }

    fn handle(&self, _: usize) -> GuestAddr {
        unreachable!("of no concern to waiting")
    }

    fn submit(&self, _: &Call, _: Tag) -> Result<Submission, Gone> {
        unreachable!("of no concern to waiting")
    }

    fn flush(&self) -> Result<(), Gone> {
        unreachable!("of no concern to waiting")
    }

    fn reap(&self, _: &mut dyn FnMut(Tag, i64)) {}

    fn events(&self) -> EventCounts {
        EventCounts::default()
    }

    fn sequence(&self) -> u32 {
        self.state().sequence
    }

    fn wait(&self, seen: u32, timeout: Option<Duration>) -> Result<(), Gone> {
        let mut state = self.state();
        assert!(!state.waiting, "two threads wait");
        let seen = if self.flaw == Flaw::SeenIsIgnored { state.sequence } else { seen };
        state.waiting = true;
        while state.sequence == seen && !state.woken && !state.closed {
            if let Some(timeout) = timeout {
                state.now += timeout;
                break;
            }
            self.sleeps.note();
            state = self.changed.wait(state).unwrap();
        }
        (state.waiting, state.woken) = (false, false);
        if state.closed { Err(Gone) } else { Ok(()) }
    }

    fn now(&self) -> Duration {
        self.state().now
    }

    fn wake(&self) {
        let mut state = self.state();
        state.woken |= state.waiting || self.flaw != Flaw::WakeIsForgotten;
        self.changed.notify_all();
    }

    fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }
}

/// Ready when that receiver's news was dealt with.
pub struct Receive<'s>(pub &'s ModelSession, pub usize);

impl Future for Receive<'_> {
    type Output = Result<(), Gone>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self(session, receiver) = *self;
        let mut inbox = session.inbox();
        if inbox.received & 1 << receiver != 0 {
            return Poll::Ready(Ok(()));
        }
        if inbox.gone {
            return Poll::Ready(Err(Gone));
        }
        inbox.wakers[receiver] = Some(context.waker().clone());
        Poll::Pending
    }
}

struct Knock(Notify);

impl Wake for Knock {
    fn wake(self: Arc<Self>) {
        self.0.notify();
    }
}

/// An executor with one task, which knows nothing of the session.
pub fn run_task<F: Future>(task: F) -> F::Output {
    let knock = Arc::new(Knock(Notify::new()));
    let waker = Waker::from(knock.clone());
    let mut task = pin!(task);
    loop {
        if let Poll::Ready(output) = task.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        knock.0.wait();
    }
}

/// Something that one thread rings and a future hears.
#[derive(Default)]
pub struct Bell(Mutex<(bool, Option<Waker>)>);

impl Bell {
    /// Rings: whoever listens is woken.
    pub fn ring(&self) {
        let mut state = self.0.lock().unwrap();
        state.0 = true;
        let waker = state.1.take();
        drop(state);
        waker.into_iter().for_each(Waker::wake);
    }

    /// Waits until it was rung.
    pub async fn heard(&self) {
        std::future::poll_fn(|context| {
            let mut state = self.0.lock().unwrap();
            if state.0 {
                return Poll::Ready(());
            }
            state.1 = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}
