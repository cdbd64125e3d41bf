//! The reading end of one direction.

use core::ops::{Deref, Range};

use crate::cause::Cause;
use crate::end::{End, Half, Supply};
use crate::geometry::Geometry;
use crate::memory::SharedRings;
use crate::notify::{Signal, Transfer};
use crate::ring::LyingIndex;
use crate::role::{Presence, Role};

/// Reads the ring that this side of a channel consumes.
///
/// The rules of [`Writer`](crate::Writer) hold here too: one reader a side, no waiting, and a drop
/// that changes nothing. What a peer wrote before it left can still be read.
#[derive(Debug)]
pub struct Reader<P> {
    end: End<P>,
    /// Bytes that [`front`](Reader::front) has told of.
    front: u32,
}

impl<P: Deref<Target: SharedRings>> Reader<P> {
    /// Takes up the ring that `role` reads, at the index which stands in the page.
    pub fn new(memory: P, role: Role, geometry: Geometry) -> Reader<P> {
        Reader { end: End::new(memory, role, Half::Read, geometry), front: 0 }
    }

    /// The ring's size in bytes: the most that one [`recv`](Reader::recv) can ask for.
    pub fn size(&self) -> u32 {
        self.end.size()
    }

    /// Whether the peer is there.
    pub fn peer(&self) -> Presence {
        self.end.peer()
    }

    /// Bytes to read, 0 to [`size`](Reader::size); also asks for a signal when more are written.
    ///
    /// # Errors
    /// The peer broke the protocol.
    pub fn data_ready(&mut self) -> Result<u32, LyingIndex> {
        self.end.watched()
    }

    /// Whether a [`recv`](Reader::recv) of `wanted` bytes has something to tell other than "would
    /// block". Asks for no signal: for who looks again soon, and asks before it sleeps.
    pub fn glance(&mut self, wanted: u32) -> bool {
        self.end.glance(wanted).is_some()
    }

    /// As [`glance`](Self::glance): the bytes there are.
    #[cfg(feature = "alloc")]
    pub(crate) fn seen(&mut self, wanted: u32) -> Option<u32> {
        self.end.glance(wanted)
    }

    /// As [`recv`](Reader::recv) if that would succeed; else `None`, and nobody was asked for a signal:
    /// `recv` tells why.
    #[inline]
    pub fn recv_now(&mut self, buffer: &mut [u8]) -> Option<Signal> {
        let ready = self.end.available().ok()? as usize;
        (buffer.len() <= ready).then(|| self.take(buffer))
    }

    /// As [`read`](Reader::read) if that would succeed and move a byte; else `None`, and nobody was asked for
    /// a signal: `read` tells why.
    #[inline]
    pub fn read_now(&mut self, buffer: &mut [u8]) -> Option<Transfer> {
        let bytes = buffer.len().min(self.end.available().ok()? as usize);
        (bytes > 0).then(|| Transfer { bytes, signal: self.take(buffer.split_at_mut(bytes).0) })
    }

    /// Fills all of `buffer` or takes nothing.
    ///
    /// # Errors
    /// See [`RecvError`]; nothing was taken then and `buffer` is as it was.
    pub fn recv(&mut self, buffer: &mut [u8]) -> Result<Signal, RecvError> {
        let size = self.end.size();
        let needed = u32::try_from(buffer.len()).ok().filter(|needed| *needed <= size);
        let needed = needed.ok_or(RecvError::TooBig { len: buffer.len(), size })?;
        match self.end.supply(needed)? {
            Supply::Enough(_) => Ok(self.take(buffer)),
            Supply::Short { available: ready, peer: Presence::Gone } => {
                Err(RecvError::Closed { ready })
            }
            Supply::Short { available: ready, .. } => Err(RecvError::WouldBlock { needed, ready }),
        }
    }

