//! Binding: a ring is made and registered.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use argo_core::abi::{self, Op, PAGES_MAX, RegisterFlags, RegisterRing, UnregisterRing};
use argo_core::claim::RingLen;
use argo_core::errno::decode_ret;
use argo_core::platform::{Call, Link};
use argo_core::{DomainId, Partner, Port};
use parking_lot::Mutex;
use zerocopy::IntoBytes;

use super::{BindError, Datagram, MESSAGE_TYPE};
use crate::domain::{Chunk, Domain, Inner};
use crate::ring::{self, Ring};

/// The length of a ring, unless [`BindOptions::ring_len`] says otherwise: 128 KiB.
pub const RING_LEN_DEFAULT: u32 = 128 * 1024;
/// The longest ring that can be registered, in bytes: with its header it fills 4096 pages.
pub const RING_LEN_MAX: u32 = PAGES_MAX * abi::PAGE_SIZE - abi::RING_HEADER;

/// Where the page list lies behind the structure of a registration.
const PAGE_LIST: usize = 16;
/// Ports that are handed out when any will do begin here.
const ANY_PORT_FIRST: u32 = 0x8000_0000;
/// Ports tried before giving up.
const ANY_PORT_TRIES: u32 = 64;

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
}

async fn bind(domain: &Domain, how: BindOptions) -> Result<Datagram, BindError> {
    let len = how.checked_len()?;
    if let Some(port) = how.port {
        return register(domain, &how, len, port).await;
    }
    // Unpredictable, so that two sessions of a domain seldom meet.
    let start = RandomState::new().hash_one(len.bytes()) as u32;
    for step in 0..ANY_PORT_TRIES {
        let port = Port(start.wrapping_add(step) | ANY_PORT_FIRST);
        match register(domain, &how, len, port).await {
            Err(BindError::InUse { .. }) => {}
            answer => return answer,
        }
    }
    Err(BindError::NoFreePort { tried: ANY_PORT_TRIES })
}

async fn register(
    domain: &Domain,
    how: &BindOptions,
    len: RingLen,
    port: Port,
) -> Result<Datagram, BindError> {
    let inner = domain.inner();
    let partner = how.partner;
    let memory = empty_ring(inner, len, port, partner)?;
    let offset = memory.offset();
    let arguments = arguments(inner, offset, len, port, partner)?;
    let args = [
        arguments.handle(0).0,
        arguments.handle(PAGE_LIST).0,
        u64::from(len.pages()),
        u64::from(RegisterFlags::FAIL_EXIST.bits()),
    ];
    let call = Call { cmd: Op::RegisterRing as u32, args, link: Link::None };
    let (answer, memory) = inner.register(call, arguments, memory).await?;
    let refused = |errno| BindError::of(errno, port, partner, len.bytes());
    decode_ret(answer).map_err(refused)?;
    let ring = Arc::new(Ring::new(offset, len));
    inner.add_ring(ring.clone());
    Ok(Datagram {
        domain: domain.clone(),
        ring,
        memory: memory.into_block(),
        port,
        partner,
        peer: Mutex::new(None),
        message_type: how.message_type,
    })
}

/// Memory with an empty ring, and behind it the argument that will unregister it.
fn empty_ring(
    inner: &Arc<Inner>,
    len: RingLen,
    port: Port,
    partner: Partner,
) -> Result<Chunk, BindError> {
    let memory = inner.pages(ring::memory_for(len))?;
    memory.put(0, &[0; abi::RING_HEADER as usize]);
    let farewell = UnregisterRing { aport: port.0, partner_id: partner.raw(), pad: 0 };
    memory.put(memory.len() - size_of::<UnregisterRing>(), farewell.as_bytes());
    Ok(memory)
}

/// The structure and the page list of a registration.
fn arguments(
    inner: &Arc<Inner>,
    ring: usize,
    len: RingLen,
    port: Port,
    partner: Partner,
) -> Result<Chunk, BindError> {
    let pages = len.pages() as usize;
    let chunk = inner.chunk(PAGE_LIST + pages * size_of::<u64>())?;
    let head = RegisterRing { aport: port.0, partner_id: partner.raw(), pad: 0, len: len.bytes() };
    chunk.put(0, head.as_bytes());
    let first = inner.platform.handle(ring).0 / u64::from(abi::PAGE_SIZE);
    let numbers: Vec<u64> = (first..).take(pages).collect();
    chunk.put(PAGE_LIST, numbers.as_bytes());
    Ok(chunk)
}
