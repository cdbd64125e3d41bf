//! Trying until there is nothing to wait for: as a future, and as a poll.

use alloc::sync::Arc;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use event_listener::{Event, EventListener};

use super::error::StreamError;
use crate::domain::{Inner, Patience, TimedOut, WaitingTask};

/// An error that may mean "not now".
pub(crate) trait NotNow: From<TimedOut> {
    /// Whether it does.
    fn is_not_now(&self) -> bool;
}

impl NotNow for StreamError {
    fn is_not_now(&self) -> bool {
        *self == Self::WouldBlock
    }
}

/// Tries until the answer is not "not now", each time after the event.
pub(crate) async fn until<T, E: NotNow>(
    inner: &Arc<Inner>,
    event: &Event,
    patience: Patience,
    mut attempt: impl FnMut() -> Result<T, E>,
) -> Result<T, E> {
    loop {
        match attempt() {
            Err(error) if error.is_not_now() => {}
            answer => return answer,
        }
        let change = event.listen();
        // Once more after listening began: nothing is missed.
        match attempt() {
            Err(error) if error.is_not_now() => patience.wait(inner, change).await?,
            answer => return answer,
        }
    }
}

/// What a poll leaves behind when it has to wait.
#[derive(Default)]
pub(crate) struct Waiter {
    change: Option<EventListener>,
    task: Option<WaitingTask<Inner>>,
}

impl Waiter {
    /// As [`until`]. Of several tasks that poll through one waiter, the last is woken.
    pub(crate) fn poll<T, E: NotNow>(
        &mut self,
        context: &mut Context<'_>,
        inner: &Arc<Inner>,
        event: &Event,
        mut attempt: impl FnMut() -> Result<T, E>,
    ) -> Poll<Result<T, E>> {
        loop {
            match attempt() {
                Err(error) if error.is_not_now() => {}
                answer => {
                    *self = Self::default();
                    return Poll::Ready(answer);
                }
            }
            let Some(change) = &mut self.change else {
                self.change = Some(event.listen());
                continue;
            };
            if Pin::new(change).poll(context).is_pending() {
                self.task.get_or_insert_with(|| WaitingTask::new(inner));
                return Poll::Pending;
            }
            self.change = None;
        }
    }
}
