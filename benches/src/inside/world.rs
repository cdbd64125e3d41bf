//! Domains in this process, judged by argod's policy.

use std::ops::Range;
use std::path::Path;

use argo_core::abi::{
    DOMID_ANY, Iov, Op, PAGE_SIZE, RING_LEN_MIN, RegisterRing, RingData, RingDataEnt, SendAddr,
};
use argo_core::claim::RingLen;
use argo_core::platform::Platform;
use argo_core::{DomainId, Errno};
use argo_hypervisor::inprocess::{InProcess, LocalDomain};
use argo_hypervisor::{Argo, Config, WildcardRings};
use argo_mem::View;
use argod::config::{Domain, Host, Rules};
use argod::policy::{Directory, LivePolicy};
use zerocopy::IntoBytes;

use crate::case::Failure;

/// Everybody may send to everybody, by rules that have to be looked at.
const POLICY: &str = "
policy = [
  { hook = 'enable', from = 'any' },
  { hook = 'register_any_source', from = 'any' },
  { hook = 'register_single_source', from = 'any', to = 'any' },
  { hook = 'send', from = 'any', to = 'any' },
]
";

/// Whether the rule that lets messages through also counts them against a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// It has none.
    Free,
    /// It has one, which is never reached.
    Limited,
}

/// An engine with argod's policy, about domains with the ids from 1 on.
pub struct World {
    system: InProcess<LivePolicy>,
}

/// One of its domains. What lies where in its RAM:
///
/// | pages | what |
/// |---|---|
/// | 1 | arguments of calls |
/// | 2 to 11 | lists of pages or of buffers |
/// | [`SMALL`] | [small rings](Self::register), which nobody reads |
/// | 16 to 31 | the [payload](Self::payload) of sends |
/// | from 32 on | the ring of its [inbox](super::in_place::Inbox) |
///
/// Nobody else is given that RAM, and each part is written by nobody but those named.
pub struct Guest {
    system: InProcess<LivePolicy>,
    domain: LocalDomain<LivePolicy>,
}

/// A ring to be registered.
#[derive(Clone, Copy, Debug)]
struct RingAt {
    port: u32,
    partner: u16,
    len: RingLen,
    /// The page of the guest's RAM that it begins at.
    page: u64,
}

/// The pages of small rings.
pub const SMALL: Range<u64> = 12..16;
/// Bytes of the longest payload.
pub const PAYLOAD_MAX: u32 = 64 << 10;
const ARGS: u64 = PAGE;
const LIST: u64 = 2 * PAGE;
pub(super) const PAYLOAD: u64 = 16 * PAGE;
pub(super) const INBOX: u64 = 32 * PAGE;
const PAGE: u64 = PAGE_SIZE as u64;

/// Pages of RAM that a guest needs for an inbox of that length.
pub const fn pages_for_inbox(len: RingLen) -> usize {
    (INBOX / PAGE) as usize + len.pages() as usize
}

impl World {
    /// A world whose policy knows so many domains; none is there yet.
    ///
    /// # Errors
    /// The policy cannot be.
    pub fn new(domains: u16, rate: Rate) -> Result<Self, Failure> {
        let config = Config { argo: Argo::On, wildcard_rings: WildcardRings::Allowed };
        Ok(Self { system: InProcess::new(config, policy(domains, rate)?) })
    }

    /// The domain with this id, with so many pages of RAM.
    ///
    /// # Errors
    /// There is one already.
    pub fn guest(&self, id: u16, pages: usize) -> Result<Guest, Failure> {
        let id = DomainId::new(id).ok_or("a reserved id")?;
        let domain = self.system.domain(id, pages)?;
        Ok(Guest { system: self.system.clone(), domain })
    }
}

fn policy(domains: u16, rate: Rate) -> Result<LivePolicy, Failure> {
    let limit = match rate {
        Rate::Free => "",
        Rate::Limited => ", messages_per_second = 1_000_000_000",
    };
    let port = format!("port = [{{ from = 'any', to = 'any', to_port = 'any'{limit} }}]\n");
    let rules = Rules::parse("benches", &format!("{POLICY}{port}"), |_| true);
    let domains = (1..=domains).map(domain).collect::<Result<Vec<_>, Failure>>()?;
    let rules = rules.map_err(|problems| problems.to_string())?;
    Ok(LivePolicy::new(rules, Directory::new(&domains)?))
}

