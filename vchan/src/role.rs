//! The two sides of a channel, and the page's fields as each side sees them.

use core::sync::atomic::Ordering;

use crate::layout::{Flag, LIVE_AWAITED, LIVE_GONE, Ring};
use crate::memory::SharedPage;

/// Which side of the channel this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Grants the memory, reads the left ring, writes the right one.
    Server,
    /// Maps the memory, writes the left ring, reads the right one.
    Client,
}

impl Role {
    /// The other side.
    pub const fn peer(self) -> Role {
        match self {
            Role::Server => Role::Client,
            Role::Client => Role::Server,
        }
    }

    /// The ring that this side writes.
    pub const fn write_ring(self) -> Ring {
        match self {
            Role::Server => Ring::Right,
            Role::Client => Ring::Left,
        }
    }

    /// The ring that this side reads.
    pub const fn read_ring(self) -> Ring {
        self.peer().write_ring()
    }

    /// The byte that says whether this side is there.
    pub const fn live(self) -> Flag {
        match self {
            Role::Server => Flag::SrvLive,
            Role::Client => Flag::CliLive,
        }
    }

    /// The byte in which the peer asks this side for signals.
    pub const fn notify(self) -> Flag {
        match self {
            Role::Server => Flag::SrvNotify,
            Role::Client => Flag::CliNotify,
        }
    }
}

/// How the peer stands, as its live byte says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Presence {
    /// The peer has closed, or died.
    Gone,
    /// The peer is connected.
    Connected,
    /// No client has come yet: the server can write, and waits for the rest.
    Awaited,
}

impl Presence {
    /// How the peer of `role` stands. All that a peer wrote before it closed is visible to reads
    /// after this one. A byte that the format does not have counts as connected, as in the C
    /// library.
    #[inline]
    pub fn of_peer<M: SharedPage + ?Sized>(page: &M, role: Role) -> Presence {
        // Acquire pairs with the Release in `leave`: the last indexes come before the 0.
        match page.load_flag(role.peer().live(), Ordering::Acquire) {
            LIVE_GONE => Presence::Gone,
            LIVE_AWAITED => Presence::Awaited,
            _ => Presence::Connected,
        }
    }
}
