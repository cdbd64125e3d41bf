//! Connections that keep message boundaries: each message arrives whole, once, in order.
//!
//! The shape is that of [`Stream`](super::Stream), with messages in the place of bytes: they may be
//! empty, and one that is too big for the connection ([`Seqpacket::max_message`]) is an error.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use argo_guest::seqpacket::Seqpacket;
//! # use argo_guest::{Domain, DomainId};
//! # use argo_hypervisor::inprocess::{AllowAll, InProcess};
//! # use argo_hypervisor::{Argo, Config, WildcardRings};
//! # let config = Config { argo: Argo::On, wildcard_rings: WildcardRings::Allowed };
//! # let system = InProcess::new(config, AllowAll);
//! # let id = DomainId::new(1).ok_or("reserved")?;
//! # let domain = Domain::new(system.domain(id, 2048)?);
//! # futures::executor::block_on(async {
//! let (left, right) = Seqpacket::pair(&domain)?;
//! left.send(b"one").await?;
//! left.send(b"").await?;
//! drop(left);
//! assert_eq!(right.recv_bytes().await?.as_deref(), Some(&b"one"[..]));
//! assert_eq!(right.recv_bytes().await?.as_deref(), Some(&b""[..]));
//! assert_eq!(right.recv_bytes().await?, None);
//! # Ok(())
//! # })
//! # }
//! ```

mod blocking;
mod sink;
mod socket;

pub use blocking::Blocking;
pub use socket::Seqpacket;

/// A port on which [`Seqpacket`] connections are accepted. A stream that asks is refused.
pub type SeqpacketListener = super::listener::Listener<Seqpacket>;
