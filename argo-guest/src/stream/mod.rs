//! Streams: bytes both ways between two ports, in order, each once, or an error.
//!
//! | | async | blocking | at once | poll |
//! |---|---|---|---|---|
//! | listen | [`StreamListener::bind`] | [`StreamListener::bind_blocking`] | | |
//! | accept | `accept`, `incoming` | `accept_blocking` | `try_accept` | `poll_accept` |
//! | connect | [`Stream::connect`], `connect_with` | `connect_blocking`, `connect_blocking_with` | | |
//! | read | `read`, `peek` | [`Stream::blocking`]: `Read`, `peek` | `try_read`, `try_read_vectored`, `try_peek` | `AsyncRead` |
//! | write | `write`, `flush` | [`Stream::blocking`]: `Write` | `try_write`, `try_write_vectored` | `AsyncWrite` |
//! | wait | `readable`, `writable`, `ready` | | | `poll_read_ready`, `poll_write_ready` |
//! | end | `shutdown` | `shutdown` | | `poll_close`, `poll_shutdown` |
//!
//! `AsyncRead` and `AsyncWrite` are those of futures, and with the feature `tokio` those of tokio,
//! too. [`Stream::split`] and [`Stream::into_split`] give halves with the same methods.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use argo_guest::stream::{Stream, StreamListener};
//! use argo_guest::{Address, Domain, DomainId, Port};
//! use futures::io::{AsyncReadExt, AsyncWriteExt};
//! # use argo_hypervisor::inprocess::{AllowAll, InProcess};
//! # use argo_hypervisor::{Argo, Config, WildcardRings};
//! # let config = Config { argo: Argo::On, wildcard_rings: WildcardRings::Allowed };
//! # let system = InProcess::new(config, AllowAll);
//! # let platform = |id| -> Result<_, Box<dyn std::error::Error>> {
//! #     Ok(system.domain(DomainId::new(id).ok_or("reserved")?, 2048)?)
//! # };
//! // Two domains of a hypervisor in this process; with argod: `Domain::from_env()?`.
//! let (client, server) = (Domain::new(platform(1)?), Domain::new(platform(2)?));
//! # futures::executor::block_on(async {
//! let listener = StreamListener::bind(&server, Port(7)).await?;
//! let echo = async {
//!     let (stream, _) = listener.accept().await?;
//!     futures::io::copy(&stream, &mut &stream).await
//! };
//! let talk = async {
//!     let mut stream = Stream::connect(&client, listener.local_addr()).await?;
//!     stream.write_all(b"hello").await?;
//!     stream.close().await?;
//!     let mut echoed = String::new();
//!     stream.read_to_string(&mut echoed).await?;
//!     Ok(echoed)
//! };
//! let (copied, echoed) = futures::future::try_join(echo, talk).await?;
//! assert_eq!((copied, echoed.as_str()), (5, "hello"));
//! # Ok(())
//! # })
//! # }
//! ```

mod arriving;
mod blocking;
mod conn;
mod connect;
mod error;
mod farewell;
#[cfg(feature = "std")]
mod futures_io;
mod inbox;
mod listener;
mod loss;
mod options;
mod outbox;
mod owner;
mod port;
mod pump;
mod read_half;
mod ready;
mod replies;
pub mod seqpacket;
mod shared_ring;
mod socket;
mod split;
#[cfg(feature = "tokio")]
mod tokio_io;
mod transfer;
mod waiting;
mod watch;
mod write_half;

pub use blocking::Blocking;
use connect::receiving_ring;
pub use error::{AcceptError, ConnectError, StreamError};
pub use listener::{Accepted, Incoming, Listener, StreamListener};
pub use options::{ListenOptions, StreamOptions};
use owner::Owner;
pub use read_half::OwnedReadHalf;
pub(crate) use replies::Replies;
pub use socket::Stream;
pub use split::{ReadHalf, ReuniteError, WriteHalf};
pub(crate) use waiting::{NotNow, Waiter};
pub(crate) use watch::Watch;
pub use write_half::OwnedWriteHalf;
