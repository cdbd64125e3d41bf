//! vchan: the byte channel of Xen's libxenvchan between a server domain and a client domain.
//!
//! A [`Server`] shares memory with one client and says in the store where it is; a [`Client`] takes it
//! up; both then have a [`Channel`]. The other end may be ours or the C library's.
//!
//! | layer | what | needs |
//! |---|---|---|
//! | [`Server`], [`Client`], [`Channel`] | meeting, calls that wait, halves, tasks | feature `alloc` |
//! | [`platform`] | what they stand on: pages, an event channel, a store | feature `alloc` |
//! | [`inprocess`], [`host`] | such platforms: one process, argod | features `std`, `host` |
//! | [`Writer`], [`Reader`], [`Geometry`], [`layout`] | the format and one direction of it, pure | nothing |
//!
//! **Packets and streams.** [`send`](Channel::send) and [`recv`](Channel::recv) move all or nothing,
//! [`write`](Channel::write) and [`read`](Channel::read) what there is room for. The format has no
//! frames: both sides know the sizes, or say them.
//!
//! **Waiting.** Calls that wait take a timeout and never wait longer; the same with `try_` do not
//! wait; the same with `_async` are for tasks. Channels and halves also have the I/O traits of std,
//! futures and (feature `tokio`) tokio.
//! Before a call sleeps it looks for a while, as long as that has lately been worth it, and only then
//! asks the peer for a signal: a busy pair makes no system calls. What then comes in quick succession
//! is let gather for a few microseconds, and taken at once.
//!
//! **Meeting.** One server at a place, one client at a time; who comes second is told
//! [`Taken`](ListenError::Taken) or [`Busy`](ConnectError::Busy). A client may come first and
//! [wait](Client::connect_within). Keys that a killed server has left are replaced.
//!
//! **The end.** Dropping a channel closes it, and so does the death of its process. The peer still
//! reads what was written before. There is no half close. The peer is told at once; the rest of a drop
//! waits for the platform (see [`Channel`]). A server that is [`persistent`](Server::persistent) stays
//! for the next client, but not after one that lied.
//!
//! # What is guaranteed
//! - The peer may write anything into the shared memory at any moment. Nothing here panics, copies
//!   outside a ring, loops or waits longer than it was told to for that. Each shared word is read
//!   once a decision; the orders and one's own index are copied once, at the start.
//! - An index that lies is [`LyingIndex`], with what was seen, at once and at every later call.
//! - Full, empty, gone, too big and broken are different answers. "Would block" has asked the peer
//!   for a signal, and no change since is missed.
//! - Data that the peer wrote before it left can be read; after that, the channel is closed.
//! - A move of bytes signals the peer if it asked, and only then; start and close always signal.
//! - A peer that signals without end wakes who waits without end, but holds no executor and no call
//!   past its timeout: one poll of a task takes a few events at most.
//! - A peer that lies has the channel closed, and both halves tell its first lie from then on.
//! - An event channel that ends while the peer seems to be there is an error, not a wait.
//!
//! # Example
//! ```
//! # use std::time::Duration;
//! use vchan::inprocess::{AllowAll, Hub};
//! use vchan::{Client, DomainId, Server};
//!
//! # let (one, two) = (DomainId::new(1).ok_or("no id")?, DomainId::new(2).ok_or("no id")?);
//! let hub = Hub::new(AllowAll);
//! let (first, second) = (hub.domain(one), hub.domain(two));
//! let patience = Some(Duration::from_secs(5));
//! let mut server = Server::new(two).minimums(4096, 4096)?.listen(&first, 7)?;
//! let mut client = Client::new(one).connect(&second, 7)?;
//!
//! client.send(b"hello", patience)?;
//! let mut hello = [0; 5];
//! server.recv(&mut hello, patience)?;
//! assert_eq!(&hello, b"hello");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Example of the core
//! A byte goes from a server to a client. `TestMemory` implements the two traits over plain
//! atomics.
//! ```
//! # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/mod.rs")); }
//! # use support::TestMemory;
//! use vchan::{Geometry, Reader, Role, Signal, Writer};
//! use vchan::{read_geometry, start_client, start_server};
//!
//! let geometry = Geometry::for_minimums(1024, 2048)?;
//! let memory = TestMemory::zeroed(geometry);
//! start_server(&memory, geometry);
//! let mut server = Writer::new(&memory, Role::Server, geometry);
//!
//! let mut client = Reader::new(&memory, Role::Client, read_geometry(&memory)?);
//! assert_eq!(start_client(&memory), Signal::Needed);
//!
//! // The client asked for a signal when it started.
//! assert_eq!(server.send(b"x")?, Signal::Needed);
//! let mut byte = [0];
//! assert_eq!(client.recv(&mut byte)?, Signal::NotNeeded);
//! assert_eq!(&byte, b"x");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::as_underscore,
        clippy::cast_lossless,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        clippy::indexing_slicing,
        clippy::string_slice
    )
)]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod cause;
#[cfg(feature = "alloc")]
mod channel;
mod end;
mod geometry;
#[cfg(all(feature = "host", target_os = "linux"))]
pub mod host;
#[cfg(feature = "std")]
pub mod inprocess;
pub mod layout;
#[cfg(feature = "alloc")]
mod meet;
mod memory;
mod notify;
#[cfg(feature = "alloc")]
pub mod platform;
mod reader;
mod ring;
mod role;
mod session;
#[cfg(feature = "alloc")]
mod sync;
#[cfg(feature = "alloc")]
mod tasks;
mod writer;

#[cfg(feature = "alloc")]
pub use argo_core::DomainId;
pub use cause::Cause;
#[cfg(feature = "alloc")]
pub use channel::{AcceptError, Channel, ReadHalf, WriteAllError, WriteHalf};
pub use geometry::{Geometry, GeometryError, MinimumTooBig, Order, Place};
pub use layout::{Flag, Ring, Word};
#[cfg(feature = "alloc")]
pub use meet::{Address, Client, ConnectError, ListenError, Meeting, Server};
pub use memory::{SharedPage, SharedRings};
pub use notify::{Notify, Signal, Transfer};
pub use reader::{ReadError, Reader, RecvError};
pub use ring::{Indexes, LyingIndex};
pub use role::{Presence, Role};
pub use session::{leave, read_geometry, start_client, start_server};
pub use writer::{SendError, WriteError, Writer};

/// What waiting and ending are made of, for models of it.
#[cfg(all(feature = "std", argo_loom))]
#[doc(hidden)]
pub mod waiting {
    pub use crate::channel::Standing;
    pub use crate::platform::sleepers::{Bed, Sleepers};
}
