//! The I/O traits of tokio. What the traits of futures say of closing and of dropping holds here.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::channel::{Channel, ReadHalf, WriteHalf};
use crate::platform::{AsyncEventChannel, Platform};

type Polled<T> = Poll<io::Result<T>>;

impl<P: Platform<Channel: AsyncEventChannel>> AsyncRead for ReadHalf<P> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Polled<()> {
        let read = ready!(self.get_mut().poll_bytes(context, out.initialize_unfilled()))?;
        out.advance(read);
        Poll::Ready(Ok(()))
    }
}

impl<P: Platform<Channel: AsyncEventChannel>> AsyncWrite for WriteHalf<P> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, data: &[u8]) -> Polled<usize> {
        self.get_mut().poll_bytes(context, data)
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Polled<()> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Polled<()> {
        self.close();
        Poll::Ready(Ok(()))
    }
}

impl<P: Platform<Channel: AsyncEventChannel>> AsyncRead for Channel<P> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Polled<()> {
        AsyncRead::poll_read(Pin::new(self.get_mut().halves().0), context, out)
    }
}

impl<P: Platform<Channel: AsyncEventChannel>> AsyncWrite for Channel<P> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, data: &[u8]) -> Polled<usize> {
        self.get_mut().halves().1.poll_bytes(context, data)
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Polled<()> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Polled<()> {
        self.close();
        Poll::Ready(Ok(()))
    }
}