    /// Reads what there is, up to all of `buffer`, at least one byte.
    ///
    /// The signal for more data is asked for only by "would block": who read a part tries again
    /// before waiting, or calls [`data_ready`](Reader::data_ready).
    ///
    /// # Errors
    /// See [`ReadError`]; nothing was taken then.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<Transfer, ReadError> {
        if buffer.is_empty() {
            return Ok(Transfer { bytes: 0, signal: Signal::NotNeeded });
        }
        match self.end.supply(1)? {
            Supply::Enough(ready) => {
                let bytes = buffer.len().min(ready as usize);
                Ok(Transfer { bytes, signal: self.take(buffer.split_at_mut(bytes).0) })
            }
            Supply::Short { peer: Presence::Gone, .. } => Err(ReadError::Closed),
            Supply::Short { .. } => Err(ReadError::WouldBlock),
        }
    }

    /// Where in the ring the bytes lie that can be read in place: as many as are ready before the
    /// ring's end, at least one. The peer can still change them.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn front(&mut self) -> Result<Range<u32>, ReadError> {
        match self.end.supply(1)? {
            Supply::Enough(ready) => {
                let spans = self.end.spans(ready);
                self.front = spans.first;
                Ok(spans.offset..spans.offset + spans.first)
            }
            Supply::Short { peer: Presence::Gone, .. } => Err(ReadError::Closed),
            Supply::Short { .. } => Err(ReadError::WouldBlock),
        }
    }

    /// Gives back the room of bytes that were read in place: at most those that the last
    /// [`front`](Reader::front) told of and that were not consumed since.
    pub fn consume(&mut self, bytes: u32) -> Transfer {
        let bytes = bytes.min(self.front);
        self.front -= bytes;
        match bytes {
            0 => Transfer { bytes: 0, signal: Signal::NotNeeded },
            _ => Transfer { bytes: bytes as usize, signal: self.end.publish(bytes) },
        }
    }

    /// Copies out bytes that are ready and gives their room back.
    #[inline]
    fn take(&mut self, buffer: &mut [u8]) -> Signal {
        #[allow(clippy::cast_possible_truncation, reason = "at most the ring's size")]
        let len = buffer.len() as u32;
        self.front = 0;
        let spans = self.end.spans(len);
        let (first, rest) = buffer.split_at_mut(spans.first as usize);
        self.end.memory.copy_out(self.end.ring, spans.offset, first);
        if !rest.is_empty() {
            self.end.memory.copy_out(self.end.ring, 0, rest);
        }
        self.end.publish(len)
    }
}

/// Why nothing was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecvError {
    /// So many bytes can never be ready at once: more than the whole ring.
    #[error("{len} bytes can never be ready in a ring of {size}")]
    TooBig {
        /// The bytes asked for.
        len: usize,
        /// The ring's size in bytes.
        size: u32,
    },
    /// Too few are ready now. The peer has been asked to signal when it writes.
    #[error("{needed} bytes needed, {ready} ready")]
    WouldBlock {
        /// Bytes needed.
        needed: u32,
        /// Bytes that are ready.
        ready: u32,
    },
    /// The time was over, else as for `WouldBlock`. Only a call that waits answers so.
    #[error("timed out: {needed} bytes needed, {ready} ready")]
    TimedOut {
        /// Bytes needed.
        needed: u32,
        /// Bytes that are ready.
        ready: u32,
    },
    /// The peer can be waited for no more, though it has not closed. Only a call that waits answers
    /// so.
    #[error("the event channel is lost: {0}")]
    Lost(Cause),
    /// The peer has gone and left too few; [`Reader::read`] takes those.
    #[error("the channel is closed with {ready} bytes left to read")]
    Closed {
        /// Bytes that are ready.
        ready: u32,
    },
    /// The peer broke the protocol: close the channel.
    #[error(transparent)]
    Broken(#[from] LyingIndex),
}

/// Why nothing was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Not a byte is ready. The peer has been asked to signal when it writes.
    #[error("no byte is ready")]
    WouldBlock,
    /// The time was over, else as for `WouldBlock`. Only a call that waits answers so.
    #[error("timed out: no byte is ready")]
    TimedOut,
    /// The peer can be waited for no more, though it has not closed. Only a call that waits answers
    /// so.
    #[error("the event channel is lost: {0}")]
    Lost(Cause),
    /// The peer has gone and all that it wrote was read.
    #[error("the channel is closed")]
    Closed,
    /// The peer broke the protocol: close the channel.
    #[error(transparent)]
    Broken(#[from] LyingIndex),
}
