//! From "would block" to "pending".

use core::task::{Context, Poll, ready};

use crate::channel::{Half, Refusal, lost_if_blocked};
use crate::platform::{AsyncEventChannel, EventChannel, Platform, Waiter};

/// Events that one poll takes at most: a peer that signals without end must not keep the executor
/// from its other tasks.
const EVENTS: usize = 4;

/// Attempts until the answer is another than "would block", which has asked the peer for a signal.
///
/// Nothing is kept from one poll to the next: a future that is dropped leaves a waker behind and no
/// more.
pub(crate) fn poll<H, T, E>(
    half: &mut H,
    waiter: Waiter,
    context: &mut Context<'_>,
    mut attempt: impl FnMut(&mut H) -> Result<T, E>,
) -> Poll<Result<T, E>>
where
    H: Half<Platform: Platform<Channel: AsyncEventChannel>>,
    E: Refusal,
{
    for _ in 0..EVENTS {
        // Before the attempt: an event that comes after it makes the poll ready.
        let seen = half.link().channel().seen();
        match attempt(half) {
            Err(refusal) if refusal.would_block() => {}
            answer => return Poll::Ready(answer),
        }
        if let Err(fault) = ready!(half.link().channel().poll_event(waiter, seen, context)) {
            let answer = attempt(half);
            return Poll::Ready(answer.map_err(|refusal| lost_if_blocked(refusal, fault.cause)));
        }
    }
    context.waker().wake_by_ref();
    Poll::Pending
}
