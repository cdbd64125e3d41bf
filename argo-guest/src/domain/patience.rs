//! How long a caller waits for an event.

use alloc::sync::Arc;
use core::future::Future;
use core::time::Duration;

use super::{Inner, race};

/// Until when an operation waits: only for messages and for room, never for the answer to a call,
/// so that what timed out was certainly not sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// On the platform's clock.
    deadline: Option<Duration>,
    after: Duration,
}

/// The time is over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimedOut {
    /// The time that was waited.
    pub(crate) after: Duration,
}

impl Patience {
    /// For ever.
    pub(crate) const ENDLESS: Self = Self { deadline: None, after: Duration::MAX };

    /// That long from now on; for ever if the clock does not reach so far.
    pub(crate) fn new(inner: &Inner, timeout: Duration) -> Self {
        Self { deadline: inner.platform.now().checked_add(timeout), after: timeout }
    }

    /// Waits for the event, or until the deadline.
    pub(crate) async fn wait(
        self,
        inner: &Arc<Inner>,
        event: impl Future<Output = ()>,
    ) -> Result<(), TimedOut> {
        let Some(deadline) = self.deadline else {
            event.await;
            return Ok(());
        };
        let outcome = race(event, inner.timer(deadline)).await;
        // Timers end with the session, too: whoever tries again learns that.
        if outcome.is_some() || inner.is_gone() {
            return Ok(());
        }
        Err(TimedOut { after: self.after })
    }
}
