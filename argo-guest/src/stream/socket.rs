//! The stream socket.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::Shutdown;
use std::sync::Arc;

use argo_stream::Kind;

use super::Owner;
use super::conn::Conn;
use super::connect::{connect, pair};
use super::error::{ConnectError, StreamError};
use super::inbox::Reading;
use super::options::StreamOptions;
use super::waiting::{Waiter, until};
use crate::address::Address;
use crate::domain::{Domain, Inner, Patience};

/// A connection to a port of a domain: bytes both ways, in order, each once, or an error.
///
/// It has the shape of `tokio::net::UnixStream`, runs on any executor, and on none with
/// [`blocking`](Self::blocking). All of it takes `&self` but the I/O traits; of several readers (or
/// writers) at a time each byte goes to (comes from) one of them.
///
/// # Writing
/// A write is taken into a bounded send buffer ([`StreamOptions::send_buffer`]) and delivered in the
/// background; it waits only while that is full. [`flush`](Self::flush) waits until everything lies
/// in the peer's ring. What went wrong with earlier writes is the error of the next one.
///
/// # Closing
/// [`shutdown`](Self::shutdown) with `Write` (or `poll_close`, `poll_shutdown`) says that no more
/// is written: the peer reads what is left, then the end, and may go on writing. That is for peers
/// of ours; the wire of OpenXT's Linux driver has no half-close, and such a peer hears of the end
/// when the stream is dropped.
///
/// Dropping it delivers in the background what was written, and then says so; the drop itself does
/// not wait. A peer that takes nothing for 60 s loses the rest. Dropping the last handle of the
/// session ([`Domain`]) waits for all that, at most 1 s: to be sure of more, `shutdown` or `flush`
/// first. What the peer goes on to write is refused there.
pub struct Stream {
    pub(super) owner: Arc<Owner>,
    pub(super) reading: Waiter,
    pub(super) writing: Waiter,
}

impl Stream {
    /// Connects to whoever listens at `to`.
    ///
    /// # Errors
    /// See [`ConnectError`].
    ///
    /// # Cancel safety
    /// Dropped before it is ready, the request is withdrawn; the listener may have seen it.
    pub async fn connect(domain: &Domain, to: Address) -> Result<Self, ConnectError> {
        Self::connect_with(domain, to, &StreamOptions::new()).await
    }

    /// [`connect`](Self::connect), as the options say.
    ///
    /// # Errors
    /// See [`ConnectError`].
    ///
    /// # Cancel safety
    /// As for [`connect`](Self::connect).
    pub async fn connect_with(
        domain: &Domain,
        to: Address,
        options: &StreamOptions,
    ) -> Result<Self, ConnectError> {
        let connecting = connect(domain, to, options, Kind::Stream);
        Ok(Self::of(domain.inner().driven(connecting).await?))
    }

