//! Who waits for the platform.
//!
//! A platform lets one thread wait at a time. Whoever has to wait and finds nobody doing so leads:
//! it waits for the platform and tells everybody the news. The others sleep until their own news
//! comes, or until the leader has its own and elects one of them. Async tasks cannot lead; for
//! them one driver thread queues up like any blocking caller, while at least one of them waits.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Instant;

use argo_core::platform::Platform;
use parking_lot::{Condvar, Mutex};

use super::Inner;

/// Who leads and who would.
#[derive(Default)]
pub(crate) struct Drive {
    lead: Mutex<Lead>,
    tasks: Mutex<Tasks>,
    task_came: Condvar,
}

#[derive(Default)]
struct Lead {
    led: bool,
    followers: VecDeque<Arc<Sleeper>>,
}

/// Async tasks that wait, and the driver thread that waits for them.
#[derive(Default)]
struct Tasks {
    waiting: usize,
    thread: bool,
    ended: bool,
}

impl Drive {
    /// The driver thread is to end.
    pub(super) fn end(&self) {
        self.tasks.lock().ended = true;
        self.task_came.notify_all();
    }

    fn tasks_wait(&self) -> bool {
        let tasks = self.tasks.lock();
        tasks.waiting > 0 && !tasks.ended
    }

    /// Sleeps until a task waits; `false` when the session has ended.
    fn until_a_task_waits(&self) -> bool {
        let mut tasks = self.tasks.lock();
        self.task_came.wait_while(&mut tasks, |tasks| tasks.waiting == 0 && !tasks.ended);
        !tasks.ended
    }

    /// Takes the lead (`true`), or queues up for it.
    fn lead_or_follow(&self, me: &Arc<Sleeper>) -> bool {
        let mut lead = self.lead.lock();
        if lead.led {
            lead.followers.push_back(me.clone());
            return false;
        }
        lead.led = true;
        true
    }

    /// Whether the lead was handed to `me`, which leaves the queue in any case.
    fn was_elected(&self, me: &Arc<Sleeper>) -> bool {
        let mut lead = self.lead.lock();
        let place = lead.followers.iter().position(|other| Arc::ptr_eq(other, me));
        match place {
            Some(place) => lead.followers.remove(place).is_none(),
            None => true,
        }
    }

    /// Hands the lead on, if anybody wants it.
    fn step_down(&self) {
        let mut lead = self.lead.lock();
        match lead.followers.pop_front() {
            // The lead stays taken: it is the other's now.
            Some(next) => next.elect(),
            None => lead.led = false,
        }
    }
}

/// Hands the lead on when dropped, so that a panicking waker takes nobody along.
struct Leading<'d>(&'d Drive);

impl Drop for Leading<'_> {
    fn drop(&mut self) {
        self.0.step_down();
    }
}

impl Inner {
    /// Runs a future to its end on this thread, which leads when nobody else does. The future is
    /// polled at its deadline, too, and ends itself if it can.
    pub(crate) fn block_on<F: Future>(
        &self,
        mut deadline: Option<Instant>,
        future: F,
    ) -> F::Output {
        let me = Arc::new(Sleeper::new(self.platform.clone()));
        let waker = Waker::from(me.clone());
        let mut future = pin!(future);
        loop {
            me.clear();
            let over = deadline.is_some_and(|deadline| deadline <= Instant::now());
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return output;
            }
            if over {
                deadline = None;
            }
            self.sleep(&me, deadline, &|| true);
        }
    }

    /// Runs a future of an async caller, with the driver thread at work while it waits.
    pub(crate) async fn driven<F: Future>(self: &Arc<Self>, future: F) -> F::Output {
        let mut future = pin!(future);
        let mut waiting = None;
        poll_fn(|context| {
            let poll = future.as_mut().poll(context);
            if poll.is_pending() && waiting.is_none() {
                waiting = Some(WaitingTask::new(self));
            }
            poll
        })
        .await
    }

    /// Sleeps until `me` has news or the time is over, leading if nobody does.
    fn sleep(&self, me: &Arc<Sleeper>, deadline: Option<Instant>, wanted: &dyn Fn() -> bool) {
        if !self.drive.lead_or_follow(me) {
            me.sleep_until(deadline);
            if !self.drive.was_elected(me) {
                return;
            }
        }
        let _leading = Leading(&self.drive);
        self.lead(me, deadline, wanted);
    }

    fn lead(&self, me: &Sleeper, deadline: Option<Instant>, wanted: &dyn Fn() -> bool) {
        while wanted() && !me.has_news() {
            // Everything up to `seen` is dealt with before waiting for more.
            let seen = self.platform.sequence();
            self.dispatch();
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) || !me.begin_wait() {
                return;
            }
            let waited = self.platform.wait(seen, left);
            me.end_wait();
            if waited.is_err() {
                // Answers may have come just before the end.
                self.dispatch();
                self.fail();
                return;
            }
        }
    }
}