fn domain(id: u16) -> Result<Domain, Failure> {
    let text = format!("id = {id}\nname = 'd{id}'\nram = 8192");
    let host = Host { cpus: vec![0] };
    let domain = Domain::parse("benches", &text, &host, Path::new("/run"));
    domain.map_err(|problems| problems.to_string().into())
}

impl Guest {
    /// Its id.
    pub fn id(&self) -> u16 {
        self.domain.domain().raw()
    }

    /// Registers a ring of the least length for everybody, in one of the pages [`SMALL`]: several
    /// may lie in one.
    ///
    /// # Errors
    /// The engine's, or another page.
    pub fn register(&self, port: u32, page: u64) -> Result<(), Failure> {
        if !SMALL.contains(&page) {
            return Err(format!("page {page} is not for small rings").into());
        }
        let len = RingLen::check(RING_LEN_MIN)?;
        self.register_at(RingAt { port, partner: DOMID_ANY, len, page })
    }

    /// Registers the ring of its [inbox](super::in_place::Inbox).
    ///
    /// # Errors
    /// The engine's.
    pub(super) fn open(&self, port: u32, len: RingLen) -> Result<(), Failure> {
        self.register_at(RingAt { port, partner: DOMID_ANY, len, page: INBOX / PAGE })
    }

    fn register_at(&self, ring: RingAt) -> Result<(), Failure> {
        let RingAt { port, partner, len, page } = ring;
        let claim = RegisterRing { aport: port, partner_id: partner, pad: 0, len: len.bytes() };
        self.put(ARGS, claim.as_bytes())?;
        for number in 0..u64::from(len.pages()) {
            self.put(LIST + 8 * number, &(page + number).to_le_bytes())?;
        }
        self.done(Op::RegisterRing, [ARGS, LIST, len.pages().into(), 0])
    }

    /// Its RAM.
    pub(super) fn ram(&self) -> View<'_> {
        self.domain.ram()
    }

    /// Writes the arguments of sends of the first `len` bytes of its payload to a port.
    ///
    /// # Errors
    /// Its RAM is too small.
    pub fn aim(&self, to: u16, port: u32, len: u32) -> Result<(), Failure> {
        let mut addresses = SendAddr::default();
        (addresses.src.aport, addresses.src.domain_id) = (1, self.id());
        (addresses.dst.aport, addresses.dst.domain_id) = (port, to);
        let iov = Iov { iov_hnd: PAYLOAD, iov_len: len, pad: 0 };
        self.put(ARGS, addresses.as_bytes())?;
        self.put(LIST, iov.as_bytes())
    }

    /// Sends as [aimed](Self::aim), if there is room.
    ///
    /// # Errors
    /// The engine's, but for `EAGAIN`.
    #[inline]
    pub fn send(&self) -> Result<bool, Failure> {
        const FULL: i64 = Errno::EAGAIN.ret();
        match self.call(Op::Sendv, [ARGS, LIST, 1, 0]) {
            FULL => Ok(false),
            sent => checked(sent).map(|()| true),
        }
    }

    /// Says that there may be room in its rings.
    ///
    /// # Errors
    /// The engine's.
    #[inline]
    pub fn notify(&self) -> Result<(), Failure> {
        self.done(Op::Notify, [0; 4])
    }

    /// Asks for so much room in a ring, and waits for it if there is none.
    ///
    /// # Errors
    /// The engine's.
    pub fn ask(&self, to: u16, port: u32, space: u32) -> Result<(), Failure> {
        let mut entry = RingDataEnt { space_required: space, ..RingDataEnt::default() };
        (entry.ring.aport, entry.ring.domain_id) = (port, to);
        let head = RingData { nent: 1, pad: 0 };
        self.put(LIST, head.as_bytes())?;
        self.put(LIST + size_of::<RingData>() as u64, entry.as_bytes())?;
        self.done(Op::Notify, [LIST, 0, 0, 0])
    }

    #[inline]
    fn call(&self, op: Op, [arg1, arg2, arg3, arg4]: [u64; 4]) -> i64 {
        let engine = self.system.engine();
        engine.argo_op(self.domain.caller(), op as u32, arg1, arg2, arg3, arg4)
    }

    #[inline]
    fn done(&self, op: Op, args: [u64; 4]) -> Result<(), Failure> {
        checked(self.call(op, args))
    }

    fn put(&self, at: u64, bytes: &[u8]) -> Result<(), Failure> {
        Ok(self.ram().write(at as usize, bytes)?)
    }
}

#[inline]
fn checked(ret: i64) -> Result<(), Failure> {
    if ret >= 0 { Ok(()) } else { Err(format!("the engine answers {ret}").into()) }
}
