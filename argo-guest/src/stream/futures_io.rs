//! The I/O traits of futures, and the polls that those of tokio are made of, too.

use core::pin::Pin;
use core::task::{Context, Poll};
use std::io::{self, IoSlice, IoSliceMut};

use futures::io::{AsyncRead, AsyncWrite};

use super::inbox::Reading;
use super::read_half::{OwnedReadHalf, read_vectored};
use super::socket::Stream;
use super::write_half::OwnedWriteHalf;

type Polled<T> = Poll<io::Result<T>>;

impl OwnedReadHalf {
    pub(super) fn poll_into(
        &self,
        context: &mut Context<'_>,
        out: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.side.poll(context, || self.conn().try_read(out, Reading::Take))
    }

    pub(super) fn poll_vectored(
        &self,
        context: &mut Context<'_>,
        out: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        self.side.poll(context, || read_vectored(self.conn(), out))
    }
}

impl OwnedWriteHalf {
    pub(super) fn poll_parts(
        &self,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.side.poll(context, || self.conn().try_write(parts))
    }

    pub(super) fn poll_flushed(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.side.poll(context, || self.conn().try_flush())
    }

    pub(super) fn poll_finished(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.conn().finish();
        self.poll_flushed(context)
    }
}

impl AsyncRead for OwnedReadHalf {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut [u8]) -> Polled<usize> {
        self.poll_into(cx, out)
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut [IoSliceMut<'_>],
    ) -> Polled<usize> {
        self.poll_vectored(cx, out)
    }
}

impl AsyncWrite for OwnedWriteHalf {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Polled<usize> {
        self.poll_parts(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Polled<usize> {
        self.poll_parts(cx, parts)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled<()> {
        self.poll_flushed(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled<()> {
        self.poll_finished(cx)
    }
}

/// Of several tasks that poll through one stream or half, the one that polled last is woken.
impl AsyncRead for &Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut [u8]) -> Polled<usize> {
        self.read_half.poll_into(cx, out)
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut [IoSliceMut<'_>],
    ) -> Polled<usize> {
        self.read_half.poll_vectored(cx, out)
    }
}

/// Of several tasks that poll through one stream or half, the one that polled last is woken.
impl AsyncWrite for &Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Polled<usize> {
        self.write_half.poll_parts(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Polled<usize> {
        self.write_half.poll_parts(cx, parts)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled<()> {
        self.write_half.poll_flushed(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled<()> {
        self.write_half.poll_finished(cx)
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut [u8]) -> Polled<usize> {
        AsyncRead::poll_read(Pin::new(&mut &*self), cx, out)
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut [IoSliceMut<'_>],
    ) -> Polled<usize> {
        AsyncRead::poll_read_vectored(Pin::new(&mut &*self), cx, out)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Polled<usize> {
        AsyncWrite::poll_write(Pin::new(&mut &*self), cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Polled<usize> {
        AsyncWrite::poll_write_vectored(Pin::new(&mut &*self), cx, parts)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled<()> {
        AsyncWrite::poll_flush(Pin::new(&mut &*self), cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled<()> {
        AsyncWrite::poll_close(Pin::new(&mut &*self), cx)
    }
}
