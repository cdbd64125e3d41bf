//! How long a blocking caller waits for an event.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use event_listener::EventListener;

/// Until when an operation waits: only for messages and for room, never for the answer to a call,
/// so that what timed out was certainly not sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    deadline: Option<Instant>,
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
    pub(crate) fn new(timeout: Duration) -> Self {
        Self { deadline: Instant::now().checked_add(timeout), after: timeout }
    }

    pub(crate) fn deadline(self) -> Option<Instant> {
        self.deadline
    }

    /// Waits for the event. The clock is looked at when polled, and `block_on` polls at the
    /// deadline.
    pub(crate) async fn wait(self, mut event: EventListener) -> Result<(), TimedOut> {
        poll_fn(|context| {
            if Pin::new(&mut event).poll(context).is_ready() {
                return Poll::Ready(Ok(()));
            }
            match self.deadline {
                Some(deadline) if deadline <= Instant::now() => {
                    Poll::Ready(Err(TimedOut { after: self.after }))
                }
                _ => Poll::Pending,
            }
        })
        .await
    }
}
