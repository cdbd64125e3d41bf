//! The half of a channel that reads.

use alloc::sync::Arc;
use core::ops::Range;
use core::time::Duration;

use argo_mem::ReadView;

use super::link::{Lasting, Link, Shared};
use super::spin::Spin;
use super::wait::{Half, Refusal, block};
use crate::cause::Cause;
use crate::platform::Platform;
use crate::reader::{ReadError, Reader, RecvError};
use crate::ring::LyingIndex;
use crate::role::{Presence, Role};

/// Reads what the peer writes.
///
/// A timeout of `None` waits without limit, `Duration::ZERO` not at all. The `try_` calls do not wait
/// and make no system call but the signal that the peer may have asked for; when they answer "would
/// block", the peer has been asked for one.
///
/// The channel has no half close: when both halves are dropped, it is closed; when one is, nothing
/// happens.
pub struct ReadHalf<P: Platform> {
    pub(crate) link: Arc<Link<P>>,
    pub(crate) reader: Reader<Shared<P>>,
    spin: Spin,
}

impl<P: Platform> Half for ReadHalf<P> {
    type Platform = P;

    fn link(&self) -> &Link<P> {
        &self.link
    }
}

impl<P: Platform> ReadHalf<P> {
    pub(crate) fn new(link: Arc<Link<P>>) -> ReadHalf<P> {
        let terms = link.terms;
        let reader = Reader::new(Shared(Arc::clone(&link)), terms.role, terms.geometry);
        ReadHalf { link, reader, spin: Spin::new() }
    }

    /// Fills all of `buffer` or takes nothing.
    ///
    /// # Errors
    /// See [`RecvError`]; nothing was taken then, and `buffer` is as it was.
    pub fn recv(&mut self, buffer: &mut [u8], timeout: Option<Duration>) -> Result<(), RecvError> {
        if let Some(signal) = self.reader.recv_now(buffer) {
            self.link.deliver(signal);
            return Ok(());
        }
        self.look(buffer.len(), timeout);
        block(self, timeout, |half| half.try_recv(buffer))
    }

    /// As [`recv`](Self::recv), without waiting.
    ///
    /// # Errors
    /// See [`RecvError`].
    pub fn try_recv(&mut self, buffer: &mut [u8]) -> Result<(), RecvError> {
        let received = self.reader.recv(buffer);
        received.map(|signal| self.link.deliver(signal)).map_err(|error| match error {
            RecvError::WouldBlock { ready, .. } => match self.link.ended() {
                None => error,
                Some(None) => RecvError::Closed { ready },
                Some(Some(lie)) => RecvError::Broken(lie),
            },
            RecvError::Broken(lie) => RecvError::Broken(self.link.break_by(lie)),
            other => other,
        })
    }

    /// Reads what there is, at least one byte and at most all of `buffer`.
    ///
    /// # Errors
    /// See [`ReadError`]; nothing was taken then.
    pub fn read(
        &mut self,
        buffer: &mut [u8],
        timeout: Option<Duration>,
    ) -> Result<usize, ReadError> {
        if let Some(transfer) = self.reader.read_now(buffer) {
            self.link.deliver(transfer.signal);
            return Ok(transfer.bytes);
        }
        self.look(buffer.len().min(1), timeout);
        block(self, timeout, |half| half.try_read(buffer))
    }

