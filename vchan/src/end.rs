//! What both ends of a ring have in common: one private index and one read of the peer's.

use core::ops::Deref;
use core::sync::atomic::Ordering;

use crate::geometry::{Geometry, Order};
use crate::layout::{Ring, Word};
use crate::memory::{SharedPage, SharedRings};
use crate::notify::{Notify, Signal, answer, ask};
use crate::ring::{Indexes, LyingIndex, Spans};
use crate::role::{Presence, Role};

/// Which end of the ring this side has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Half {
    Write,
    Read,
}

impl Half {
    /// What the peer asks for when it waits for this end.
    fn causes(self) -> Notify {
        match self {
            Half::Write => Notify::Write,
            Half::Read => Notify::Read,
        }
    }

    /// What this end asks for when it waits for the peer.
    fn awaits(self) -> Notify {
        match self {
            Half::Write => Notify::Read,
            Half::Read => Notify::Write,
        }
    }
}

/// How many bytes can be moved now, measured against what was wanted.
pub(crate) enum Supply {
    Enough(u32),
    /// Too few. The peer has been asked to signal a change.
    Short {
        available: u32,
        peer: Presence,
    },
}

#[derive(Debug)]
pub(crate) struct End<P> {
    pub(crate) memory: P,
    pub(crate) ring: Ring,
    role: Role,
    half: Half,
    order: Order,
    own: Word,
    peers: Word,
    /// This side's own index. The page holds a copy for the peer, which is never read back.
    index: u32,
    /// The lie that broke the ring. A peer that lied once is not asked again.
    broken: Option<LyingIndex>,
}

impl<P: Deref<Target: SharedRings>> End<P> {
    pub(crate) fn new(memory: P, role: Role, half: Half, geometry: Geometry) -> End<P> {
        let ring = match half {
            Half::Write => role.write_ring(),
            Half::Read => role.read_ring(),
        };
        let (own, peers) = match half {
            Half::Write => (Word::prod(ring), Word::cons(ring)),
            Half::Read => (Word::cons(ring), Word::prod(ring)),
        };
        // A client of a server that had another client before goes on where that one stopped.
        let index = memory.load(own, Ordering::Acquire);
        let order = geometry.order(ring);
        End { memory, ring, role, half, order, own, peers, index, broken: None }
    }

    pub(crate) fn size(&self) -> u32 {
        self.order.size()
    }

    #[inline]
    pub(crate) fn peer(&self) -> Presence {
        Presence::of_peer(&*self.memory, self.role)
    }

    #[inline]
    pub(crate) fn spans(&self, len: u32) -> Spans {
        Spans::new(self.order, self.index, len)
    }

    /// Sees whether `wanted` bytes can be moved. If not, asks for a signal and looks again, so that
    /// a change in between is not missed.
    pub(crate) fn supply(&mut self, wanted: u32) -> Result<Supply, LyingIndex> {
        let available = self.available()?;
        if available >= wanted {
            return Ok(Supply::Enough(available));
        }
        self.ask();
        // Before the index: what a peer wrote and then left must not be taken for nothing.
        let peer = self.peer();
        let available = self.available()?;
        Ok(match available >= wanted {
            true => Supply::Enough(available),
            false => Supply::Short { available, peer },
        })
    }

    /// Asks for a signal at the next change, then counts.
    pub(crate) fn watched(&mut self) -> Result<u32, LyingIndex> {
        self.ask();
        self.available()
    }

    /// Sees whether there is anything to do for who wants to move `wanted` bytes, without asking for
    /// a signal: the bytes there are (of which there may be fewer if the peer has gone), or 0 for an
    /// error that the next call will tell.
    pub(crate) fn glance(&mut self, wanted: u32) -> Option<u32> {
        match self.available() {
            Ok(available) if available >= wanted => Some(available),
            Ok(available) => (self.peer() == Presence::Gone).then_some(available),
            Err(_) => Some(0),
        }
    }

    /// Publishes that `moved` bytes were copied.
    #[inline]
    pub(crate) fn publish(&mut self, moved: u32) -> Signal {
        self.index = self.index.wrapping_add(moved);
        // Release pairs with the Acquire in the peer's `available`: the bytes were written (or
        // read) before the peer may read (or overwrite) them.
        self.memory.store(self.own, self.index, Ordering::Release);
        answer(&*self.memory, self.role.notify(), self.half.causes())
    }

    /// Bytes that can be moved, by one read of the peer's index.
    #[inline]
    pub(crate) fn available(&mut self) -> Result<u32, LyingIndex> {
        if let Some(lie) = self.broken {
            return Err(lie);
        }
        let peers = self.memory.load(self.peers, Ordering::Acquire);
        let counted = match self.half {
            Half::Write => {
                let seen = Indexes { cons: peers, prod: self.index };
                seen.buffer_space(self.ring, self.order)
            }
            Half::Read => {
                let seen = Indexes { cons: self.index, prod: peers };
                seen.data_ready(self.ring, self.order)
            }
        };
        if let Err(lie) = counted {
            self.broken = Some(lie);
        }
        counted
    }

    fn ask(&self) {
        ask(&*self.memory, self.role.peer().notify(), self.half.awaits());
    }
}