/// Counts an async task that waits; starts the driver thread for the first one.
struct WaitingTask {
    inner: Arc<Inner>,
}

impl WaitingTask {
    fn new(inner: &Arc<Inner>) -> Self {
        let mut tasks = inner.drive.tasks.lock();
        tasks.waiting += 1;
        let start = !std::mem::replace(&mut tasks.thread, true);
        drop(tasks);
        inner.drive.task_came.notify_one();
        if start {
            start_driver(inner.clone());
        }
        Self { inner: inner.clone() }
    }
}

impl Drop for WaitingTask {
    fn drop(&mut self) {
        self.inner.drive.tasks.lock().waiting -= 1;
    }
}

fn start_driver(inner: Arc<Inner>) {
    let of = inner.clone();
    let work = move || {
        let me = Arc::new(Sleeper::new(inner.platform.clone()));
        while inner.drive.until_a_task_waits() && !inner.is_gone() {
            me.clear();
            inner.sleep(&me, None, &|| inner.drive.tasks_wait());
        }
    };
    if let Err(error) = std::thread::Builder::new().name("argo-driver".into()).spawn(work) {
        tracing::error!(%error, "no driver thread: the session ends");
        of.end();
    }
}

/// A thread that waits for news: as a follower parked, as the leader in the platform's wait.
pub(crate) struct Sleeper {
    state: AtomicU8,
    thread: Thread,
    platform: Arc<dyn Platform>,
}

const NO_NEWS: u8 = 0;
const NEWS: u8 = 1;
const LEADS: u8 = 2;
const ELECTED: u8 = 3;

impl Sleeper {
    fn new(platform: Arc<dyn Platform>) -> Self {
        Self { state: AtomicU8::new(NO_NEWS), thread: std::thread::current(), platform }
    }

    /// Forgets the news: whatever it was about is looked at next.
    fn clear(&self) {
        self.state.store(NO_NEWS, Ordering::SeqCst);
    }

    fn has_news(&self) -> bool {
        self.state.load(Ordering::SeqCst) == NEWS
    }

    fn elect(&self) {
        // News that came first stays: the elected looks at it before it leads.
        let _ = self.state.compare_exchange(NO_NEWS, ELECTED, Ordering::SeqCst, Ordering::SeqCst);
        self.thread.unpark();
    }

    /// Parks until there is news, an election, or the deadline.
    fn sleep_until(&self, deadline: Option<Instant>) {
        while self.state.load(Ordering::SeqCst) == NO_NEWS {
            let Some(deadline) = deadline else {
                std::thread::park();
                continue;
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            std::thread::park_timeout(left);
        }
    }

    /// About to wait for the platform; `false`: there is news.
    fn begin_wait(&self) -> bool {
        let lead = |state| (state != NEWS).then_some(LEADS);
        self.state.fetch_update(Ordering::SeqCst, Ordering::SeqCst, lead).is_ok()
    }

    fn end_wait(&self) {
        let _ = self.state.compare_exchange(LEADS, NO_NEWS, Ordering::SeqCst, Ordering::SeqCst);
    }
}

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        match self.state.swap(NEWS, Ordering::SeqCst) {
            LEADS => self.platform.wake(),
            _ => self.thread.unpark(),
        }
    }
}
