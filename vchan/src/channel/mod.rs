//! A channel that is up: its two halves and what they hold together.

mod link;
mod pages;
mod read;
mod spin;
mod standing;
mod wait;
mod write;

use alloc::sync::Arc;
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;

use argo_core::DomainId;
use argo_mem::ReadView;

pub(crate) use link::{Deadline, Lasting, Link, Terms};
pub(crate) use pages::{ChannelPages, Page, ReadRing, Rings};
pub use read::{AcceptError, ReadHalf};
#[cfg(argo_loom)]
pub use standing::Standing;
pub(crate) use wait::{Half, Refusal, lost_if_blocked};
pub use write::{WriteAllError, WriteHalf};

use crate::geometry::Geometry;
use crate::platform::{EventChannel, Fault, Platform, Port, Wake};
use crate::reader::{ReadError, RecvError};
use crate::ring::LyingIndex;
use crate::role::{Presence, Role};
use crate::writer::{SendError, WriteError};

/// One end of a vchan, to read and to write.
///
/// Its two halves can be used on their own, each by a thread or a task: [`halves`](Self::halves),
/// [`into_split`](Self::into_split). What they can do is here too, under the same names. Dropping it
/// closes the channel; the peer can still read what was written.
///
/// A drop tells the peer at once, then gives up what was made, and waits for the platform to do it:
/// over argod one request for the port, one for the page and for each ring's own pages, and for the
/// keys of a server five more. An argod that does not answer is given up after 10 s. Who must not
/// wait, such as a task, calls [`close`](Self::close) there and drops it elsewhere.
pub struct Channel<P: Platform> {
    reader: ReadHalf<P>,
    writer: WriteHalf<P>,
    /// Events that [`wait`](Self::wait) has told of.
    told: AtomicU32,
}

impl<P: Platform> Channel<P> {
    pub(crate) fn new(link: Link<P>) -> Channel<P> {
        let link = Arc::new(link);
        let told = AtomicU32::new(link.channel().seen());
        Channel { reader: ReadHalf::new(Arc::clone(&link)), writer: WriteHalf::new(link), told }
    }

    /// The two halves, borrowed.
    pub fn halves(&mut self) -> (&mut ReadHalf<P>, &mut WriteHalf<P>) {
        (&mut self.reader, &mut self.writer)
    }

    /// The two halves, for good. The channel is closed when both are dropped.
    pub fn into_split(self) -> (ReadHalf<P>, WriteHalf<P>) {
        (self.reader, self.writer)
    }

    /// Waits for an event, of whatever kind, that this call has not told of before: data, room, or
    /// the peer's coming or going. Try then again what would have blocked.
    ///
    /// It is for who watches several channels: see that the platform's readiness is there (a
    /// descriptor, where it has one), then call this with a timeout of zero, which takes the event,
    /// then try.
    ///
    /// # Errors
    /// No event will come any more.
    pub fn wait(&self, timeout: Option<Duration>) -> Result<Wake, Fault> {
        let channel = self.link().channel();
        let woken = channel.wait(self.told.load(Ordering::Relaxed), timeout)?;
        // One that comes after the time was over is told the next time.
        if woken == Wake::Event {
            self.told.store(channel.seen(), Ordering::Relaxed);
        }
        Ok(woken)
    }

    /// The event channel's readiness, if the platform has a descriptor for it.
    pub fn event_channel(&self) -> &P::Channel {
        self.link().channel()
    }

    /// Which side this is.
    pub fn role(&self) -> Role {
        self.link().terms.role
    }

    /// The domain at the other end.
    pub fn peer_domain(&self) -> DomainId {
        self.link().terms.peer
    }

    /// The rings' sizes and places, as they were at the start.
    pub fn geometry(&self) -> Geometry {
        self.link().terms.geometry
    }

    /// This side's port of the event channel.
    pub fn port(&self) -> Port {
        self.link().port()
    }

    /// Whether the peer is there: the C library's `is_open`.
    pub fn peer(&self) -> Presence {
        self.reader.peer()
    }

