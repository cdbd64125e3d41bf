//! What waiting needs of a session, so that models can stand in for one.

use alloc::sync::Arc;
use core::future::Future;
use core::time::Duration;

use argo_core::platform::Platform;

use super::Inner;
use super::chores::Chores;
use super::drive::{self, Drive};
use super::driver::Background;
use super::events::Rest;
use super::timers::Timer;

/// A session as those see it who wait.
pub trait Session: Send + Sync + Sized + 'static {
    /// What carries it.
    fn platform(&self) -> &Arc<dyn Platform>;

    /// Who waits for the platform.
    fn drive(&self) -> &Drive;

    /// Its work that nobody waits for.
    fn chores(&self) -> &Chores<Self>;

    /// Deals with what has come, and wakes whom it concerns.
    fn dispatch(&self) -> Rest;

    /// The hypervisor is gone: everybody who waits learns it.
    fn fail(&self);

    /// Ends the session from this side.
    #[cfg(feature = "std")]
    fn end(&self);

    /// Whether the session has ended.
    fn is_gone(&self) -> bool;
}

impl Session for Inner {
    fn platform(&self) -> &Arc<dyn Platform> {
        &self.platform
    }

    fn drive(&self) -> &Drive {
        &self.drive
    }

    fn chores(&self) -> &Chores<Self> {
        &self.chores
    }

    fn dispatch(&self) -> Rest {
        self.dispatch()
    }

    fn fail(&self) {
        self.fail();
    }

    #[cfg(feature = "std")]
    fn end(&self) {
        self.end();
    }

    fn is_gone(&self) -> bool {
        self.is_gone()
    }
}

impl Inner {
    /// See [`drive::block_on`].
    pub(crate) fn block_on<F: Future>(&self, future: F) -> F::Output {
        drive::block_on(self, future)
    }

    /// See [`drive::driven`].
    pub(crate) async fn driven<F: Future>(self: &Arc<Self>, future: F) -> F::Output {
        drive::driven(self, future).await
    }

    /// Ready at that time of the platform's clock.
    pub(crate) fn timer(self: &Arc<Self>, at: Duration) -> Timer<Self> {
        Timer::new(self, at)
    }

    /// While the guard lives, events and completions are dealt with even if nobody waits.
    pub(crate) fn background(self: &Arc<Self>) -> Background<Self> {
        Background::new(self)
    }
}
