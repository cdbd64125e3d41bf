//! Messages as a sink and a stream of futures.

use core::pin::Pin;
use core::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::{Sink, Stream};

use super::socket::Seqpacket;
use crate::io;
use crate::stream::error::StreamError;

impl Seqpacket {
    /// Sends the message that the sink has taken and the send buffer has not.
    fn poll_pending(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(message) = &self.pending else { return Poll::Ready(Ok(())) };
        let sent = ready!(self.writing.poll(context, || self.attempt(message)));
        self.pending = None;
        Poll::Ready(sent)
    }
}

/// Of several tasks that poll one socket, the one that polled last is woken. A message counts as
/// sent once the sink is flushed; until then a `send` beside it may overtake it.
impl Sink<Bytes> for Seqpacket {
    type Error = io::Error;

    fn poll_ready(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_pending(context))?;
        self.poll_write_ready(context)
    }

    fn start_send(mut self: Pin<&mut Self>, message: Bytes) -> io::Result<()> {
        match self.attempt(&message) {
            // Another sender was faster.
            Err(StreamError::WouldBlock) => self.pending = Some(message),
            answer => answer?,
        }
        Ok(())
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_pending(context))?;
        self.writing.poll(context, || self.writing.conn().try_flush())
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_pending(context))?;
        self.writing.conn().finish();
        self.writing.poll(context, || self.writing.conn().try_flush())
    }
}

/// Of several tasks that poll one socket, the one that polled last is woken. After an error it
/// ends.
impl Stream for Seqpacket {
    type Item = io::Result<Bytes>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Bytes>>> {
        if self.failed {
            return Poll::Ready(None);
        }
        let read = ready!(self.reading.poll(context, || self.reading.conn().try_read_message()));
        self.failed = read.is_err();
        Poll::Ready(read.transpose())
    }
}
