//! The shared page: where each field lies, as Xen's public `io/libxenvchan.h` has it.
//!
//! All fields are little-endian, and all of them can be written by the peer at any moment.

use core::fmt;
use core::mem::{offset_of, size_of};

/// Bytes of the shared page, and of each granted page.
pub const PAGE_SIZE: usize = 4096;

/// log2 of [`PAGE_SIZE`]: a ring of this order or more lies in granted pages of its own.
pub const PAGE_ORDER: u16 = 12;

/// Where the grant list begins in the shared page, in bytes.
pub const GRANTS_OFFSET: usize = size_of::<Interface>();

/// Entries of the longest legal grant list: two rings of 1 MiB.
pub const MAX_GRANTS: u16 = 512;

/// `cli_live` or `srv_live`: this side has gone.
pub const LIVE_GONE: u8 = 0;
/// `cli_live` or `srv_live`: this side is connected.
pub const LIVE_CONNECTED: u8 = 1;
/// `cli_live` only: no client has come yet.
pub const LIVE_AWAITED: u8 = 2;

/// The two indexes of a ring. They run free modulo 2^32, in bytes.
#[repr(C)]
pub struct RingWords {
    /// Bytes ever consumed; the reading side stores it.
    pub cons: u32,
    /// Bytes ever produced; the writing side stores it.
    pub prod: u32,
}

/// The fixed part of the shared page. It is a map to take offsets from: memory that the peer can
/// write is never borrowed as this struct, it is reached through
/// [`SharedPage`](crate::SharedPage).
#[repr(C)]
pub struct Interface {
    /// The ring that the client writes and the server reads.
    pub left: RingWords,
    /// The ring that the server writes and the client reads.
    pub right: RingWords,
    /// log2 of the left ring's bytes.
    pub left_order: u16,
    /// log2 of the right ring's bytes.
    pub right_order: u16,
    /// Whether the client is there: one of the `LIVE_` values.
    pub cli_live: u8,
    /// Whether the server is there: one of the `LIVE_` values.
    pub srv_live: u8,
    /// What the client must signal: set by the server, cleared by the client.
    pub cli_notify: u8,
    /// What the server must signal: set by the client, cleared by the server.
    pub srv_notify: u8,
}

const _: () = {
    assert!(offset_of!(Interface, left.cons) == 0);
    assert!(offset_of!(Interface, left.prod) == 4);
    assert!(offset_of!(Interface, right.cons) == 8);
    assert!(offset_of!(Interface, right.prod) == 12);
    assert!(offset_of!(Interface, left_order) == 16);
    assert!(offset_of!(Interface, right_order) == 18);
    assert!(offset_of!(Interface, cli_live) == 20);
    assert!(offset_of!(Interface, srv_live) == 21);
    assert!(offset_of!(Interface, cli_notify) == 22);
    assert!(offset_of!(Interface, srv_notify) == 23);
    assert!(GRANTS_OFFSET == 24);
    assert!(GRANTS_OFFSET + MAX_GRANTS as usize * size_of::<u32>() <= PAGE_SIZE);
    assert!(PAGE_SIZE == 1 << PAGE_ORDER);
};

/// One of the two rings of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ring {
    /// The client writes, the server reads.
    Left,
    /// The server writes, the client reads.
    Right,
}

impl fmt::Display for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Ring::Left => "left",
            Ring::Right => "right",
        })
    }
}

/// An aligned 32-bit word of the shared page. Only the words that the format has can be named, so
/// a memory implementation needs no bounds check, and no word overlaps a [`Flag`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Word(u16);

#[allow(clippy::cast_possible_truncation, reason = "places in a page")]
impl Word {
    /// Both orders: the left one in the low half, the right one in the high half. One word, so
    /// that both are copied by one read.
    pub const ORDERS: Word = Word(offset_of!(Interface, left_order) as u16);

    /// The consumer index of `ring`.
    pub const fn cons(ring: Ring) -> Word {
        match ring {
            Ring::Left => Word(offset_of!(Interface, left.cons) as u16),
            Ring::Right => Word(offset_of!(Interface, right.cons) as u16),
        }
    }

    /// The producer index of `ring`.
    pub const fn prod(ring: Ring) -> Word {
        match ring {
            Ring::Left => Word(offset_of!(Interface, left.prod) as u16),
            Ring::Right => Word(offset_of!(Interface, right.prod) as u16),
        }
    }

    /// An entry of the grant list, `None` from [`MAX_GRANTS`] on.
    pub const fn grant(slot: u16) -> Option<Word> {
        if slot < MAX_GRANTS { Some(Word(GRANTS_OFFSET as u16 + 4 * slot)) } else { None }
    }

    /// Bytes from the start of the shared page: a multiple of 4, below 2072.
    pub const fn offset(self) -> usize {
        self.0 as usize
    }
}

/// A byte of the shared page that one side sets and the other side clears.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flag {
    /// Whether the client is there.
    CliLive,
    /// Whether the server is there.
    SrvLive,
    /// What the client must signal.
    CliNotify,
    /// What the server must signal.
    SrvNotify,
}

impl Flag {
    /// Bytes from the start of the shared page: 20 to 23.
    pub const fn offset(self) -> usize {
        match self {
            Flag::CliLive => offset_of!(Interface, cli_live),
            Flag::SrvLive => offset_of!(Interface, srv_live),
            Flag::CliNotify => offset_of!(Interface, cli_notify),
            Flag::SrvNotify => offset_of!(Interface, srv_notify),
        }
    }
}
