//! The writing end of one direction.

use core::ops::Deref;

use crate::cause::Cause;
use crate::end::{End, Half, Supply};
use crate::geometry::Geometry;
use crate::memory::SharedRings;
use crate::notify::{Signal, Transfer};
use crate::ring::LyingIndex;
use crate::role::{Presence, Role};

/// Writes the ring that this side of a channel produces into.
///
/// `P` points to the memory: a reference, or a shared pointer when the halves live on two threads.
/// There must be one writer a side. Nothing here waits: "would block" means that the peer has been
/// asked for a signal and the caller can wait for one. Dropping it changes nothing in the memory;
/// [`leave`](crate::leave) is what tells the peer.
#[derive(Debug)]
pub struct Writer<P> {
    end: End<P>,
}

impl<P: Deref<Target: SharedRings>> Writer<P> {
    /// Takes up the ring that `role` writes, at the index which stands in the page.
    pub fn new(memory: P, role: Role, geometry: Geometry) -> Writer<P> {
        Writer { end: End::new(memory, role, Half::Write, geometry) }
    }

    /// The ring's size in bytes: the most that one [`send`](Writer::send) can carry.
    pub fn size(&self) -> u32 {
        self.end.size()
    }

    /// Whether the peer is there.
    pub fn peer(&self) -> Presence {
        self.end.peer()
    }

    /// Free bytes, 0 to [`size`](Writer::size); also asks for a signal when more become free.
    ///
    /// # Errors
    /// The peer broke the protocol.
    pub fn buffer_space(&mut self) -> Result<u32, LyingIndex> {
        self.end.watched()
    }

    /// Whether a [`send`](Writer::send) of `wanted` bytes has something to tell other than "would
    /// block". Asks for no signal: for who looks again soon, and asks before it sleeps.
    pub fn glance(&mut self, wanted: u32) -> bool {
        self.end.glance(wanted).is_some()
    }

    /// As [`glance`](Self::glance): the bytes there are.
    #[cfg(feature = "alloc")]
    pub(crate) fn seen(&mut self, wanted: u32) -> Option<u32> {
        self.end.glance(wanted)
    }

    /// As [`send`](Writer::send) if that would succeed; else `None`, and nobody was asked for a signal:
    /// `send` tells why.
    #[inline]
    pub fn send_now(&mut self, data: &[u8]) -> Option<Signal> {
        (data.len() <= self.room()?).then(|| self.put(data))
    }

    /// As [`write`](Writer::write) if that would succeed and move a byte; else `None`, and nobody was asked for
    /// a signal: `write` tells why.
    #[inline]
    pub fn write_now(&mut self, data: &[u8]) -> Option<Transfer> {
        let bytes = data.len().min(self.room()?);
        (bytes > 0).then(|| Transfer { bytes, signal: self.put(data.split_at(bytes).0) })
    }

    /// Free bytes, if the peer is there and tells no lies.
    #[inline]
    fn room(&mut self) -> Option<usize> {
        match self.end.peer() {
            Presence::Gone => None,
            _ => self.end.available().ok().map(|free| free as usize),
        }
    }

    /// Writes all of `data` or nothing.
    ///
    /// # Errors
    /// See [`SendError`]; nothing was written then.
    pub fn send(&mut self, data: &[u8]) -> Result<Signal, SendError> {
        let size = self.end.size();
        let needed = u32::try_from(data.len()).ok().filter(|needed| *needed <= size);
        let needed = needed.ok_or(SendError::TooBig { len: data.len(), size })?;
        if self.end.peer() == Presence::Gone {
            return Err(SendError::Closed);
        }
        match self.end.supply(needed)? {
            Supply::Enough(_) => Ok(self.put(data)),
            Supply::Short { peer: Presence::Gone, .. } => Err(SendError::Closed),
            Supply::Short { available: free, .. } => Err(SendError::WouldBlock { needed, free }),
        }
    }

    /// Writes as much of `data` as there is room for, at least one byte.
    ///
    /// The signal for more room is asked for only by "would block": who wrote a part tries again
    /// before waiting, or calls [`buffer_space`](Writer::buffer_space).
    ///
    /// # Errors
    /// See [`WriteError`]; nothing was written then.
    pub fn write(&mut self, data: &[u8]) -> Result<Transfer, WriteError> {
        if self.end.peer() == Presence::Gone {
            return Err(WriteError::Closed);
        }
        if data.is_empty() {
            return Ok(Transfer { bytes: 0, signal: Signal::NotNeeded });
        }
        match self.end.supply(1)? {
            Supply::Enough(free) => {
                let bytes = data.len().min(free as usize);
                Ok(Transfer { bytes, signal: self.put(data.split_at(bytes).0) })
            }
            Supply::Short { peer: Presence::Gone, .. } => Err(WriteError::Closed),
            Supply::Short { .. } => Err(WriteError::WouldBlock { size: self.end.size() }),
        }
    }

    /// Copies `data`, which has room, and publishes it.
    #[inline]
    fn put(&mut self, data: &[u8]) -> Signal {
        #[allow(clippy::cast_possible_truncation, reason = "at most the ring's size")]
        let len = data.len() as u32;
        let spans = self.end.spans(len);
        let (first, rest) = data.split_at(spans.first as usize);
        self.end.memory.copy_in(self.end.ring, spans.offset, first);
        if !rest.is_empty() {
            self.end.memory.copy_in(self.end.ring, 0, rest);
        }
        self.end.publish(len)
    }
}

/// Why nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// It can never fit: larger than the whole ring.
    #[error("{len} bytes can never fit in a ring of {size}")]
    TooBig {
        /// The bytes given.
        len: usize,
        /// The ring's size in bytes.
        size: u32,
    },
    /// It does not fit now. The peer has been asked to signal when it consumes.
    #[error("{needed} bytes needed, {free} free")]
    WouldBlock {
        /// Free bytes needed.
        needed: u32,
        /// Free bytes there are.
        free: u32,
    },
    /// The time was over, else as for `WouldBlock`. Only a call that waits answers so.
    #[error("timed out: {needed} bytes needed, {free} free")]
    TimedOut {
        /// Free bytes needed.
        needed: u32,
        /// Free bytes there are.
        free: u32,
    },
    /// The peer can be waited for no more, though it has not closed. Only a call that waits answers
    /// so.
    #[error("the event channel is lost: {0}")]
    Lost(Cause),
    /// The peer has gone.
    #[error("the channel is closed")]
    Closed,
    /// The peer broke the protocol: close the channel.
    #[error(transparent)]
    Broken(#[from] LyingIndex),
}

/// Why nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// All of the ring is full. The peer has been asked to signal when it consumes.
    #[error("the ring of {size} bytes is full")]
    WouldBlock {
        /// The ring's size in bytes.
        size: u32,
    },
    /// The time was over, else as for `WouldBlock`. Only a call that waits answers so.
    #[error("timed out: the ring of {size} bytes is full")]
    TimedOut {
        /// The ring's size in bytes.
        size: u32,
    },
    /// The peer can be waited for no more, though it has not closed. Only a call that waits answers
    /// so.
    #[error("the event channel is lost: {0}")]
    Lost(Cause),
    /// The peer has gone.
    #[error("the channel is closed")]
    Closed,
    /// The peer broke the protocol: close the channel.
    #[error(transparent)]
    Broken(#[from] LyingIndex),
}
