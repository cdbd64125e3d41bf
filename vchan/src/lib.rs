//! vchan: the byte channel of Xen's libxenvchan between a server domain and a client domain.
//!
//! This crate is the format and the protocol: pure code without allocator, clock, lock or system
//! call. It knows the shared page ([`layout`]), how large the two rings are and where they lie
//! ([`Geometry`]), and how bytes and wake-ups cross one direction ([`Writer`], [`Reader`]). Shared
//! memory is reached only through [`SharedPage`] and [`SharedRings`]. Who uses it brings grants (to
//! get that memory), event channels (to carry a [`Signal`] and to wait for one) and a store (where
//! the two sides meet).
//!
//! # What is there, and what comes on top
//! Here now: layout, geometry, the start and end of a session in the shared page, and the operations
//! send, write, recv, read, data_ready and buffer_space, none of which waits. On top of them come
//! those three services as seams, waiting with timeouts, async, and persistent servers.
//!
//! # What is guaranteed
//! - The peer may write anything into the shared memory at any moment. Nothing here panics, copies
//!   outside a ring or loops for that. Each shared word is read once a decision; the orders and one's
//!   own index are copied once, at the start.
//! - An index that lies is [`LyingIndex`], with what was seen, at once and at every later call.
//! - Full, empty, gone, too big and broken are different answers. "Would block" has asked the peer
//!   for a signal, and no change since is missed.
//! - Data that the peer wrote before it left can be read; after that, the channel is closed.
//! - A move of bytes signals the peer if it asked, and only then; start and close always signal.
//!
//! # Example
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
