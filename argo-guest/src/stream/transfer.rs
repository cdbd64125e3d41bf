//! Reading, writing and closing a connection: each at once, or not at all.

use alloc::sync::Arc;

use argo_core::platform::Gone;
use argo_stream::Connection;
use argo_stream::wire::Flags;
use bytes::Bytes;

use super::conn::{Conn, End, Progress};
use super::error::StreamError;
use super::inbox::{Inbox, Reading};
use super::outbox::Sending;
use super::pump;
use crate::datagram::SendError;
use crate::domain::Rest;
use crate::io::{IoSlice, Shutdown};

/// What a reader needs to know of the link, without keeping it locked.
struct Reader {
    connection: Connection,
    readable_to: u64,
    end: Option<End>,
    deaf: bool,
}

impl Conn {
    /// Copies what has come into `out`; 0: the end, or an empty `out`.
    pub(crate) fn try_read(&self, out: &mut [u8], reading: Reading) -> Result<usize, StreamError> {
        if out.is_empty() {
            return Ok(0);
        }
        let read = self.look(|reader| match &self.inbox {
            Inbox::Own(own) => {
                let Reader { connection, readable_to, .. } = reader;
                Some(own.read(&self.inner, connection, *readable_to, out, reading))
                    .filter(|read| *read > 0)
            }
            Inbox::Shared(mailbox) => Some(mailbox.read(out, reading)).filter(|read| *read > 0),
        })?;
        Ok(read.unwrap_or(0))
    }

    /// The next message; `None`: the end.
    pub(crate) fn try_read_message(&self) -> Result<Option<Bytes>, StreamError> {
        self.look(|reader| match &self.inbox {
            Inbox::Own(own) => {
                own.read_message(&self.inner, &reader.connection, reader.readable_to)
            }
            Inbox::Shared(mailbox) => mailbox.read_message(),
        })
    }

    /// Whether a read would not wait.
    pub(crate) fn is_readable(&self) -> bool {
        let seen = self.look(|reader| {
            let data = match &self.inbox {
                Inbox::Own(own) => {
                    own.has_data(&self.inner, &reader.connection, reader.readable_to)
                }
                Inbox::Shared(mailbox) => mailbox.has_data(),
            };
            data.then_some(())
        });
        seen != Err(StreamError::WouldBlock)
    }

    /// Looks for data; where there is none, says why. `None`: the end.
    fn look<T>(&self, take: impl FnOnce(&Reader) -> Option<T>) -> Result<Option<T>, StreamError> {
        // Asked first, so that what came before the session's end is read.
        let gone = self.inner.is_gone();
        // Bounded by the ring: nothing is taken out of it meanwhile.
        while self.judge() == Rest::More {}
        let reader = self.reader();
        if reader.deaf {
            return Ok(None);
        }
        if let Some(taken) = take(&reader) {
            return Ok(Some(taken));
        }
        match reader.end {
            None if gone => Err(Gone.into()),
            None => Err(StreamError::WouldBlock),
            Some(End::Finished | End::Closed) => Ok(None),
            Some(End::Reset) => Err(StreamError::Reset { peer: self.peer }),
            Some(End::Cut) => Err(self.cut_off()),
            Some(End::PeerGone) => Err(StreamError::PeerGone { peer: self.peer }),
            Some(End::Corrupt(corrupt)) => Err(corrupt.into()),
        }
    }

    fn reader(&self) -> Reader {
        let link = self.link.lock();
        Reader {
            connection: link.connection.clone(),
            readable_to: link.readable_to(),
            end: link.end,
            deaf: link.deaf,
        }
    }