    /// As [`read`](Self::read), without waiting.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn try_read(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError> {
        match self.reader.read(buffer) {
            Ok(transfer) => {
                self.link.deliver(transfer.signal);
                Ok(transfer.bytes)
            }
            Err(error) => Err(self.explained(error)),
        }
    }

    /// The bytes that are next, in place: as many as are ready before the ring's end, at least one.
    /// They are the peer's memory still and may change at any moment, so they are not borrowed but
    /// seen through a window; [`consume`](Self::consume) gives their room back.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn peek(&mut self, timeout: Option<Duration>) -> Result<ReadView<'_>, ReadError> {
        self.look(1, timeout);
        let front = block(self, timeout, ReadHalf::front)?;
        Ok(self.link.pages().front(front.start, front.end - front.start))
    }

    /// Gives back the room of the first `bytes` of what [`peek`](Self::peek) showed last, no more than
    /// that; returns how many.
    pub fn consume(&mut self, bytes: usize) -> usize {
        let transfer = self.reader.consume(u32::try_from(bytes).unwrap_or(u32::MAX));
        self.link.deliver(transfer.signal);
        transfer.bytes
    }

    /// Takes all that is ready and drops it; returns how many bytes. A persistent server calls it
    /// when what a client left unread must not be taken for words of the next.
    ///
    /// # Errors
    /// The peer broke the protocol.
    pub fn discard(&mut self) -> Result<usize, LyingIndex> {
        let mut dropped = 0;
        // At most twice around the ring: a peer that goes on writing does not hold us.
        while dropped < self.reader.size() as usize {
            match self.peek(Some(Duration::ZERO)) {
                Ok(view) => {
                    let len = view.len();
                    dropped += self.consume(len);
                }
                Err(ReadError::Broken(lie)) => return Err(lie),
                Err(_) => break,
            }
        }
        Ok(dropped)
    }

    /// Bytes that can be read now, 0 to [`size`](Self::size); also asks the peer for a signal when it
    /// writes more.
    ///
    /// # Errors
    /// The peer broke the protocol.
    pub fn data_ready(&mut self) -> Result<usize, LyingIndex> {
        let ready = self.reader.data_ready().map_err(|lie| self.link.break_by(lie))?;
        Ok(ready as usize)
    }

    /// The ring's size in bytes: the most that one [`recv`](Self::recv) can ask for.
    pub fn size(&self) -> usize {
        self.reader.size() as usize
    }

    /// Whether the peer is there. One that is [`Gone`](Presence::Gone) may have left data.
    pub fn peer(&self) -> Presence {
        self.link.peer()
    }

    /// Closes the channel, both halves. What the peer wrote can still be read here.
    pub fn close(&self) {
        self.link.close();
    }

    /// Waits until a client is there: the first, or, if the server is persistent, the next one.
    /// Indexes go on where the last client stopped, as with the C library: what it wrote comes
    /// first, and what it did not read the next one gets. See [`discard`](Self::discard).
    ///
    /// A client that goes and another that comes in between look like one.
    ///
    /// # Errors
    /// See [`AcceptError`].
    pub fn accept(&mut self, timeout: Option<Duration>) -> Result<(), AcceptError> {
        block(self, timeout, |half| half.try_accept())
    }

    /// As [`accept`](Self::accept), without waiting.
    ///
    /// # Errors
    /// See [`AcceptError`].
    pub fn try_accept(&mut self) -> Result<(), AcceptError> {
        match self.link.ended() {
            None => {}
            Some(None) => return Err(AcceptError::Closed),
            Some(Some(lie)) => return Err(AcceptError::Broken(lie)),
        }
        match (self.peer(), self.link.terms.role, self.link.terms.lasting) {
            (Presence::Connected, _, _) => Ok(()),
            (Presence::Awaited, Role::Server, _) => Err(AcceptError::WouldBlock),
            (Presence::Gone, Role::Server, Lasting::Persistent) => Err(AcceptError::WouldBlock),
            _ => Err(AcceptError::Closed),
        }
    }

    /// Where the bytes are that [`peek`](Self::peek) shows.
    pub(crate) fn front(&mut self) -> Result<Range<u32>, ReadError> {
        let front = self.reader.front();
        front.map_err(|error| self.explained(error))
    }

    /// Looks before anybody is asked, if this call may wait.
    fn look(&mut self, wanted: usize, timeout: Option<Duration>) {
        if timeout != Some(Duration::ZERO) {
            let wanted = u32::try_from(wanted).unwrap_or(u32::MAX).min(self.reader.size());
            self.spin.until(|| self.reader.seen(wanted));
        }
    }

    fn explained(&self, error: ReadError) -> ReadError {
        match error {
            ReadError::WouldBlock => match self.link.ended() {
                None => error,
                Some(None) => ReadError::Closed,
                Some(Some(lie)) => ReadError::Broken(lie),
            },
            ReadError::Broken(lie) => ReadError::Broken(self.link.break_by(lie)),
            other => other,
        }
    }
}

/// Why no client is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AcceptError {
    /// None has come yet.
    #[error("no client is there")]
    WouldBlock,
    /// None came in time.
    #[error("timed out: no client came")]
    TimedOut,
    /// The channel was closed here, or its only client has gone. (Or this is the client, and the
    /// server has gone.)
    #[error("the channel is closed")]
    Closed,
    /// A client has broken the protocol, which ends a persistent server, too, for good: where its
    /// indexes stand, nobody knows any more.
    #[error(transparent)]
    Broken(LyingIndex),
    /// A client can be waited for no more.
    #[error("the event channel is lost: {0}")]
    Lost(Cause),
}

impl Refusal for AcceptError {
    fn would_block(&self) -> bool {
        *self == AcceptError::WouldBlock
    }

    fn timed_out(self) -> Self {
        AcceptError::TimedOut
    }

    fn lost(cause: Cause) -> Self {
        AcceptError::Lost(cause)
    }
}
