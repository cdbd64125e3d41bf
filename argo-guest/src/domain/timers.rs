//! Futures that are ready at a time of the platform's clock.
//!
//! Whoever leads wakes them: its wait for the platform ends at the earliest of them.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};
use core::time::Duration;

use argo_core::platform::Platform;

use super::session::Session;
use crate::sync::{Mutex, model_failed};

/// The timers of a session that are waited for: one entry for each, while it lives.
#[derive(Default)]
pub(super) struct Timers {
    table: Mutex<Table>,
}

/// When, and which of those at the same time.
type Key = (Duration, u64);

#[derive(Default)]
struct Table {
    entries: BTreeMap<Key, Waker>,
    next_id: u64,
    /// Until when the leader waits, while it does.
    armed: Option<Duration>,
}

impl Timers {
    /// Wakes those whose time has come.
    pub(super) fn fire(&self, platform: &dyn Platform) {
        let mut now = None;
        while let Some(waker) = self.table.lock().take_due(&mut || now_once(&mut now, platform)) {
            waker.wake();
        }
    }

    /// How long the leader may wait, from now on. A timer for an earlier time ends its wait.
    pub(super) fn arm(&self, platform: &dyn Platform) -> Option<Duration> {
        self.arm_until().map(|at| at.saturating_sub(platform.now()))
    }

    /// The same as a time of the platform's clock.
    pub(super) fn arm_until(&self) -> Option<Duration> {
        let mut table = self.table.lock();
        let first = table.entries.keys().next().map(|&(at, _)| at);
        table.armed = Some(first.unwrap_or(Duration::MAX));
        first
    }

    /// The session has ended, and no time will come any more: wakes all.
    pub(super) fn end(&self) {
        let entries = core::mem::take(&mut self.table.lock().entries);
        entries.into_values().for_each(Waker::wake);
    }

    pub(super) fn disarm(&self) {
        self.table.lock().armed = None;
    }
}

/// The clock is looked at once, and only if there is a timer.
fn now_once(now: &mut Option<Duration>, platform: &dyn Platform) -> Duration {
    *now.get_or_insert_with(|| platform.now())
}

impl Table {
    fn take_due(&mut self, now: &mut dyn FnMut() -> Duration) -> Option<Waker> {
        let first = self.entries.first_entry()?;
        (first.key().0 <= now()).then(|| first.remove())
    }

    fn add(&mut self, at: Duration, waker: &Waker) -> Key {
        let key = (at, self.next_id);
        self.next_id = self.next_id.wrapping_add(1);
        self.entries.insert(key, waker.clone());
        key
    }

    /// Whether the leader waits too long for a timer at that time.
    fn leader_oversleeps(&self, at: Duration) -> bool {
        self.armed.is_some_and(|until| at < until)
    }
}

/// Ready once the platform's clock shows `at`, or the session has ended, if somebody waits for the platform meanwhile: poll
/// it inside of [`block_on`](super::drive::block_on) or [`driven`](super::drive::driven), or under
/// a [background guard](super::driver::Background).
pub struct Timer<S: Session> {
    session: Arc<S>,
    at: Duration,
    entry: Option<Key>,
}

impl<S: Session> Timer<S> {
    /// A timer that is not in the table yet.
    pub fn new(session: &Arc<S>, at: Duration) -> Self {
        Self { session: session.clone(), at, entry: None }
    }

    /// Sees to it that this waker is woken.
    fn enter(&mut self, waker: &Waker) {
        let mut table = self.session.drive().timers.table.lock();
        if let Some(old) = self.entry.and_then(|key| table.entries.get_mut(&key)) {
            old.clone_from(waker);
            return;
        }
        self.entry = Some(table.add(self.at, waker));
        let oversleeps = table.leader_oversleeps(self.at);
        drop(table);
        if oversleeps {
            self.session.platform().wake();
        }
    }
}

impl<S: Session> Future for Timer<S> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.at <= self.session.platform().now() {
            return Poll::Ready(());
        }
        self.enter(context.waker());
        // Asked after the waker was left, so that the end cannot be missed.
        if self.session.is_gone() { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl<S: Session> Drop for Timer<S> {
    fn drop(&mut self) {
        if let Some(key) = self.entry
            && !model_failed()
        {
            self.session.drive().timers.table.lock().entries.remove(&key);
        }
    }
}

/// Waits for the event or for the timer; `None`: the timer was first.
pub(crate) async fn race<S: Session, T>(
    event: impl Future<Output = T>,
    timer: Timer<S>,
) -> Option<T> {
    let (mut event, mut timer) = (pin!(event), pin!(timer));
    poll_fn(|context| match event.as_mut().poll(context) {
        Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
        Poll::Pending => timer.as_mut().poll(context).map(|()| None),
    })
    .await
}