    /// Takes bytes into the send buffer, as many as it has room for; how many.
    pub(crate) fn try_write(self: &Arc<Self>, parts: &[IoSlice<'_>]) -> Result<usize, StreamError> {
        self.send(|outbox, head| {
            if parts.iter().all(|part| part.is_empty()) {
                return Ok(0);
            }
            if !outbox.has_room() {
                return Err(StreamError::WouldBlock);
            }
            match outbox.write(&self.inner, head, parts) {
                // What is in flight gives its memory back, and then there is room.
                Err(_) if !outbox.is_empty() => {
                    outbox.starve();
                    Err(StreamError::WouldBlock)
                }
                answer => Ok(answer?),
            }
        })
    }

    /// Takes one message into the send buffer.
    pub(crate) fn try_write_message(
        self: &Arc<Self>,
        parts: &[IoSlice<'_>],
    ) -> Result<(), StreamError> {
        self.send(|outbox, head| {
            let (len, max) = (parts.iter().map(|part| part.len()).sum(), outbox.piece_max());
            if len > max {
                return Err(StreamError::TooBig { len, max });
            }
            if !outbox.has_room() {
                return Err(StreamError::WouldBlock);
            }
            match outbox.write_message(&self.inner, head, parts) {
                Err(_) if !outbox.is_empty() => {
                    outbox.starve();
                    Err(StreamError::WouldBlock)
                }
                answer => Ok(answer?),
            }
        })
    }

    fn send<T>(
        self: &Arc<Self>,
        write: impl FnOnce(&mut super::outbox::Outbox, &[u8]) -> Result<T, StreamError>,
    ) -> Result<T, StreamError> {
        if self.inner.is_gone() {
            return Err(Gone.into());
        }
        let _ = self.judge();
        let (head, len) = self.writable_head()?;
        let mut outbox = self.outbox.lock();
        self.check_open(outbox.state)?;
        let written = write(&mut outbox, &head[..len])?;
        drop(outbox);
        pump::start(self);
        Ok(written)
    }

    fn writable_head(&self) -> Result<([u8; 16], usize), StreamError> {
        let link = self.link.lock();
        if link.progress != Progress::Established || link.peer_deaf {
            return Err(if link.end == Some(End::Cut) { self.cut_off() } else { self.closed() });
        }
        Ok(link.connection.head(Flags::empty()))
    }

    pub(super) fn check_open(&self, state: Sending) -> Result<(), StreamError> {
        match state {
            Sending::Open => Ok(()),
            Sending::Finished => Err(self.closed()),
            Sending::Failed(SendError::Gone(gone)) => Err(gone.into()),
            Sending::Failed(
                SendError::ConnectionRefused { .. } | SendError::NoSuchDomain { .. },
            ) => Err(self.closed()),
            Sending::Failed(SendError::Denied { .. }) => Err(self.cut_off()),
            Sending::Failed(error) => Err(StreamError::Send(error)),
        }
    }

    /// Whether a write would not wait.
    pub(crate) fn is_writable(&self) -> bool {
        let outbox = self.outbox.lock();
        let open = outbox.state == Sending::Open && !self.inner.is_gone();
        !open || outbox.has_room() || self.link.lock().peer_deaf
    }

    /// Whether everything written lies in the peer's ring.
    pub(crate) fn try_flush(&self) -> Result<(), StreamError> {
        let outbox = self.outbox.lock();
        match outbox.state {
            Sending::Open | Sending::Finished if outbox.is_empty() => Ok(()),
            Sending::Open | Sending::Finished if self.inner.is_gone() => Err(Gone.into()),
            Sending::Open | Sending::Finished => Err(StreamError::WouldBlock),
            failed => self.check_open(failed),
        }
    }

    /// Says that nothing will follow what was written: a FIN on the extended wire. The plain wire
    /// has no half-close: there the peer hears of the end when the connection is closed.
    pub(crate) fn finish(self: &Arc<Self>) {
        let (head, len) = self.head(Flags::FIN);
        let mut outbox = self.outbox.lock();
        if outbox.state != Sending::Open {
            return;
        }
        outbox.state = Sending::Finished;
        if self.is_extended() {
            outbox.write_farewell(&head[..len]);
        }
        drop(outbox);
        self.changed();
        pump::start(self);
    }

    /// Reads give the end from now on, and what comes is thrown away.
    pub(crate) fn deafen(&self) {
        self.link.lock().deaf = true;
        self.discard();
        self.changed();
    }

    /// Throws away what nobody will read, so that the peer can go on.
    pub(super) fn discard(&self) {
        match &self.inbox {
            Inbox::Own(own) => {
                let Reader { connection, readable_to, .. } = self.reader();
                own.discard(&self.inner, &connection, readable_to);
            }
            Inbox::Shared(mailbox) => mailbox.clear(),
        }
    }

    /// Shuts down one way or both.
    pub(super) fn shut_down(self: &Arc<Self>, how: Shutdown) {
        if how != Shutdown::Write {
            self.deafen();
        }
        if how != Shutdown::Read {
            self.finish();
        }
    }
}