    /// [`connect`](Self::connect) for callers that may block.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub fn connect_blocking(domain: &Domain, to: Address) -> Result<Self, ConnectError> {
        Self::connect_blocking_with(domain, to, &StreamOptions::new())
    }

    /// [`connect_with`](Self::connect_with) for callers that may block.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub fn connect_blocking_with(
        domain: &Domain,
        to: Address,
        options: &StreamOptions,
    ) -> Result<Self, ConnectError> {
        let connecting = connect(domain, to, options, Kind::Stream);
        Ok(Self::of(domain.inner().block_on(connecting)?))
    }

    /// The two ends of a connection inside one domain, which must be allowed to send to itself. It
    /// blocks for a few hypercalls.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub fn pair(domain: &Domain) -> Result<(Self, Self), ConnectError> {
        let options = StreamOptions::new();
        let made = pair(domain, &options, Kind::Stream);
        let (first, second) = domain.inner().block_on(made)?;
        Ok((Self::of(first), Self::of(second)))
    }

    pub(super) fn of(owner: Owner) -> Self {
        Self { owner: Arc::new(owner), reading: Waiter::default(), writing: Waiter::default() }
    }

    /// This end. Of an accepted stream, the port that it was accepted on.
    pub fn local_addr(&self) -> Address {
        self.owner.conn.local
    }

    /// The other end: the port that was dialled, or of an accepted stream the one that dialled.
    pub fn peer_addr(&self) -> Address {
        self.owner.conn.peer
    }

    /// The domain that it belongs to.
    pub fn domain(&self) -> &Domain {
        &self.owner.domain
    }

    /// Whether the peer is one of ours, with half-close and a ring for each connection; else it
    /// speaks the plain wire of OpenXT's Linux driver.
    pub fn is_extended(&self) -> bool {
        self.owner.conn.is_extended()
    }

    /// Reads what has come, at least one byte, into `out`; 0: the end (or an empty `out`).
    ///
    /// # Errors
    /// An [`io::Error`] with a [`StreamError`] inside.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, nothing was read.
    pub async fn read(&self, out: &mut [u8]) -> io::Result<usize> {
        let conn = self.conn();
        Ok(self.readable_until(|| conn.try_read(out, Reading::Take)).await?)
    }

    /// Copies what has come into `out` and leaves it there to be read; 0: the end.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    ///
    /// # Cancel safety
    /// As for [`read`](Self::read).
    pub async fn peek(&self, out: &mut [u8]) -> io::Result<usize> {
        let conn = self.conn();
        Ok(self.readable_until(|| conn.try_read(out, Reading::Peek)).await?)
    }

    /// Writes some of these bytes, at least one unless there are none; how many.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    ///
    /// # Cancel safety
    /// Dropped before it is ready, nothing was written.
    pub async fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let conn = self.conn();
        Ok(self.writable_until(|| conn.try_write(&[IoSlice::new(bytes)])).await?)
    }

    /// Waits until everything written lies in the peer's ring.
    ///
    /// # Errors
    /// As for [`read`](Self::read): it may not be deliverable.
    ///
    /// # Cancel safety
    /// It waits only; may be dropped at any time.
    pub async fn flush(&self) -> io::Result<()> {
        Ok(self.writable_until(|| self.conn().try_flush()).await?)
    }

    /// Shuts down one way or both. `Write`: what was written is delivered (this waits for it), then
    /// the peer reads the end. `Read`: reads give the end; what comes is thrown away.
    ///
    /// # Errors
    /// As for [`flush`](Self::flush).
    ///
    /// # Cancel safety
    /// Dropped before it is ready, it is shut down all the same.
    pub async fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.begin_shutdown(how);
        match how {
            Shutdown::Read => Ok(()),
            Shutdown::Write | Shutdown::Both => self.flush().await,
        }
    }

    /// [`read`](Self::read), if something has come.
    ///
    /// # Errors
    /// As for [`read`](Self::read), or `WouldBlock`.
    pub fn try_read(&self, out: &mut [u8]) -> io::Result<usize> {
        Ok(self.conn().try_read(out, Reading::Take)?)
    }

    /// [`try_read`](Self::try_read) into several buffers, one after the other.
    ///
    /// # Errors
    /// As for [`try_read`](Self::try_read).
    pub fn try_read_vectored(&self, out: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        Ok(try_read_vectored(self.conn(), out)?)
    }

    /// [`peek`](Self::peek), if something has come.
    ///
    /// # Errors
    /// As for [`try_read`](Self::try_read).
    pub fn try_peek(&self, out: &mut [u8]) -> io::Result<usize> {
        Ok(self.conn().try_read(out, Reading::Peek)?)
    }

    /// [`write`](Self::write), if the send buffer has room.
    ///
    /// # Errors
    /// As for [`read`](Self::read), or `WouldBlock`.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.try_write_vectored(&[IoSlice::new(bytes)])
    }

    /// [`try_write`](Self::try_write) of several pieces, one after the other.
    ///
    /// # Errors
    /// As for [`try_write`](Self::try_write).
    pub fn try_write_vectored(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        Ok(self.conn().try_write(parts)?)
    }

    pub(super) fn conn(&self) -> &Arc<Conn> {
        &self.owner.conn
    }

    pub(super) fn inner(&self) -> &Arc<Inner> {
        self.owner.domain.inner()
    }

    pub(super) fn begin_shutdown(&self, how: Shutdown) {
        if how != Shutdown::Write {
            self.conn().deafen();
        }
        if how != Shutdown::Read {
            self.conn().finish();
        }
    }

    async fn readable_until<T>(
        &self,
        attempt: impl FnMut() -> Result<T, StreamError>,
    ) -> Result<T, StreamError> {
        let inner = self.inner();
        inner.driven(until(inner, &self.conn().readable, Patience::ENDLESS, attempt)).await
    }

    async fn writable_until<T>(
        &self,
        attempt: impl FnMut() -> Result<T, StreamError>,
    ) -> Result<T, StreamError> {
        let inner = self.inner();
        inner.driven(until(inner, &self.conn().writable, Patience::ENDLESS, attempt)).await
    }
}

/// Fills the buffers in order, with what has come.
pub(super) fn try_read_vectored(
    conn: &Conn,
    out: &mut [IoSliceMut<'_>],
) -> Result<usize, StreamError> {
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

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream")
            .field("local_addr", &self.local_addr())
            .field("peer_addr", &self.peer_addr())
            .finish_non_exhaustive()
    }
}
