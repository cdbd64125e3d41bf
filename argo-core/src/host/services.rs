//! Xen's other services, as a process asks argod for them: grants, event channels and a store.
//!
//! A process connects to its domain's socket, as for an attachment, but says [`Hello`] with
//! [`SERVICES_MAGIC`]. It gets no RAM and no session; what it makes over the connection belongs to
//! the connection and goes with it, as what is made over a file of Xen's devices goes with the file.
//!
//! ```text
//! process                         argod
//!   | -- Hello ------------------>  |  checks credentials, the number of connections, version
//!   | <------------------ Welcome   |  which domain this is, or why not
//!   | -- Request + body --------->  |
//!   | <------ Answer + body (+ fds) |  one for each request, in their order
//!   | <-- Answer with EVENT_TAG     |  a watch has fired, at any time
//! ```
//!
//! Each message is one packet of at most [`PACKET_MAX`] bytes. Numbers are little-endian `u32`.
//!
//! | op | body | the answer's body | descriptors |
//! |---|---|---|---|
//! | [`Share`](Op::Share) | [`Share`] | [`Shared`] | the memory, to read and write |
//! | [`Unshare`](Op::Unshare) | [`Handle`]: the share | nothing | |
//! | [`Map`](Op::Map) | [`Map`], then [`Entry`] each page | [`Mapped`], then [`Part`]s | one a share |
//! | [`Unmap`](Op::Unmap) | [`Handle`]: the map | nothing | |
//! | [`AllocUnbound`](Op::AllocUnbound) | [`Handle`]: the domain that may bind | [`Handle`]: the port | its end |
//! | [`BindInterdomain`](Op::BindInterdomain) | [`Bind`] | [`Handle`]: the port | its end |
//! | [`CloseChannel`](Op::CloseChannel) | [`Handle`]: the port | nothing | |
//! | [`IsAllocated`](Op::IsAllocated) | [`Handle`]: a port of this domain | [`Handle`]: 1 or 0 | |
//! | [`Store`](Op::Store) | one message of [`crate::xenstore`] | one such message | |
//!
//! An answer with an errno has the reason as its body, in UTF-8. What the store refuses is not such
//! an answer: it is a message of the store's own.
//!
//! **Memory.** A share is a memfd of whole pages whose size is sealed. It is mapped from page 0 (the
//! share) or from the page of each [`Part`] (a map). Holes can be punched into it by either side, and
//! read as zeros.
//!
//! **Event channels.** An end is a stream socket that no other domain holds. To notify, send a byte
//! without waiting; "would block" is as good, for a notification is pending then. A pending
//! notification makes the end readable; reading all bytes takes it. The end of the stream means that
//! the other domain has closed the port that this one was bound to, for ever. A port that was
//! allocated here and is not bound (yet, or any more) looks like one whose peer does nothing. To bind
//! to a port that is bound already is `EBUSY`, where Xen says `EINVAL`: who came second is to know
//! that somebody is there.
//!
//! **What goes with a connection.** When it ends, whether closed or killed, first each share and map
//! that has a [`Notify`] does what that says: a zero is stored in the byte, the event is sent. Then
//! shares are revoked (no new maps; existing ones last), ports closed, watches and transactions
//! forgotten.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

pub use super::attach::Hello;
use super::attach::Text;

/// What a connection for services begins with: "XSVC".
pub const SERVICES_MAGIC: u32 = u32::from_le_bytes(*b"XSVC");

/// The version of everything in this module.
pub const SERVICES_VERSION: u32 = 1;

/// The longest packet in either direction, in bytes.
pub const PACKET_MAX: usize = 16 << 10;

/// Pages of one share, and entries of one map, at most.
pub const PAGES_MAX: u32 = 1024;

/// Shares that the entries of one map may lie in: as many descriptors come with the answer.
pub const PARTS_SHARES_MAX: usize = 64;

/// The tag of an answer that answers nothing: its body is a `WATCH_EVENT` message.
pub const EVENT_TAG: u32 = u32::MAX;

/// "No byte" or "no port" in a [`Notify`].
pub const NONE: u32 = u32::MAX;

impl Hello {
    /// Asks for the services.
    pub fn for_services() -> Self {
        Self { magic: SERVICES_MAGIC, version: SERVICES_VERSION, queues: 0, reserved: 0 }
    }
}

