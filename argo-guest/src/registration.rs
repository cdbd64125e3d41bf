//! Rings of ours as the hypervisor knows them: registered here, taken down when dropped.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, Ordering};

use argo_core::abi::{self, Op, RegisterFlags, RegisterRing, UnregisterRing};
use argo_core::claim::RingLen;
use argo_core::errno::decode_ret;
use argo_core::platform::{Call, Link};
use argo_core::{Errno, Partner, Port};
use argo_mem::View;
use zerocopy::IntoBytes;

use crate::arena::{Block, OutOfMemory};
use crate::datagram::BindError;
use crate::domain::{Chunk, Inner};

/// Where the page list lies behind the structure of a registration.
const PAGE_LIST: usize = 16;
/// A page that no RAM has.
const NO_PAGE: u64 = u64::MAX;
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
    /// The hypervisor's count of cuts when it was registered.
    cuts: Option<u32>,
    /// The hypervisor has taken it away for good.
    gone: AtomicBool,
}

/// What the hypervisor answers about a ring that it may have taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is still there.
    Registered,
    /// It was taken away, and is registered again.
    Renewed,
    /// It was taken away. This answers a registration now.
    Gone(BindError),
    /// Not to be learnt while the partner uses no Argo.
    PartnerAway,
    /// Not to be learnt now.
    Unknown,
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
        let cuts = inner.settle_cuts().await;
        let memory = empty_ring(inner, len, port, partner)?;
        let offset = memory.offset();
        let arguments = arguments(inner, len, port, partner, pages_from(inner, offset))?;
        let call = registering(&arguments, len);
        let (answer, memory) = inner.register(call, arguments, memory).await?;
        let refused = |errno| BindError::of(errno, port, partner, len.bytes());
        decode_ret(answer).map_err(refused)?;
        let (inner, memory) = (inner.clone(), memory.into_block());
        let gone = AtomicBool::new(false);
        Ok(Self { inner, memory, offset, port, partner, len, cuts, gone })
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

    /// Registers it once more, in its memory and with what is in it, should it be gone. To be held
    /// until the answer is there.
    pub(crate) async fn renew(&self) -> Standing {
        self.ask(pages_from(&self.inner, self.offset)).await
    }

    /// Asks whether it is there, by a registration that cannot succeed.
    pub(crate) async fn probe(&self) -> Standing {
        self.ask(core::iter::repeat(NO_PAGE)).await
    }

    async fn ask(&self, pages: impl Iterator<Item = u64>) -> Standing {
        let Self { inner, len, port, partner, .. } = self;
        let Ok(arguments) = arguments(inner, *len, *port, *partner, pages) else {
            return Standing::Unknown;
        };
        let call = registering(&arguments, *len);
        let Ok((answer, _)) = inner.call(call, arguments).await else { return Standing::Unknown };
        match decode_ret(answer) {
            Ok(_) => Standing::Renewed,
            Err(Errno::EEXIST) => Standing::Registered,
            Err(Errno::ECONNREFUSED) => Standing::PartnerAway,
            Err(Errno::ENODEV | Errno::ENOMEM) => Standing::Unknown,
            Err(errno) => Standing::Gone(BindError::of(errno, *port, *partner, len.bytes())),
        }
    }

    /// The hypervisor has taken it away for good: its name may be another's from now on.
    pub(crate) fn is_no_more(&self) {
        self.gone.store(true, Ordering::SeqCst);
    }

    /// Whether the hypervisor has taken it away for good.
    pub(crate) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::SeqCst)
    }

    /// The hypervisor's count of cuts when it was registered.
    pub(crate) fn cuts(&self) -> Option<u32> {
        self.cuts
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
        match self.memory.take() {
            Some(memory) if self.is_gone() => self.inner.release(Some(memory)),
            Some(memory) => self.inner.withdraw(memory),
            None => {}
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

/// The numbers of a ring's pages.
fn pages_from(inner: &Inner, ring: usize) -> impl Iterator<Item = u64> + use<'_> {
    (ring..).step_by(abi::PAGE_SIZE as usize).map(|page| inner.platform.page(page))
}

/// The structure and the page list of a registration.
fn arguments(
    inner: &Arc<Inner>,
    len: RingLen,
    port: Port,
    partner: Partner,
    numbers: impl Iterator<Item = u64>,
) -> Result<Chunk, OutOfMemory> {
    let pages = len.pages() as usize;
    let chunk = inner.chunk(PAGE_LIST + pages * size_of::<u64>())?;
    let head = RegisterRing { aport: port.0, partner_id: partner.raw(), pad: 0, len: len.bytes() };
    chunk.put(0, head.as_bytes());
    let numbers: Vec<u64> = numbers.take(pages).collect();
    chunk.put(PAGE_LIST, numbers.as_bytes());
    Ok(chunk)
}

/// Registers what the arguments say, but never in the place of another.
fn registering(arguments: &Chunk, len: RingLen) -> Call {
    let args = [
        arguments.handle(0).0,
        arguments.handle(PAGE_LIST).0,
        u64::from(len.pages()),
        u64::from(RegisterFlags::FAIL_EXIST.bits()),
    ];
    Call { cmd: Op::RegisterRing as u32, args, link: Link::None }
}
