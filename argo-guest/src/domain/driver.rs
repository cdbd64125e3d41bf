//! When the driver thread waits for the platform, and for whom.
//!
//! While async tasks wait, it queues up for the lead like any blocking caller. While there is only
//! background work, it leads when nobody else has done so for a while ([`QUIET`]), then waits as
//! long as it takes, and hands the lead to the first blocking caller that follows it: one that
//! calls again and again leads for itself and does not meet the driver thread on its way. While
//! somebody else leads, it sleeps until told.
//!
//! Without any claim it dozes for a while before it sleeps: background work that comes and goes
//! with every burst of a busy caller finds it dozing, and does not pay for waking it.

use alloc::sync::Arc;
use core::time::Duration;

use super::drive::{Drive, Lead, Role, take_part};
use super::session::Session;
use super::sleeper::Sleeper;
use crate::sync::{MutexGuard, model_failed, thread};

/// Where the driver thread sleeps.
pub(super) type Bed = crate::sync::Condvar;

/// How long nobody has led before the driver thread leads for background work. Long against the
/// microseconds between two waits of a busy blocking caller, which would otherwise have to follow
/// with two switches of threads a wait; short against the times of protocols that run in the
/// background.
const QUIET: Duration = Duration::from_millis(1);

/// Who wants the driver thread, and what it does.
#[derive(Debug, Default)]
pub(super) struct Claims {
    /// Async tasks that wait.
    tasks: usize,
    /// Guards of background work.
    guards: usize,
    /// Counts the claims that were ever made.
    made: u64,
    /// The thread was started.
    started: bool,
    /// The thread sleeps until nobody leads.
    watches: bool,
    /// The thread sleeps until there is a claim.
    sleeps: bool,
    ended: bool,
}

impl Claims {
    /// Whether to tell the driver thread that nobody leads any more.
    pub(super) fn take_watch(&mut self) -> bool {
        core::mem::take(&mut self.watches)
    }

    /// Whether the driver thread has to be told of a claim: background work can wait until it
    /// looks by itself, if it will.
    fn is_told(&self) -> bool {
        self.tasks > 0 || self.sleeps
    }

    fn none(&self) -> bool {
        self.tasks == 0 && self.guards == 0
    }
}

impl Lead {
    /// Whether the driver thread, which leads, is to go on.
    fn keeps_driver(&self) -> bool {
        let Claims { tasks, guards, ended, .. } = self.claims;
        !ended && (tasks > 0 || guards > 0 && self.followers.is_empty())
    }
}

impl Drive {
    /// The driver thread is to end.
    pub fn end(&self) {
        self.lead.lock().claims.ended = true;
        self.driver_wanted.notify_one();
    }

    /// No driver thread is to be started.
    pub(super) fn is_driven_elsewhere(&self) {
        self.lead.lock().claims.started = true;
    }

    /// Sleeps until there is something to wait for; `None` when the session has ended.
    fn duty(&self, me: &Arc<Sleeper>) -> Option<Role> {
        let mut lead = self.lead.lock();
        loop {
            if lead.claims.ended {
                return None;
            }
            if lead.claims.tasks > 0 {
                return Some(lead.join(me));
            }
            if lead.claims.none() {
                self.doze(&mut lead);
            } else if lead.led {
                lead.claims.watches = true;
                self.driver_wanted.wait(&mut lead);
                lead.claims.watches = false;
            } else {
                let turns = lead.turns;
                self.driver_wanted.wait_for(&mut lead, QUIET);
                let quiet = !lead.led && lead.turns == turns;
                if quiet && lead.keeps_driver() {
                    return Some(lead.join(me));
                }
            }
        }
    }

    /// Sleeps until there is a claim, if none comes for a while.
    fn doze(&self, lead: &mut MutexGuard<'_, Lead>) {
        let made = lead.claims.made;
        self.driver_wanted.wait_for(lead, QUIET);
        if lead.claims.none() && lead.claims.made == made && !lead.claims.ended {
            lead.claims.sleeps = true;
            self.driver_wanted.wait(lead);
            lead.claims.sleeps = false;
        }
    }
}

/// Counts an async task that waits.
pub struct WaitingTask<S: Session> {
    session: Arc<S>,
}

impl<S: Session> WaitingTask<S> {
    /// A task begins to wait.
    pub fn new(session: &Arc<S>) -> Self {
        claim(session, |claims| claims.tasks += 1);
        Self { session: session.clone() }
    }
}

impl<S: Session> Drop for WaitingTask<S> {
    fn drop(&mut self) {
        disclaim(&*self.session, |claims| claims.tasks -= 1);
    }
}

/// Counts background work: while it lives, events and completions are dealt with even if nobody
/// waits for them.
pub struct Background<S: Session> {
    session: Arc<S>,
}

impl<S: Session> Background<S> {
    /// Begins background work.
    pub fn new(session: &Arc<S>) -> Self {
        claim(session, |claims| claims.guards += 1);
        Self { session: session.clone() }
    }
}

impl<S: Session> Drop for Background<S> {
    fn drop(&mut self) {
        disclaim(&*self.session, |claims| claims.guards -= 1);
    }
}

fn disclaim(session: &impl Session, remove: impl FnOnce(&mut Claims)) {
    if !model_failed() {
        remove(&mut session.drive().lead.lock().claims);
    }
}

/// Tells the driver thread of a claim; starts it for the first one.
fn claim<S: Session>(session: &Arc<S>, add: impl FnOnce(&mut Claims)) {
    let mut lead = session.drive().lead.lock();
    add(&mut lead.claims);
    lead.claims.made = lead.claims.made.wrapping_add(1);
    let start = !core::mem::replace(&mut lead.claims.started, true);
    let tell = lead.claims.is_told();
    drop(lead);
    if start {
        start_driver(session);
    } else if tell {
        session.drive().driver_wanted.notify_one();
    }
}

fn start_driver<S: Session>(session: &Arc<S>) {
    let its = session.clone();
    let work = move || run(&*its);
    if let Err(error) = thread::Builder::new().name("argo-driver".into()).spawn(work) {
        tracing::error!(%error, "no driver thread: the session ends");
        session.end();
    }
}

fn run<S: Session>(session: &S) {
    let drive = session.drive();
    let me = Arc::new(Sleeper::new(session.platform().clone()));
    while !session.is_gone() {
        me.clear();
        let Some(role) = drive.duty(&me) else { return };
        take_part(session, &me, role, &|| drive.lead.lock().keeps_driver());
    }
}