    /// Takes a server's keys out of the store, which otherwise happens with the drop: nobody else
    /// finds this channel. For a server that has its client and makes a new channel for the next;
    /// a client that came before the server knew that the last one has gone would be taken for it.
    /// Waits for the store's answers.
    pub fn withdraw(&self) {
        self.link().withdraw();
    }

    /// Closes the channel: the peer can still read what was written, and what it wrote can still be
    /// read here. Memory and port go with the drop.
    pub fn close(&self) {
        self.link().close();
    }

    /// See [`ReadHalf::accept`].
    ///
    /// # Errors
    /// See [`AcceptError`].
    pub fn accept(&mut self, timeout: Option<Duration>) -> Result<(), AcceptError> {
        self.reader.accept(timeout)
    }

    /// See [`ReadHalf::recv`].
    ///
    /// # Errors
    /// See [`RecvError`].
    pub fn recv(&mut self, buffer: &mut [u8], timeout: Option<Duration>) -> Result<(), RecvError> {
        self.reader.recv(buffer, timeout)
    }

    /// See [`ReadHalf::try_recv`].
    ///
    /// # Errors
    /// See [`RecvError`].
    pub fn try_recv(&mut self, buffer: &mut [u8]) -> Result<(), RecvError> {
        self.reader.try_recv(buffer)
    }

    /// See [`ReadHalf::read`].
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn read(
        &mut self,
        buffer: &mut [u8],
        timeout: Option<Duration>,
    ) -> Result<usize, ReadError> {
        self.reader.read(buffer, timeout)
    }

    /// See [`ReadHalf::try_read`].
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn try_read(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError> {
        self.reader.try_read(buffer)
    }

    /// See [`ReadHalf::peek`].
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn peek(&mut self, timeout: Option<Duration>) -> Result<ReadView<'_>, ReadError> {
        self.reader.peek(timeout)
    }

    /// See [`ReadHalf::consume`].
    pub fn consume(&mut self, bytes: usize) -> usize {
        self.reader.consume(bytes)
    }

    /// See [`ReadHalf::data_ready`].
    ///
    /// # Errors
    /// The peer broke the protocol.
    pub fn data_ready(&mut self) -> Result<usize, LyingIndex> {
        self.reader.data_ready()
    }

    /// See [`WriteHalf::send`].
    ///
    /// # Errors
    /// See [`SendError`].
    pub fn send(&mut self, data: &[u8], timeout: Option<Duration>) -> Result<(), SendError> {
        self.writer.send(data, timeout)
    }

    /// See [`WriteHalf::try_send`].
    ///
    /// # Errors
    /// See [`SendError`].
    pub fn try_send(&mut self, data: &[u8]) -> Result<(), SendError> {
        self.writer.try_send(data)
    }

    /// See [`WriteHalf::write`].
    ///
    /// # Errors
    /// See [`WriteError`].
    pub fn write(&mut self, data: &[u8], timeout: Option<Duration>) -> Result<usize, WriteError> {
        self.writer.write(data, timeout)
    }

    /// See [`WriteHalf::try_write`].
    ///
    /// # Errors
    /// See [`WriteError`].
    pub fn try_write(&mut self, data: &[u8]) -> Result<usize, WriteError> {
        self.writer.try_write(data)
    }

    /// See [`WriteHalf::write_all`].
    ///
    /// # Errors
    /// See [`WriteAllError`].
    pub fn write_all(
        &mut self,
        data: &[u8],
        timeout: Option<Duration>,
    ) -> Result<(), WriteAllError> {
        self.writer.write_all(data, timeout)
    }

    /// See [`WriteHalf::buffer_space`].
    ///
    /// # Errors
    /// The peer broke the protocol.
    pub fn buffer_space(&mut self) -> Result<usize, LyingIndex> {
        self.writer.buffer_space()
    }

    fn link(&self) -> &Arc<Link<P>> {
        &self.reader.link
    }
}
