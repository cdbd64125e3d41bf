//! Argo sockets for guests, blocking and async.
//!
//! A [`Domain`] is a session with a hypervisor: with `argod` on a Linux host
//! ([`Domain::attach`], [`Domain::from_env`]), or over any other
//! [`Platform`](argo_core::platform::Platform) ([`Domain::new`]). On it, [`Datagram`] sends and
//! receives whole messages, [`stream`] carries bytes
//! both ways, [`seqpacket`] messages.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use argo_guest::{Address, Datagram, Domain, DomainId, Port};
//! # use argo_hypervisor::inprocess::{AllowAll, InProcess};
//! # use argo_hypervisor::{Argo, Config, WildcardRings};
//! # let config = Config { argo: Argo::On, wildcard_rings: WildcardRings::Allowed };
//! # let system = InProcess::new(config, AllowAll);
//! # let platform = |id| -> Result<_, Box<dyn std::error::Error>> {
//! #     Ok(system.domain(DomainId::new(id).ok_or("reserved")?, 256)?)
//! # };
//! // Two domains of a hypervisor in this process; with argod: `Domain::from_env()?`.
//! let (client, server) = (Domain::new(platform(1)?), Domain::new(platform(2)?));
//! # futures::executor::block_on(async {
//! let server = Datagram::bind(&server, Port(7)).await?;
//! let client = Datagram::bind(&client, Port(8)).await?;
//!
//! client.send_to(b"hello", server.local_addr()).await?;
//!
//! let mut buffer = [0; 64];
//! let (len, from) = server.recv_from(&mut buffer).await?;
//! assert_eq!(&buffer[..len], b"hello");
//! assert_eq!(from, client.local_addr());
//!
//! // The same without async:
//! server.blocking().send_to(b"and back", from)?;
//! assert_eq!(client.blocking().recv(&mut buffer)?, 8);
//! # Ok(())
//! # })
//! # }
//! ```
//!
//! # Without `std`
//! With `default-features = false` the crate is `no_std` with `alloc`, for guests without an
//! operating system: the same sockets, blocking and async, over a `Platform` of the guest's own.
//! What is missing has to do with threads, and with traits of others: [`Domain::new`] and its
//! driver thread, the host platform, the I/O traits of futures and tokio. [`io`] stands in for
//! `std::io`.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use argo_guest::stream::{Stream, StreamListener};
//! use argo_guest::{Address, Domain, DomainId, Port};
//! use futures::future::try_join;
//! # use argo_hypervisor::inprocess::{AllowAll, InProcess};
//! # use argo_hypervisor::{Argo, Config, WildcardRings};
//! # let config = Config { argo: Argo::On, wildcard_rings: WildcardRings::Allowed };
//! # let system = InProcess::new(config, AllowAll);
//! # let id = DomainId::new(1).ok_or("reserved")?;
//! # let (platform, entropy) = (system.domain(id, 2048)?, 7);
//! // No thread is started: whoever waits deals with what comes, and waits for the platform.
//! let (domain, _driver) = Domain::without_thread(platform, entropy);
//! let listener = StreamListener::bind_blocking(&domain, Port(7))?;
//!
//! // Two tasks, of which whichever can go on does.
//! let serve = async {
//!     let (stream, _) = listener.accept().await?;
//!     let mut byte = [0];
//!     stream.read(&mut byte).await?;
//!     stream.write(&[byte[0] + 1]).await?;
//!     Ok::<_, Box<dyn std::error::Error>>(stream)
//! };
//! let ask = async {
//!     let stream = Stream::connect(&domain, listener.local_addr()).await?;
//!     stream.write(&[41]).await?;
//!     let mut byte = [0];
//!     stream.read(&mut byte).await?;
//!     Ok(byte[0])
//! };
//! let (_stream, answer) = domain.block_on(try_join(serve, ask))?;
//! assert_eq!(answer, 42);
//! # Ok(())
//! # }
//! ```
//!
//! A loop of the guest's own, with tasks of its own, drives the session by [`Driver::turn`].
//!
//! # What is guaranteed
//! - A message arrives whole, once, in the order sent from one socket, or an error says why not.
//!   The source's *domain* is true, its port a claim.
//! - A full ring is waited out without polling; "too big", "nobody there" and "not allowed" are
//!   errors of their own, each with its numbers.
//! - Dropping a future abandons the answer, never memory that the hypervisor may still read.
//! - When the hypervisor goes, every wait and every call ends with [`Gone`]; what was received
//!   before can still be read.
//! - Any number of sockets share a session's one interrupt. Without async waits there is no
//!   background thread; with them there is one.
//!
//! # How it is made
//! `datagram` (the sockets) → `domain` (calls in flight, waiting, events) → a `Platform` such as
//! [`host`]; `ring` is the receiving side of a socket, `arena` divides up the domain's RAM.
#![no_std]
#![deny(unsafe_code)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod address;
mod arena;
mod buffer;
pub mod datagram;
mod delivery;
mod domain;
#[cfg(all(feature = "host", target_os = "linux"))]
pub mod host;
mod in_place;
pub mod io;
mod lock;
mod readiness;
mod registration;
mod ring;
#[cfg(all(feature = "host", target_os = "linux"))]
pub mod services;
pub mod stream;
mod sync;

pub use address::Address;
pub use arena::OutOfMemory;
pub use argo_core::platform::Gone;
pub use argo_core::{DomainId, Partner, Port};
pub use buffer::{Buffer, OutsideBuffer};
pub use datagram::{
    BatchError, BindError, BindOptions, Blocking, Datagram, Received, RecvError, SendError,
};
pub use domain::{Domain, Driver};
pub use readiness::{Interest, Ready};
pub use stream::seqpacket;

/// The waiting core, for models of it.
#[cfg(argo_loom)]
#[doc(hidden)]
pub mod waiting {
    pub use crate::domain::chores::{Chores, Urgency};
    pub use crate::domain::drive::{Drive, block_on, driven};
    pub use crate::domain::driver::Background;
    pub use crate::domain::events::Rest;
    pub use crate::domain::session::Session;
    pub use crate::domain::timers::Timer;
}

/// The README's examples compile.
#[cfg(all(doctest, feature = "host"))]
#[doc = include_str!("../../README.md")]
struct Readme;
