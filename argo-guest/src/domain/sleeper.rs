//! A thread that waits for news: as a follower parked, as the leader in the platform's wait.

use alloc::sync::Arc;
use alloc::task::Wake;

use argo_core::platform::Platform;

use crate::sync::Parker;
use crate::sync::atomic::{AtomicU8, Ordering};

const NO_NEWS: u8 = 0;
const NEWS: u8 = 1;
const LEADS: u8 = 2;
const ELECTED: u8 = 3;

/// This thread, as those see it who have news for it.
pub(super) struct Sleeper {
    state: AtomicU8,
    parker: Parker,
    platform: Arc<dyn Platform>,
}

impl Sleeper {
    /// The calling thread, which alone may sleep by it.
    pub(super) fn new(platform: Arc<dyn Platform>) -> Self {
        Self { state: AtomicU8::new(NO_NEWS), parker: Parker::new(), platform }
    }

    /// Forgets the news: whatever it was about is looked at next.
    pub(super) fn clear(&self) {
        self.state.store(NO_NEWS, Ordering::SeqCst);
    }

    pub(super) fn has_news(&self) -> bool {
        self.state.load(Ordering::SeqCst) == NEWS
    }

    /// The lead is this thread's from now on.
    pub(super) fn elect(&self) {
        // News that came first stays: the elected looks at it before it leads.
        let _ = self.state.compare_exchange(NO_NEWS, ELECTED, Ordering::SeqCst, Ordering::SeqCst);
        self.parker.unpark();
    }

    /// Parks until there is news or an election.
    pub(super) fn sleep(&self) {
        while self.state.load(Ordering::SeqCst) == NO_NEWS {
            self.parker.park();
        }
    }

    /// About to wait for the platform; `false`: there is news.
    pub(super) fn begin_wait(&self) -> bool {
        let lead = |state| (state != NEWS).then_some(LEADS);
        self.state.fetch_update(Ordering::SeqCst, Ordering::SeqCst, lead).is_ok()
    }

    pub(super) fn end_wait(&self) {
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
            _ => self.parker.unpark(),
        }
    }
}
