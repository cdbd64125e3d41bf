//! Binding: a ring is made and registered.

use alloc::sync::Arc;
use core::sync::atomic::AtomicU64;

use argo_core::abi::{self, PAGES_MAX};
use argo_core::claim::RingLen;
use argo_core::{DomainId, Partner, Port};

use super::{BindError, Datagram, MESSAGE_TYPE};
use crate::domain::Domain;
use crate::lock::Mutex;
use crate::registration::Registration;
use crate::ring::Ring;

/// The length of a ring, unless [`BindOptions::ring_len`] says otherwise: 128 KiB.
pub const RING_LEN_DEFAULT: u32 = 128 * 1024;
/// The longest ring that can be registered, in bytes: with its header it fills 4096 pages.
pub const RING_LEN_MAX: u32 = PAGES_MAX * abi::PAGE_SIZE - abi::RING_HEADER;

/// How a socket is bound.
///
/// A [`Port`] turns into options by itself: that port, any partner, a ring of 128 KiB.
#[derive(Clone, Copy, Debug)]
pub struct BindOptions {
    port: Option<Port>,
    partner: Partner,
    ring_len: u32,
    message_type: u32,
}

impl BindOptions {
    /// Receives on this port.
    pub fn port(port: Port) -> Self {
        Self { port: Some(port), ..Self::any_port() }
    }

    /// Receives on a port that is free, from 0x8000_0000 upwards.
    pub fn any_port() -> Self {
        Self {
            port: None,
            partner: Partner::Any,
            ring_len: RING_LEN_DEFAULT,
            message_type: MESSAGE_TYPE,
        }
    }

    /// Receives from this domain only. (Default: from any, which the policy must allow.)
    #[must_use]
    pub fn partner(mut self, partner: DomainId) -> Self {
        self.partner = Partner::Domain(partner);
        self
    }

    /// The ring's length in bytes: 48 to [`RING_LEN_MAX`], a multiple of 16. The longest message
    /// is 32 bytes less.
    #[must_use]
    pub fn ring_len(mut self, bytes: u32) -> Self {
        self.ring_len = bytes;
        self
    }

    /// The type that messages sent from this socket carry. Default: [`MESSAGE_TYPE`].
    #[must_use]
    pub fn message_type(mut self, message_type: u32) -> Self {
        self.message_type = message_type;
        self
    }

    fn checked_len(&self) -> Result<RingLen, BindError> {
        let bad =
            BindError::RingLength { len: self.ring_len, min: abi::RING_LEN_MIN, max: RING_LEN_MAX };
        let len = RingLen::check(self.ring_len).map_err(|_| bad)?;
        if len.bytes() > RING_LEN_MAX { Err(bad) } else { Ok(len) }
    }
}

impl From<Port> for BindOptions {
    fn from(port: Port) -> Self {
        Self::port(port)
    }
}

impl Datagram {
    /// Receives as the options say: `Datagram::bind(&domain, Port(7))`.
    ///
    /// # Errors
    /// See [`BindError`]. A ring of the same port and partner is never replaced.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, nothing stays bound (a registration under way is undone).
    pub async fn bind(domain: &Domain, how: impl Into<BindOptions>) -> Result<Self, BindError> {
        domain.inner().driven(bind(domain, how.into())).await
    }

    /// [`bind`](Self::bind), for callers that may block: it takes one hypercall.
    ///
    /// # Errors
    /// As for [`bind`](Self::bind).
    pub fn bind_blocking(domain: &Domain, how: impl Into<BindOptions>) -> Result<Self, BindError> {
        domain.inner().block_on(bind(domain, how.into()))
    }

    /// Two sockets of one domain, on free ports, connected to each other. The domain must be
    /// allowed to send to itself. It blocks for two hypercalls.
    ///
    /// # Errors
    /// As for [`bind`](Self::bind).
    pub fn pair(domain: &Domain) -> Result<(Self, Self), BindError> {
        let how = BindOptions::any_port().partner(domain.id());
        let (first, second) =
            (Self::bind_blocking(domain, how)?, Self::bind_blocking(domain, how)?);
        first.connect(second.local_addr());
        second.connect(first.local_addr());
        Ok((first, second))
    }
}

async fn bind(domain: &Domain, how: BindOptions) -> Result<Datagram, BindError> {
    let len = how.checked_len()?;
    let inner = domain.inner();
    let registration = match how.port {
        Some(port) => Registration::new(inner, port, how.partner, len).await?,
        None => Registration::any_port(inner, how.partner, len).await?,
    };
    let registration = Arc::new(registration);
    let ring = Arc::new(Ring::new(&registration));
    inner.add_ring(ring.clone(), &registration);
    Ok(Datagram {
        domain: domain.clone(),
        ring,
        registration,
        peer: Mutex::new(None),
        message_type: how.message_type,
        skipped: AtomicU64::new(0),
        waiter: Mutex::default(),
        room: Mutex::default(),
        pending: None,
        failed: false,
    })
}
