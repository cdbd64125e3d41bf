//! Rings of ours as the hypervisor knows them: registered here, taken down when dropped.

use std::sync::Arc;

use argo_core::abi::{self, Op, RegisterFlags, RegisterRing, UnregisterRing};
use argo_core::claim::RingLen;
use argo_core::errno::decode_ret;
use argo_core::platform::{Call, Link};
use argo_core::{Partner, Port};
use argo_mem::View;
use zerocopy::IntoBytes;

use crate::arena::Block;
use crate::datagram::BindError;
use crate::domain::{Chunk, Inner};

/// Where the page list lies behind the structure of a registration.
const PAGE_LIST: usize = 16;
/// Ports tried before giving up.
const ANY_PORT_TRIES: u32 = 64;
/// Bytes of the argument that unregisters a ring. It lies at the end of the ring's own memory, so
/// that taking a ring down needs no memory that could be lacking.
const FAREWELL: usize = size_of::<UnregisterRing>();

/// A registered ring and its memory. Dropping it takes the ring down and does not wait for that.
pub(crate) struct Registration {
    inner: Arc<Inner>,
    memory: Option<Block>,
    offset: usize,
    port: Port,
    partner: Partner,
    len: RingLen,
}

impl Registration {
    /// Registers an empty ring, never in the place of another.
    ///
    /// Dropped before it is ready, nothing stays registered.
    pub(crate) async fn new(
        inner: &Arc<Inner>,
        port: Port,
        partner: Partner,
        len: RingLen,
    ) -> Result<Self, BindError> {
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
        let (inner, memory) = (inner.clone(), memory.into_block());
        Ok(Self { inner, memory, offset, port, partner, len })
    }

    /// The same on a port that is free, from [`Port::DYNAMIC_FIRST`] upwards.
    pub(crate) async fn any_port(
        inner: &Arc<Inner>,
        partner: Partner,
        len: RingLen,
    ) -> Result<Self, BindError> {
        // Unpredictable, so that two sessions of a domain seldom meet.
        let start = inner.draw() as u32;
        for step in 0..ANY_PORT_TRIES {
            let port = Port(start.wrapping_add(step) | Port::DYNAMIC_FIRST.0);
            match Self::new(inner, port, partner, len).await {
                Err(BindError::InUse { .. }) => {}
                answer => return answer,
            }
        }
        Err(BindError::NoFreePort { tried: ANY_PORT_TRIES })
    }

    pub(crate) fn port(&self) -> Port {
        self.port
    }

    pub(crate) fn partner(&self) -> Partner {
        self.partner
    }

    /// Where it lies in the RAM, in bytes.
    pub(crate) fn offset(&self) -> usize {
        self.offset
    }

    pub(crate) fn len(&self) -> RingLen {
        self.len
    }

    /// The ring's memory.
    pub(crate) fn memory(&self) -> View<'_> {
        let ram = self.inner.platform.ram();
        let bytes = abi::RING_HEADER as usize + self.len.bytes() as usize;
        // The block was cut out of this RAM.
        ram.part(self.offset, bytes).unwrap_or(ram)
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        if let Some(memory) = self.memory.take() {
            self.inner.withdraw(memory);
        }
    }
}

/// Where in the RAM the argument for unregistering the ring in this block lies.
pub(crate) fn farewell(ring: &Block) -> usize {
    ring.offset() + ring.len() - FAREWELL
}

/// Memory with an empty ring, and behind it the argument that will unregister it.
fn empty_ring(
    inner: &Arc<Inner>,
    len: RingLen,
    port: Port,
    partner: Partner,
) -> Result<Chunk, BindError> {
    let ring = abi::RING_HEADER as usize + len.bytes() as usize;
    let memory = inner.pages(ring + FAREWELL)?;
    memory.put(0, &[0; abi::RING_HEADER as usize]);
    let farewell = UnregisterRing { aport: port.0, partner_id: partner.raw(), pad: 0 };
    memory.put(memory.len() - FAREWELL, farewell.as_bytes());
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
