//! The I/O traits of futures.

use core::pin::Pin;
use core::task::{Context, Poll};
use std::io;

use futures::io::{AsyncRead, AsyncWrite};

use super::polls::poll;
use super::std_io::ended;
use crate::channel::{Channel, ReadHalf, WriteHalf};
use crate::platform::{AsyncEventChannel, Platform, Waiter};

type Polled<T> = Poll<io::Result<T>>;

impl<P: Platform<Channel: AsyncEventChannel>> ReadHalf<P> {
    pub(super) fn poll_bytes(
        &mut self,
        context: &mut Context<'_>,
        out: &mut [u8],
    ) -> Polled<usize> {
        poll(self, Waiter::Read, context, |half| half.try_read(out)).map(ended)
    }
}

impl<P: Platform<Channel: AsyncEventChannel>> WriteHalf<P> {
    pub(super) fn poll_bytes(&mut self, context: &mut Context<'_>, data: &[u8]) -> Polled<usize> {
        let written = poll(self, Waiter::Write, context, |half| half.try_write(data));
        written.map_err(io::Error::from)
    }
}

/// # Cancel safety
/// A read that is dropped has taken nothing.
impl<P: Platform<Channel: AsyncEventChannel>> AsyncRead for ReadHalf<P> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, out: &mut [u8]) -> Polled<usize> {
        self.get_mut().poll_bytes(context, out)
    }
}

/// A vchan has no half close: closing the writing half closes the channel. What the peer wrote
/// before that can still be read.
///
/// # Cancel safety
/// A write that is dropped has written nothing.
impl<P: Platform<Channel: AsyncEventChannel>> AsyncWrite for WriteHalf<P> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, data: &[u8]) -> Polled<usize> {
        self.get_mut().poll_bytes(context, data)
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Polled<()> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Polled<()> {
        self.close();
        Poll::Ready(Ok(()))
    }
}

/// As for [`ReadHalf`].
impl<P: Platform<Channel: AsyncEventChannel>> AsyncRead for Channel<P> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, out: &mut [u8]) -> Polled<usize> {
        self.get_mut().halves().0.poll_bytes(context, out)
    }
}

/// As for [`WriteHalf`].
impl<P: Platform<Channel: AsyncEventChannel>> AsyncWrite for Channel<P> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, data: &[u8]) -> Polled<usize> {
        self.get_mut().halves().1.poll_bytes(context, data)
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Polled<()> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Polled<()> {
        self.close();
        Poll::Ready(Ok(()))
    }
}
