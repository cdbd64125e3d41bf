//! The writing side of a stream.

use std::io::{self, IoSlice};
use std::sync::Arc;
use std::task::{Context, Poll};

use super::conn::Conn;
use super::owner::Side;
use super::read_half::OwnedReadHalf;
use super::socket::Stream;
use super::split::{ReuniteError, reunite};
use crate::address::Address;
use crate::readiness::{Interest, Ready};

/// The writing side of a stream, from [`Stream::into_split`]. Its methods are the stream's.
///
/// Dropping it says that no more is written, as [`shutdown`](Self::shutdown), without waiting.
pub struct OwnedWriteHalf {
    pub(super) side: Side,
}

impl OwnedWriteHalf {
    /// See [`Stream::write`].
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// As there.
    pub async fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.side.until(|| self.conn().try_write(&[IoSlice::new(bytes)])).await
    }

    /// See [`Stream::flush`].
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// As there.
    pub async fn flush(&self) -> io::Result<()> {
        self.side.until(|| self.conn().try_flush()).await
    }

    /// See [`Stream::shutdown`] with `Write`.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// As there.
    pub async fn shutdown(&self) -> io::Result<()> {
        self.conn().finish();
        self.flush().await
    }

    /// See [`Stream::writable`].
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// As there.
    pub async fn writable(&self) -> io::Result<()> {
        self.side.until(|| self.conn().writable_now()).await
    }

    /// See [`Stream::ready`].
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// As there.
    pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        Ok(self.side.owner.ready(interest).await)
    }

    /// See [`Stream::try_write`].
    ///
    /// # Errors
    /// As there.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.try_write_vectored(&[IoSlice::new(bytes)])
    }

    /// See [`Stream::try_write_vectored`].
    ///
    /// # Errors
    /// As there.
    pub fn try_write_vectored(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        Ok(self.conn().try_write(parts)?)
    }

    /// See [`Stream::poll_write_ready`].
    pub fn poll_write_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.side.poll(context, || self.conn().writable_now())
    }

    /// Puts the halves of a stream together again.
    ///
    /// # Errors
    /// They are halves of different streams: the error gives them back.
    pub fn reunite(self, other: OwnedReadHalf) -> Result<Stream, ReuniteError> {
        reunite(other, self)
    }

    /// This end.
    pub fn local_addr(&self) -> Address {
        self.conn().local
    }

    /// The other end.
    pub fn peer_addr(&self) -> Address {
        self.conn().peer
    }

    pub(super) fn conn(&self) -> &Arc<Conn> {
        self.side.conn()
    }

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

impl AsRef<Self> for OwnedWriteHalf {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl std::fmt::Debug for OwnedWriteHalf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.conn().describe(f, "OwnedWriteHalf")
    }
}

impl Drop for OwnedWriteHalf {
    fn drop(&mut self) {
        self.conn().finish();
    }
}
