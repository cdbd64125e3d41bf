//! A platform whose library can be waited for, and whose clock can be put forward.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use argo_core::platform::{Call, EventCounts, Gone, Platform, Submission, Tag};
use argo_core::{DomainId, GuestAddr};
use argo_hypervisor::inprocess::{AllowAll, LocalDomain};
use argo_mem::View;
use parking_lot::{Condvar, Mutex};

use super::raw::PATIENCE;

#[derive(Clone)]
pub struct Watched(Arc<Shared>);

struct Shared {
    platform: LocalDomain<AllowAll>,
    /// The sequence up to which whoever waits has dealt with everything.
    dealt_with: Mutex<Option<u32>>,
    waits: Condvar,
    /// By how much the clock was put forward, in milliseconds.
    ahead: AtomicU64,
}

impl Watched {
    pub fn new(platform: LocalDomain<AllowAll>) -> Self {
        let (dealt_with, waits, ahead) = Default::default();
        Self(Arc::new(Shared { platform, dealt_with, waits, ahead }))
    }

    /// Waits until the library has dealt with everything that has happened.
    ///
    /// # Panics
    /// It does not within [`PATIENCE`].
    pub fn settle(&self) {
        let mut dealt_with = self.0.dealt_with.lock();
        while *dealt_with != Some(self.0.platform.sequence()) {
            let waited = self.0.waits.wait_for(&mut dealt_with, PATIENCE);
            assert!(!waited.timed_out(), "the library does not come to rest");
        }
    }

    /// Puts the clock forward.
    pub fn advance(&self, by: Duration) {
        self.0.ahead.fetch_add(by.as_millis() as u64, Ordering::SeqCst);
        self.0.platform.wake();
    }

    fn set_dealt_with(&self, sequence: Option<u32>) {
        *self.0.dealt_with.lock() = sequence;
        self.0.waits.notify_all();
    }
}

impl Platform for Watched {
    fn domain(&self) -> DomainId {
        self.0.platform.domain()
    }

    fn ram(&self) -> View<'_> {
        self.0.platform.ram()
    }

    fn handle(&self, offset: usize) -> GuestAddr {
        self.0.platform.handle(offset)
    }

    fn submit(&self, call: &Call, tag: Tag) -> Result<Submission, Gone> {
        self.0.platform.submit(call, tag)
    }

    fn flush(&self) -> Result<(), Gone> {
        self.0.platform.flush()
    }

    fn reap(&self, completed: &mut dyn FnMut(Tag, i64)) {
        self.0.platform.reap(completed);
    }

    fn events(&self) -> EventCounts {
        self.0.platform.events()
    }

    fn sequence(&self) -> u32 {
        self.0.platform.sequence()
    }

    fn now(&self) -> Duration {
        self.0.platform.now() + Duration::from_millis(self.0.ahead.load(Ordering::SeqCst))
    }

    fn wait(&self, seen: u32, timeout: Option<Duration>) -> Result<(), Gone> {
        self.set_dealt_with(Some(seen));
        let waited = self.0.platform.wait(seen, timeout);
        self.set_dealt_with(None);
        waited
    }

    fn wake(&self) {
        self.0.platform.wake();
    }

    fn close(&self) {
        self.0.platform.close();
    }
}
