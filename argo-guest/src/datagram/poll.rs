//! Polls, and datagrams as a sink and a stream of futures.

use alloc::boxed::Box;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::{Sink, Stream};

use super::{Datagram, RecvError, SendError};
use crate::address::Address;
use crate::domain::Patience;
use crate::stream::NotNow;

/// What a poll that sends leaves behind when there is no room.
pub(super) type WaitForRoom = Pin<Box<dyn Future<Output = Result<(), SendError>> + Send>>;

impl NotNow for RecvError {
    fn is_not_now(&self) -> bool {
        *self == Self::WouldBlock
    }
}

impl Datagram {
    /// [`readable`](Self::readable) as a poll. Of several tasks that poll, the one that did so last
    /// is woken.
    pub fn poll_recv_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), RecvError>> {
        self.poll(context, || self.try_receive().map(super::Received::keep))
    }

    /// [`recv_from`](Self::recv_from) as a poll. Of several tasks that poll, the one that did so
    /// last is woken.
    pub fn poll_recv_from(
        &self,
        context: &mut Context<'_>,
        out: &mut [u8],
    ) -> Poll<Result<(usize, Address), RecvError>> {
        self.poll(context, || self.try_recv_from(out))
    }

    /// [`peek_from`](Self::peek_from) as a poll. Of several tasks that poll, the one that did so
    /// last is woken.
    pub fn poll_peek_from(
        &self,
        context: &mut Context<'_>,
        out: &mut [u8],
    ) -> Poll<Result<(usize, Address), RecvError>> {
        self.poll(context, || Ok(self.try_receive()?.look(out)))
    }

    /// [`send_to`](Self::send_to) as a poll: [`try_send_to`](Self::try_send_to), and a wait for room
    /// where there is none. Of several tasks that poll, the one that did so last is woken.
    pub fn poll_send_to(
        &self,
        context: &mut Context<'_>,
        message: &[u8],
        to: Address,
    ) -> Poll<Result<usize, SendError>> {
        let mut room = self.room.lock();
        loop {
            if let Some(wait) = &mut *room {
                let waited = ready!(wait.as_mut().poll(context));
                *room = None;
                waited?;
            }
            let inner = self.domain.inner().clone();
            let mark = inner.mark_space();
            match self.try_send_to(message, to) {
                Err(refusal @ (SendError::WouldBlock { .. } | SendError::Busy { .. })) => {
                    *room = Some(Box::pin(async move {
                        let wait = inner.wait_for_room(refusal, mark, Patience::ENDLESS);
                        inner.driven(wait).await
                    }));
                }
                answer => return Poll::Ready(answer),
            }
        }
    }

    fn poll<T>(
        &self,
        context: &mut Context<'_>,
        attempt: impl FnMut() -> Result<T, RecvError>,
    ) -> Poll<Result<T, RecvError>> {
        let inner = self.domain.inner();
        self.waiter.lock().poll(context, inner, self.ring.readable(), attempt)
    }
}

/// A message is sent when the sink is polled for the next, or flushed.
impl Sink<(Bytes, Address)> for Datagram {
    type Error = SendError;

    fn poll_ready(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), SendError>> {
        if let Some((message, to)) = &self.pending {
            let sent = ready!(self.poll_send_to(context, message, *to));
            self.pending = None;
            sent?;
        }
        Poll::Ready(Ok(()))
    }

    fn start_send(mut self: Pin<&mut Self>, message: (Bytes, Address)) -> Result<(), SendError> {
        self.pending = Some(message);
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.poll_ready(context)
    }

    fn poll_close(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.poll_ready(context)
    }
}

/// Whole messages and who sent them. After an error it ends.
impl Stream for Datagram {
    type Item = Result<(Bytes, Address), RecvError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.failed {
            return Poll::Ready(None);
        }
        let received = ready!(self.poll(context, || {
            let message = self.try_receive()?;
            Ok((message.to_bytes(), message.source()))
        }));
        self.failed = received.is_err();
        Poll::Ready(Some(received))
    }
}
