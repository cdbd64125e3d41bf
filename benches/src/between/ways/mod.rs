//! The ways that are compared, each with an end in two processes.

mod argo;
mod bare;
mod framed;
#[cfg(feature = "peers")]
mod iceoryx;
mod packets;
mod plain;
mod rendezvous;
mod vchan;

use std::ops::Range;

use clap::ValueEnum;

use super::end::Home;
use super::relay::Passes;
use crate::case::Failure;
use argo::{Argo, ArgoStream};
use bare::BareRing;
use framed::{Framed, Writes};
pub use framed::{READ, whole_frames};
use packets::Packets;
use plain::Plain;
pub use vchan::ORDER;
use vchan::Vchan;

/// One end of a way.
pub trait Mover {
    /// Sends the messages of these numbers, `len` bytes each.
    ///
    /// # Errors
    /// The way broke.
    fn send(&mut self, len: usize, numbers: Range<u64>) -> Result<(), Failure>;

    /// Receives that many messages and returns the sum of all.
    ///
    /// # Errors
    /// The way broke, or a message had another length.
    fn receive(&mut self, len: usize, count: u64) -> Result<u64, Failure>;
}

/// The ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, ValueEnum)]
pub enum Way {
    /// Datagrams through argod.
    Argo,
    /// Frames on a Unix stream, a write each.
    Framed,
    /// Frames on a Unix stream, as many in a write as there are calls of ours in flight.
    Gathered,
    /// Frames on a Unix stream, a write each, to a process that passes whole frames on.
    Relayed,
    /// The same with as many frames in a write as there are calls of ours in flight.
    RelayedGathered,
    /// Unix packets.
    Packets,
    /// Frames in a pipe, a write each.
    Pipe,
    /// Shared memory without copies.
    #[cfg(feature = "peers")]
    Iceoryx,
    /// A stream through argod.
    Stream,
    /// A Unix stream.
    Unix,
    /// A Unix stream to a process that copies to a Unix stream.
    Relay,
    /// A vchan through argod.
    Vchan,
    /// A bare ring in memory that argod shares.
    Bare,
    /// A vchan of Debian's library, in a program of its own.
    Debian,
}

impl Way {
    /// What it is called in orders.
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// What it is called in tables.
    pub fn title(self) -> &'static str {
        match self {
            Self::Argo => "argod",
            Self::Framed => "Unix stream",
            Self::Gathered => "Unix stream, gathered",
            Self::Relayed => "relay",
            Self::RelayedGathered => "relay, gathered",
            Self::Packets => "Unix seqpacket",
            Self::Pipe => "pipe",
            #[cfg(feature = "peers")]
            Self::Iceoryx => "iceoryx2, spinning",
            Self::Stream => "stream over argod",
            Self::Unix => "Unix stream",
            Self::Relay => "Unix stream through a relay",
            Self::Vchan => "vchan",
            Self::Bare => "bare ring",
            Self::Debian => "libxenvchan",
        }
    }

    /// Connects this end. The receiver's listens first, and then calls `ready`.
    ///
    /// # Errors
    /// The other end, the relay or argod is not there.
    pub fn meet(self, home: &mut Home, ready: impl FnOnce()) -> Result<Box<dyn Mover>, Failure> {
        let (name, frames) = (self.name(), Passes::Frames);
        Ok(match self {
            Self::Argo => Box::new(Argo::meet(home, ready)?),
            Self::Framed => {
                Box::new(Framed::new(rendezvous::direct(home, &name, ready)?, Writes::Each))
            }
            Self::Gathered => {
                Box::new(Framed::new(rendezvous::direct(home, &name, ready)?, Writes::Gathered))
            }
            Self::Relayed => {
                Box::new(Framed::new(rendezvous::relayed(home, frames, ready)?, Writes::Each))
            }
            Self::RelayedGathered => {
                Box::new(Framed::new(rendezvous::relayed(home, frames, ready)?, Writes::Gathered))
            }
            Self::Packets => Box::new(Packets::new(rendezvous::packets(home, ready)?)),
            Self::Pipe => Box::new(Framed::new(rendezvous::pipe(home, ready)?, Writes::Each)),
            #[cfg(feature = "peers")]
            Self::Iceoryx => Box::new(iceoryx::Iceoryx::meet(home, ready)?),
            Self::Stream => Box::new(Plain::new(ArgoStream::meet(home, ready)?)),
            Self::Unix => Box::new(Plain::new(rendezvous::direct(home, &name, ready)?)),
            Self::Relay => Box::new(Plain::new(rendezvous::relayed(home, Passes::Bytes, ready)?)),
            Self::Vchan => Box::new(Plain::new(Vchan::meet(home, ready)?)),
            Self::Bare => Box::new(Plain::new(BareRing::meet(home, ready)?)),
            Self::Debian => return Err("Debian's library is in another program".into()),
        })
    }
}

/// Bytes of payload that are in flight at once, at most.
const IN_FLIGHT: usize = 256 << 10;
/// Messages that are in flight at once, at most.
const IN_FLIGHT_MESSAGES: usize = 128;

/// Has messages of `len` bytes sent in groups: as many of our calls as are submitted at once, or as
/// many of a peer's frames as go into one write.
fn in_groups(
    len: usize,
    numbers: Range<u64>,
    mut group: impl FnMut(Range<u64>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let at_once = (IN_FLIGHT / len).clamp(1, IN_FLIGHT_MESSAGES) as u64;
    let mut begin = numbers.start;
    while begin < numbers.end {
        let end = numbers.end.min(begin + at_once);
        group(begin..end)?;
        begin = end;
    }
    Ok(())
}
