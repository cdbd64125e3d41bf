//! A second chance where no event will come.
//!
//! When too many domains wait for a ring already, the hypervisor does not queue our wait (EBUSY):
//! nobody will tell us of room. Senders then try again at the next event of the session, or after
//! a while. A thread for this alone keeps the time, since a platform's wait belongs to others; it
//! runs only while somebody needs it.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::Inner;

/// Between two tries of a sender whose wait was refused.
const RETRY_AFTER: Duration = Duration::from_millis(5);

#[derive(Debug, Default)]
pub(crate) struct Busy {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    senders: usize,
    running: bool,
    ended: bool,
}

impl Busy {
    pub(super) fn end(&self) {
        self.state.lock().ended = true;
        self.changed.notify_all();
    }

    /// Sleeps for one interval; `false` when nobody needs it any more.
    fn tick(&self) -> bool {
        let mut state = self.state.lock();
        if state.senders > 0 && !state.ended {
            self.changed.wait_for(&mut state, RETRY_AFTER);
        }
        state.running = state.senders > 0 && !state.ended;
        state.running
    }
}

/// A sender that needs a second chance, until it is dropped.
pub(crate) struct SecondChance {
    inner: Arc<Inner>,
}

impl SecondChance {
    pub(crate) fn new(inner: &Arc<Inner>) -> Self {
        let mut state = inner.busy.state.lock();
        state.senders += 1;
        let start = !std::mem::replace(&mut state.running, true);
        drop(state);
        if start {
            run(inner.clone());
        }
        Self { inner: inner.clone() }
    }
}

impl Drop for SecondChance {
    fn drop(&mut self) {
        self.inner.busy.state.lock().senders -= 1;
    }
}

fn run(inner: Arc<Inner>) {
    let of = inner.clone();
    let work = move || {
        while inner.busy.tick() {
            inner.wake_senders();
        }
    };
    if let Err(error) = std::thread::Builder::new().name("argo-retry".into()).spawn(work) {
        tracing::error!(%error, "no thread for retries: the session ends");
        of.end();
    }
}
