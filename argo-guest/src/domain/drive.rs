//! Who waits for the platform.
//!
//! A platform lets one thread wait at a time. Whoever has to wait and finds nobody doing so leads:
//! it waits for the platform and tells everybody the news. The others sleep until their own news
//! comes, or until the leader has its own and elects one of them. Async tasks cannot lead; for
//! them one [driver thread](super::driver) queues up like any blocking caller, while at least one
//! of them waits.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use super::driver::{Bed, Claims, WaitingTask};
use super::events::Rest;
use super::session::Session;
use super::sleeper::Sleeper;
use super::timers::Timers;
use crate::sync::{Mutex, model_failed};

/// Who leads and who would.
#[derive(Default)]
pub struct Drive {
    pub(super) lead: Mutex<Lead>,
    /// Wakes the driver thread when it has nothing to wait for.
    pub(super) driver_wanted: Bed,
    pub(super) timers: Timers,
}

#[derive(Default)]
pub(super) struct Lead {
    pub(super) led: bool,
    /// Counts how often somebody began to lead.
    pub(super) turns: u64,
    pub(super) followers: VecDeque<Arc<Sleeper>>,
    pub(super) claims: Claims,
}

/// What somebody does who would wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Leader,
    Follower,
}

impl Lead {
    /// Takes the lead, or queues up for it.
    pub(super) fn join(&mut self, me: &Arc<Sleeper>) -> Role {
        if self.led {
            self.followers.push_back(me.clone());
            return Role::Follower;
        }
        self.led = true;
        self.turns = self.turns.wrapping_add(1);
        Role::Leader
    }
}

impl Drive {
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
            None => {
                lead.led = false;
                let tell = lead.claims.take_watch();
                drop(lead);
                if tell {
                    self.driver_wanted.notify_one();
                }
            }
        }
    }
}

/// Hands the lead on when dropped, so that a panicking waker takes nobody along.
struct Leading<'d>(&'d Drive);

impl Drop for Leading<'_> {
    fn drop(&mut self) {
        if !model_failed() {
            self.0.step_down();
        }
    }
}

/// Runs a future to its end on this thread, which leads when nobody else does.
pub fn block_on<S: Session, F: Future>(session: &S, future: F) -> F::Output {
    let me = Arc::new(Sleeper::new(session.platform().clone()));
    let waker = Waker::from(me.clone());
    let mut future = pin!(future);
    loop {
        me.clear();
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        let role = session.drive().lead.lock().join(&me);
        take_part(session, &me, role, &|| true);
    }
}

/// Runs a future of an async caller, with the driver thread at work while it waits.
pub async fn driven<S: Session, F: Future>(session: &Arc<S>, future: F) -> F::Output {
    let mut future = pin!(future);
    let mut waiting = None;
    poll_fn(|context| {
        let poll = future.as_mut().poll(context);
        if poll.is_pending() && waiting.is_none() {
            waiting = Some(WaitingTask::new(session));
        }
        poll
    })
    .await
}

/// Sleeps until `me` has news, or leads.
pub(super) fn take_part<S: Session>(
    session: &S,
    me: &Arc<Sleeper>,
    role: Role,
    wanted: &dyn Fn() -> bool,
) {
    let drive = session.drive();
    if role == Role::Follower {
        me.sleep();
        if !drive.was_elected(me) {
            return;
        }
    }
    let _leading = Leading(drive);
    lead(session, me, wanted);
}

fn lead<S: Session>(session: &S, me: &Sleeper, wanted: &dyn Fn() -> bool) {
    let platform = session.platform();
    let timers = &session.drive().timers;
    while wanted() && !me.has_news() {
        // Everything up to `seen` is dealt with before waiting for more.
        let seen = platform.sequence();
        let rest = session.dispatch();
        timers.fire(&**platform);
        if rest == Rest::More {
            continue;
        }
        if !me.begin_wait() {
            return;
        }
        let waited = platform.wait(seen, timers.arm(&**platform));
        timers.disarm();
        me.end_wait();
        if waited.is_err() {
            // Answers may have come just before the end.
            let _ = session.dispatch();
            session.fail();
            return;
        }
    }
}
