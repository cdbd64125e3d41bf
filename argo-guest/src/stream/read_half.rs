//! The reading side of a stream.

use alloc::sync::Arc;
use core::task::{Context, Poll};

use super::conn::Conn;
use super::error::StreamError;
use super::inbox::Reading;
use super::owner::Side;
use super::socket::Stream;
use super::split::{ReuniteError, reunite};
use super::write_half::OwnedWriteHalf;
use crate::address::Address;
use crate::io::{self, IoSliceMut};
use crate::readiness::{Interest, Ready};

/// The reading side of a stream, from [`Stream::into_split`]. Its methods are the stream's.
///
/// Dropping it does not stop the peer: the connection lives until both halves are dropped.
pub struct OwnedReadHalf {
    pub(super) side: Side,
}

impl OwnedReadHalf {
    /// See [`Stream::read`].
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// As there.
    pub async fn read(&self, out: &mut [u8]) -> io::Result<usize> {
        self.side.until(|| self.conn().try_read(out, Reading::Take)).await
    }

    /// See [`Stream::peek`].
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// As there.
    pub async fn peek(&self, out: &mut [u8]) -> io::Result<usize> {
        self.side.until(|| self.conn().try_read(out, Reading::Peek)).await
    }

    /// See [`Stream::readable`].
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// As there.
    pub async fn readable(&self) -> io::Result<()> {
        self.side.until(|| self.conn().readable_now()).await
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

    /// See [`Stream::try_read`].
    ///
    /// # Errors
    /// As there.
    pub fn try_read(&self, out: &mut [u8]) -> io::Result<usize> {
        Ok(self.conn().try_read(out, Reading::Take)?)
    }

    /// See [`Stream::try_read_vectored`].
    ///
    /// # Errors
    /// As there.
    pub fn try_read_vectored(&self, out: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        Ok(read_vectored(self.conn(), out)?)
    }

    /// See [`Stream::try_peek`].
    ///
    /// # Errors
    /// As there.
    pub fn try_peek(&self, out: &mut [u8]) -> io::Result<usize> {
        Ok(self.conn().try_read(out, Reading::Peek)?)
    }

    /// See [`Stream::poll_read_ready`].
    pub fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.side.poll(context, || self.conn().readable_now())
    }

    /// Puts the halves of a stream together again.
    ///
    /// # Errors
    /// They are halves of different streams: the error gives them back.
    pub fn reunite(self, other: OwnedWriteHalf) -> Result<Stream, ReuniteError> {
        reunite(self, other)
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

/// Fills the buffers in order, with what has come.
pub(super) fn read_vectored(conn: &Conn, out: &mut [IoSliceMut<'_>]) -> Result<usize, StreamError> {
    let mut read = 0;
    for part in out.iter_mut().filter(|part| !part.is_empty()) {
        let len = part.len();
        match conn.try_read(part, Reading::Take) {
            Ok(some) if some < len => return Ok(read + some),
            Ok(all) => read += all,
            Err(_) if read > 0 => return Ok(read),
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

impl AsRef<Self> for OwnedReadHalf {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl core::fmt::Debug for OwnedReadHalf {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.conn().describe(f, "OwnedReadHalf")
    }
}
