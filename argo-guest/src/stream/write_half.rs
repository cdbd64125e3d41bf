//! The writing side of a stream.

use alloc::sync::Arc;
use core::task::{Context, Poll};

use super::conn::Conn;
use super::owner::Side;
use super::read_half::OwnedReadHalf;
use super::socket::Stream;
use super::split::{ReuniteError, reunite};
use crate::address::Address;
use crate::io::{self, IoSlice};
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
}

impl AsRef<Self> for OwnedWriteHalf {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl core::fmt::Debug for OwnedWriteHalf {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.conn().describe(f, "OwnedWriteHalf")
    }
}

impl Drop for OwnedWriteHalf {
    fn drop(&mut self) {
        self.conn().finish();
    }
}