/// argod to process: the connection is served from here on, or why it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Welcome {
    /// [`SERVICES_MAGIC`]
    pub magic: u32,
    /// [`SERVICES_VERSION`] of argod.
    pub version: u32,
    /// 0, or the (positive) errno of a refusal; then only `text` means anything.
    pub errno: u32,
    /// The domain.
    pub domain: u32,
    /// Why it was refused, UTF-8, padded with zeros.
    pub text: Text,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Op {
    /// Makes memory that one other domain may map.
    Share = 1,
    /// Takes it back: no new maps.
    Unshare = 2,
    /// Maps what other domains have shared.
    Map = 3,
    /// Says that the mapping was taken down.
    Unmap = 4,
    /// Makes a port that one other domain may bind to.
    AllocUnbound = 5,
    /// Makes a port bound to another domain's.
    BindInterdomain = 6,
    /// Closes a port.
    CloseChannel = 7,
    /// Passes a message to the store.
    Store = 8,
    /// Asks whether a port of this domain, of whatever connection, is one that was allocated and is
    /// still there. A server that finds keys in the store asks so whether their server lives.
    IsAllocated = 9,
}

impl Op {
    /// The operation with this number.
    pub const fn new(number: u32) -> Option<Self> {
        Some(match number {
            1 => Self::Share,
            2 => Self::Unshare,
            3 => Self::Map,
            4 => Self::Unmap,
            5 => Self::AllocUnbound,
            6 => Self::BindInterdomain,
            7 => Self::CloseChannel,
            8 => Self::Store,
            9 => Self::IsAllocated,
            _ => return None,
        })
    }
}

/// The head of what a process sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Request {
    /// An [`Op`].
    pub op: u32,
    /// Chosen by the process, repeated in the answer. Not [`EVENT_TAG`].
    pub tag: u32,
}

/// The head of what argod sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Answer {
    /// The request's tag, or [`EVENT_TAG`].
    pub tag: u32,
    /// 0, or the (positive) errno; then the body is the reason.
    pub errno: u32,
}

/// What happens when a share or a map is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Notify {
    /// The byte that becomes zero, from the first page's start (share) or the first entry's (map);
    /// or [`NONE`].
    pub offset: u32,
    /// The port of this domain over which an event is sent, or [`NONE`]. It may be of another
    /// connection of the domain, and the event is sent even if it was closed meanwhile.
    pub port: u32,
}

impl Notify {
    /// Nothing happens.
    pub const NOTHING: Self = Self { offset: NONE, port: NONE };
}

/// Whether a page is for reading only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Access {
    /// It can be read.
    Read = 0,
    /// It can be read and written.
    Write = 1,
}

impl Access {
    /// The access with this number.
    pub const fn new(number: u32) -> Option<Self> {
        match number {
            0 => Some(Self::Read),
            1 => Some(Self::Write),
            _ => None,
        }
    }
}

/// The body of [`Op::Share`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Share {
    /// The domain that may map it.
    pub to: u32,
    /// How, an [`Access`].
    pub access: u32,
    /// How many pages: 1 to [`PAGES_MAX`].
    pub pages: u32,
    /// What happens when it is taken back.
    pub notify: Notify,
}

/// The answer to [`Op::Share`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Shared {
    /// The share, for [`Op::Unshare`].
    pub share: u32,
    /// The first page's grant reference; the others follow it without a gap.
    pub reference: u32,
}

/// The body of [`Op::Map`]; as many [`Entry`]s follow as it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Map {
    /// How, an [`Access`].
    pub access: u32,
    /// How many entries follow: 1 to [`PAGES_MAX`].
    pub entries: u32,
    /// What happens when it is given up.
    pub notify: Notify,
}

/// One page that is to be mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Entry {
    /// The domain that shared it.
    pub domain: u32,
    /// Its grant reference.
    pub reference: u32,
}

/// The answer to [`Op::Map`]; as many [`Part`]s follow as it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Mapped {
    /// The map, for [`Op::Unmap`].
    pub map: u32,
    /// How many parts follow. Together they are all entries, in their order.
    pub parts: u32,
}

/// Consecutive pages of one share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Part {
    /// Which of the descriptors that came with the answer, from 0.
    pub descriptor: u32,
    /// The first page in it, from 0.
    pub page: u32,
    /// How many pages.
    pub pages: u32,
}

/// The body of [`Op::BindInterdomain`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Bind {
    /// The domain that has allocated the port.
    pub remote: u32,
    /// That port.
    pub port: u32,
}

/// A share, a map, a port, a domain, or 1 for yes and 0 for no, alone in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Handle {
    /// Its number.
    pub number: u32,
}

const _: () = {
    assert!(size_of::<Request>() == 8);
    assert!(size_of::<Answer>() == 8);
    assert!(size_of::<Share>() == 20);
    assert!(size_of::<Map>() == 16);
    let longest = size_of::<Request>() + size_of::<Map>() + PAGES_MAX as usize * size_of::<Entry>();
    assert!(longest <= PACKET_MAX);
    let answer = size_of::<Answer>() + size_of::<Mapped>() + PAGES_MAX as usize * size_of::<Part>();
    assert!(answer <= PACKET_MAX);
};
