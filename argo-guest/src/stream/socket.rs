//! The stream socket.

use alloc::sync::Arc;
use core::task::{Context, Poll};

use argo_stream::Kind;

use super::conn::Conn;
use super::error::ConnectError;
#[cfg(doc)]
use super::error::StreamError;
use super::farewell;
use super::listener::Accepted;
use super::options::StreamOptions;
use super::owner::{Owner, Side};
use super::read_half::OwnedReadHalf;
use super::write_half::OwnedWriteHalf;
use crate::address::Address;
use crate::domain::Domain;
use crate::io::{self, IoSlice, IoSliceMut, Shutdown};
use crate::readiness::{Interest, Ready};

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
    pub(super) read_half: OwnedReadHalf,
    pub(super) write_half: OwnedWriteHalf,
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
        Ok(Self::of(Owner::connect(domain, to, options, Kind::Stream).await?))
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
        Ok(Self::of(Owner::connect_blocking(domain, to, options, Kind::Stream)?))
    }

    /// The two ends of a connection inside one domain, which must be allowed to send to itself. It
    /// blocks for a few hypercalls.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub fn pair(domain: &Domain) -> Result<(Self, Self), ConnectError> {
        let (first, second) = Owner::pair(domain, Kind::Stream)?;
        Ok((Self::of(first), Self::of(second)))
    }

    /// This end. Of an accepted stream, the port that it was accepted on.
    pub fn local_addr(&self) -> Address {
        self.conn().local
    }

    /// The other end: the port that was dialled, or of an accepted stream the one that dialled.
    pub fn peer_addr(&self) -> Address {
        self.conn().peer
    }

    /// The domain that it belongs to.
    pub fn domain(&self) -> &Domain {
        &self.owner().domain
    }

    /// Whether the peer is one of ours, with half-close and a ring for each connection; else it
    /// speaks the plain wire of OpenXT's Linux driver.
    pub fn is_extended(&self) -> bool {
        self.conn().is_extended()
    }

    /// Reads what has come, at least one byte, into `out`; 0: the end (or an empty `out`).
    ///
    /// # Errors
    /// An [`io::Error`] with a [`StreamError`] inside.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, nothing was read.
    pub async fn read(&self, out: &mut [u8]) -> io::Result<usize> {
        self.read_half.read(out).await
    }

    /// Copies what has come into `out` and leaves it there to be read; 0: the end.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    ///
    /// # Cancel safety
    /// As for [`read`](Self::read).
    pub async fn peek(&self, out: &mut [u8]) -> io::Result<usize> {
        self.read_half.peek(out).await
    }

    /// Writes some of these bytes, at least one unless there are none; how many.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    ///
    /// # Cancel safety
    /// Dropped before it is ready, nothing was written.
    pub async fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.write_half.write(bytes).await
    }

    /// Waits until everything written lies in the peer's ring.
    ///
    /// # Errors
    /// As for [`read`](Self::read): it may not be deliverable.
    ///
    /// # Cancel safety
    /// It waits only; may be dropped at any time.
    pub async fn flush(&self) -> io::Result<()> {
        self.write_half.flush().await
    }

    /// Breaks the connection off instead of closing it: what was written and does not yet lie in the
    /// peer's ring is thrown away, and after what does the peer's reads fail with
    /// [`ConnectionReset`](io::ErrorKind::ConnectionReset) instead of giving an end that looks
    /// regular. (A peer on the plain wire cannot tell one from the other.) Never blocks.
    pub fn reset(&self) {
        farewell::break_off(self.conn());
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
        self.conn().shut_down(how);
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
        self.read_half.try_read(out)
    }

    /// [`try_read`](Self::try_read) into several buffers, one after the other.
    ///
    /// # Errors
    /// As for [`try_read`](Self::try_read).
    pub fn try_read_vectored(&self, out: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.read_half.try_read_vectored(out)
    }

    /// [`peek`](Self::peek), if something has come.
    ///
    /// # Errors
    /// As for [`try_read`](Self::try_read).
    pub fn try_peek(&self, out: &mut [u8]) -> io::Result<usize> {
        self.read_half.try_peek(out)
    }

    /// [`write`](Self::write), if the send buffer has room.
    ///
    /// # Errors
    /// As for [`read`](Self::read), or `WouldBlock`.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.write_half.try_write(bytes)
    }

    /// [`try_write`](Self::try_write) of several pieces, one after the other.
    ///
    /// # Errors
    /// As for [`try_write`](Self::try_write).
    pub fn try_write_vectored(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.write_half.try_write_vectored(parts)
    }

    /// Waits until a read would not wait: something has come, or nothing will.
    ///
    /// # Errors
    /// None: what is wrong with the connection, the read says.
    ///
    /// # Cancel safety
    /// It waits only; may be dropped at any time.
    pub async fn readable(&self) -> io::Result<()> {
        self.read_half.readable().await
    }

    /// Waits until a write would not wait: the send buffer has room, or the connection takes no
    /// more.
    ///
    /// # Errors
    /// None: what is wrong with the connection, the write says.
    ///
    /// # Cancel safety
    /// It waits only; may be dropped at any time.
    pub async fn writable(&self) -> io::Result<()> {
        self.write_half.writable().await
    }

    /// Waits until it is ready for something of interest, and returns for what. No interest is
    /// answered at once.
    ///
    /// # Errors
    /// None: what is wrong with the connection, reads and writes say.
    ///
    /// # Cancel safety
    /// It waits only; may be dropped at any time.
    pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        Ok(self.owner().ready(interest).await)
    }

    /// [`readable`](Self::readable) as a poll. Of several tasks that poll (or read through the I/O
    /// traits), the one that did so last is woken.
    pub fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.read_half.poll_read_ready(context)
    }

    /// [`writable`](Self::writable) as a poll. Of several tasks that poll (or write through the I/O
    /// traits), the one that did so last is woken.
    pub fn poll_write_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.write_half.poll_write_ready(context)
    }

    /// What has broken the connection, told once; `None` for an end in good order. Reads and writes
    /// go on to fail with it, too.
    ///
    /// # Errors
    /// None.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        Ok(self.owner().take_error())
    }

    fn owner(&self) -> &Owner {
        &self.read_half.side.owner
    }

    pub(super) fn conn(&self) -> &Arc<Conn> {
        self.read_half.conn()
    }
}

impl Accepted for Stream {
    const KIND: Kind = Kind::Stream;

    fn of(owner: Owner) -> Self {
        let (reading, writing) = Side::both(owner);
        Self {
            read_half: OwnedReadHalf { side: reading },
            write_half: OwnedWriteHalf { side: writing },
        }
    }
}

impl core::fmt::Debug for Stream {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.conn().describe(f, "Stream")
    }
}
