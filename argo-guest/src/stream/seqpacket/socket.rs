//! The socket.

use core::task::{Context, Poll};

use argo_stream::Kind;
use bytes::Bytes;

use crate::address::Address;
use crate::domain::Domain;
use crate::io::{self, IoSlice, Shutdown};
use crate::readiness::{Interest, Ready};
use crate::stream::error::{ConnectError, StreamError};
use crate::stream::listener::Accepted;
use crate::stream::options::StreamOptions;
use crate::stream::owner::{Owner, Side};

/// A connection to a port of a domain: messages both ways, each whole, in order, once, or an error.
///
/// All of it takes `&self` but the traits of futures: several threads and tasks may use one socket,
/// each message then goes to (comes from) one of them. Sending and closing are as for a
/// [`Stream`](crate::stream::Stream).
pub struct Seqpacket {
    pub(super) reading: Side,
    pub(super) writing: Side,
    /// What the sink has taken and the send buffer has not.
    pub(super) pending: Option<Bytes>,
    /// The stream of futures has ended with an error.
    pub(super) failed: bool,
}

impl Seqpacket {
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
        Ok(Self::of(Owner::connect(domain, to, options, Kind::Seqpacket).await?))
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
        Ok(Self::of(Owner::connect_blocking(domain, to, options, Kind::Seqpacket)?))
    }

    /// The two ends of a connection inside one domain, which must be allowed to send to itself. It
    /// blocks for a few hypercalls.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub fn pair(domain: &Domain) -> Result<(Self, Self), ConnectError> {
        let (first, second) = Owner::pair(domain, Kind::Seqpacket)?;
        Ok((Self::of(first), Self::of(second)))
    }

    /// This end. Of an accepted connection, the port that it was accepted on.
    pub fn local_addr(&self) -> Address {
        self.reading.conn().local
    }

    /// The other end: the port that was dialled, or the one that dialled.
    pub fn peer_addr(&self) -> Address {
        self.reading.conn().peer
    }

    /// The domain that it belongs to.
    pub fn domain(&self) -> &Domain {
        &self.reading.owner.domain
    }

    /// See [`Stream::is_extended`](crate::stream::Stream::is_extended).
    pub fn is_extended(&self) -> bool {
        self.reading.conn().is_extended()
    }

    /// The longest message that can be sent, in bytes. The peer's may be another number.
    pub fn max_message(&self) -> usize {
        self.writing.conn().outbox.lock().piece_max()
    }

    /// Sends a message; waits while the send buffer is full.
    ///
    /// # Errors
    /// An [`io::Error`] with a [`StreamError`] inside; [`StreamError::TooBig`] has the maximum.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, nothing was sent.
    pub async fn send(&self, message: &[u8]) -> io::Result<()> {
        self.writing.until(|| self.attempt(message)).await
    }

    /// [`send`](Self::send), if the send buffer has room.
    ///
    /// # Errors
    /// As for [`send`](Self::send), or `WouldBlock`.
    pub fn try_send(&self, message: &[u8]) -> io::Result<()> {
        Ok(self.attempt(message)?)
    }

    /// Receives a message into `out` and returns its length there; what does not fit is lost. 0: an
    /// empty message, or the end, which [`recv_bytes`](Self::recv_bytes) tells apart.
    ///
    /// # Errors
    /// An [`io::Error`] with a [`StreamError`] inside.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, nothing was received.
    pub async fn recv(&self, out: &mut [u8]) -> io::Result<usize> {
        Ok(into_buffer(self.recv_bytes().await?, out))
    }

    /// Receives a message, however long; `None`: the end.
    ///
    /// # Errors
    /// As for [`recv`](Self::recv).
    ///
    /// # Cancel safety
    /// As for [`recv`](Self::recv).
    pub async fn recv_bytes(&self) -> io::Result<Option<Bytes>> {
        self.reading.until(|| self.reading.conn().try_read_message()).await
    }

    /// [`recv`](Self::recv), if a message has come.
    ///
    /// # Errors
    /// As for [`recv`](Self::recv), or `WouldBlock`.
    pub fn try_recv(&self, out: &mut [u8]) -> io::Result<usize> {
        Ok(into_buffer(self.try_recv_bytes()?, out))
    }

    /// [`recv_bytes`](Self::recv_bytes), if a message has come.
    ///
    /// # Errors
    /// As for [`recv`](Self::recv), or `WouldBlock`.
    pub fn try_recv_bytes(&self) -> io::Result<Option<Bytes>> {
        Ok(self.reading.conn().try_read_message()?)
    }

    /// Waits until everything sent lies in the peer's ring.
    ///
    /// # Errors
    /// As for [`send`](Self::send): it may not be deliverable.
    ///
    /// # Cancel safety
    /// It waits only; may be dropped at any time.
    pub async fn flush(&self) -> io::Result<()> {
        self.writing.until(|| self.writing.conn().try_flush()).await
    }

    /// See [`Stream::shutdown`](crate::stream::Stream::shutdown).
    ///
    /// # Errors
    /// As for [`flush`](Self::flush).
    ///
    /// # Cancel safety
    /// Dropped before it is ready, it is shut down all the same.
    pub async fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.reading.conn().shut_down(how);
        if how == Shutdown::Read { Ok(()) } else { self.flush().await }
    }

    /// See [`Stream::readable`](crate::stream::Stream::readable).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// As there.
    pub async fn readable(&self) -> io::Result<()> {
        self.reading.until(|| self.reading.conn().readable_now()).await
    }

    /// See [`Stream::writable`](crate::stream::Stream::writable).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// As there.
    pub async fn writable(&self) -> io::Result<()> {
        self.writing.until(|| self.writing.conn().writable_now()).await
    }

    /// See [`Stream::ready`](crate::stream::Stream::ready).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// As there.
    pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        Ok(self.reading.owner.ready(interest).await)
    }

    /// See [`Stream::poll_read_ready`](crate::stream::Stream::poll_read_ready).
    pub fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.reading.poll(context, || self.reading.conn().readable_now())
    }

    /// See [`Stream::poll_write_ready`](crate::stream::Stream::poll_write_ready).
    pub fn poll_write_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writing.poll(context, || self.writing.conn().writable_now())
    }

    /// See [`Stream::take_error`](crate::stream::Stream::take_error).
    ///
    /// # Errors
    /// None.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        Ok(self.reading.owner.take_error())
    }

    pub(super) fn attempt(&self, message: &[u8]) -> Result<(), StreamError> {
        self.writing.conn().try_write_message(&[IoSlice::new(message)])
    }
}

/// Copies the start of a message; the end has none.
pub(super) fn into_buffer(message: Option<Bytes>, out: &mut [u8]) -> usize {
    let message = message.unwrap_or_default();
    let len = message.len().min(out.len());
    out[..len].copy_from_slice(&message[..len]);
    len
}

impl Accepted for Seqpacket {
    const KIND: Kind = Kind::Seqpacket;

    fn of(owner: Owner) -> Self {
        let (reading, writing) = Side::both(owner);
        Self { reading, writing, pending: None, failed: false }
    }
}

impl core::fmt::Debug for Seqpacket {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.reading.conn().describe(f, "Seqpacket")
    }
}
