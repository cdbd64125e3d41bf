//! A domain that sends anything to anybody: sense, nonsense, and what it learnt from others.

use argo_core::abi::{Addr, Iov, Op, RING_HEADER, RegisterRing, SendAddr, UnregisterRing};
use argo_core::claim::RingLen;
use argo_core::platform::{Call, Link, Platform, Submission};
use argo_core::ring::Consumer;
use argo_core::{DomainId, Partner, Port};
use argo_guest::Address;
use argo_hypervisor::inprocess::{AllowAll, LocalDomain};
use argo_stream::wire::{self, Acceptance, Flags, STREAM};
use zerocopy::IntoBytes;

use super::rng::Rng;

/// Where in its RAM arguments and payload lie; rings lie behind.
const ARGUMENTS: usize = 4096;
const PAYLOAD: usize = 2 * 4096;
const RINGS: usize = 20 * 4096;
/// Pages of RAM.
pub const PAGES: usize = 120;
/// Pages set aside for each ring.
const RING_PAGES: usize = 20;

pub struct Hostile {
    local: LocalDomain<AllowAll>,
    rings: Vec<HostileRing>,
    known: Vec<Known>,
    /// What it is yet to do.
    left: usize,
}

struct HostileRing {
    port: u32,
    partner: Partner,
    slot: usize,
    consumer: Consumer,
}

/// A connection as it saw one.
#[derive(Clone, Copy)]
struct Known {
    to: Address,
    port: u32,
    conid: u32,
    epoch: u64,
}

impl Hostile {
    pub fn new(local: LocalDomain<AllowAll>, actions: usize) -> Self {
        Self { local, rings: Vec::new(), known: Vec::new(), left: actions }
    }

    pub fn is_done(&self) -> bool {
        self.left == 0
    }

    /// Does one thing. Of the others, `domains` may be met at `ports`.
    pub fn act(&mut self, rng: &Rng, domains: &[u16], ports: u32) {
        self.left = self.left.saturating_sub(1);
        match rng.below(20) {
            0..2 => self.register(rng, domains, ports),
            2 => self.unregister(rng),
            3..8 => self.read(rng),
            8..11 => self.knock(rng, domains, ports),
            11..18 => self.speak(rng),
            18 => self.babble(rng, domains, ports),
            _ => self.call(Op::Notify, [0; 4]),
        }
    }

    fn register(&mut self, rng: &Rng, domains: &[u16], ports: u32) {
        let taken = |slot: &usize| self.rings.iter().any(|ring| ring.slot == *slot);
        let Some(slot) = (0..(PAGES - 20) / RING_PAGES).find(|slot| !taken(slot)) else { return };
        let port =
            rng.pick(&[1 + rng.below(ports as usize) as u32, 0x8000_0000 + rng.next() as u32 / 2]);
        let partner = match rng.one_in(3) {
            true => Partner::Any,
            false => Partner::Domain(DomainId::new(rng.pick(domains)).unwrap()),
        };
        let len = RingLen::check(rng.pick(&[48, 4096, 32_800, 32_800, 65_536])).unwrap();
        let offset = RINGS + slot * RING_PAGES * 4096;
        let ram = self.local.ram();
        ram.write(offset, &[0; RING_HEADER as usize]).unwrap();
        let head =
            RegisterRing { aport: port, partner_id: partner.raw(), pad: 0, len: len.bytes() };
        ram.write(ARGUMENTS, head.as_bytes()).unwrap();
        let pages: Vec<u64> = (offset as u64 / 4096..).take(len.pages() as usize).collect();
        ram.write(ARGUMENTS + 64, pages.as_bytes()).unwrap();
        let (at, list) = (ARGUMENTS as u64, ARGUMENTS as u64 + 64);
        if self.call_for(Op::RegisterRing, [at, list, len.pages().into(), 1]) >= 0 {
            self.rings.push(HostileRing { port, partner, slot, consumer: Consumer::new(len) });
        }
    }

    fn unregister(&mut self, rng: &Rng) {
        if self.rings.is_empty() || !rng.one_in(4) {
            return;
        }
        let ring = self.rings.swap_remove(rng.below(self.rings.len()));
        let argument = UnregisterRing { aport: ring.port, partner_id: ring.partner.raw(), pad: 0 };
        self.local.ram().write(ARGUMENTS, argument.as_bytes()).unwrap();
        self.call(Op::UnregisterRing, [ARGUMENTS as u64, 0, 0, 0]);
    }

    /// Reads some messages, and remembers what they tell; often answers a SYN.
    fn read(&mut self, rng: &Rng) {
        if self.rings.is_empty() {
            return;
        }
        let at = rng.below(self.rings.len());
        for _ in 0..rng.between(1, 8) {
            let Some(known) = self.rings[at].next(&self.local) else { break };
            if let Some(known) = known {
                self.known.push(known);
                if rng.one_in(2) {
                    self.grant(rng, known);
                }
            }
        }
        let known = self.known.len();
        self.known.drain(..known.saturating_sub(12));
        self.call(Op::Notify, [0; 4]);
    }

    fn grant(&mut self, rng: &Rng, known: Known) {
        let epoch = rng.next();
        let port = rng.pick(&[known.port, known.port, rng.next() as u32]);
        let max_message =
            rng.pick(&[wire::MESSAGE_GUARANTEED, wire::MESSAGE_GUARANTEED, 0, 1 << 20]);
        let acceptance = Acceptance { version: 1, port, max_message, pad: 0, epoch };
        match rng.one_in(3) {
            true => self.send(known.port, known.to, &wire::head(Flags::ACK, known.conid)),
            false => self.send(known.port, known.to, &wire::acceptance(known.conid, acceptance)),
        }
        self.known.push(Known { epoch, ..known });
    }

    /// Asks for a connection.
    fn knock(&mut self, rng: &Rng, domains: &[u16], ports: u32) {
        let to = Address::new(
            DomainId::new(rng.pick(domains)).unwrap(),
            Port(1 + rng.below(ports as usize) as u32),
        );
        let port = match self.rings.is_empty() {
            true => rng.next() as u32,
            false => self.rings[rng.below(self.rings.len())].port,
        };
        let kind = rng.pick(&[Flags::empty(), Flags::EXTENDED, Flags::EXTENDED, Flags::all()]);
        let conid = rng.below(4) as u32;
        self.send(port, to, &wire::head(Flags::SYN | kind, conid));
        self.known.push(Known { to, port, conid, epoch: rng.next() });
    }

    /// Says something about a connection that there may be.
    fn speak(&mut self, rng: &Rng) {
        if self.known.is_empty() {
            return;
        }
        let Known { to, port, conid, epoch } = self.known[rng.below(self.known.len())];
        let flags = match rng.below(8) {
            0 => Flags::FIN,
            1 => Flags::RST,
            2 => Flags::from_bits_retain(rng.next() as u32),
            3 => Flags::ACK,
            _ => Flags::empty(),
        };
        let mut message = match rng.one_in(3) {
            true => wire::head(flags, conid).to_vec(),
            false => wire::head_extended(flags, conid, epoch).to_vec(),
        };
        let len = rng.pick(&[0, 0, 1, 8, 100, 5000]);
        message.extend(std::iter::repeat_n(0xAA, len));
        self.send(port, to, &message);
    }

    /// Sends any bytes anywhere.
    fn babble(&mut self, rng: &Rng, domains: &[u16], ports: u32) {
        let to = DomainId::new(rng.pick(domains)).unwrap();
        let known = self.known.iter().map(|known| known.to.port.0);
        let mut targets: Vec<u32> = known.chain(1..=ports).collect();
        targets.push(rng.next() as u32);
        let message: Vec<u8> = (0..rng.below(70)).map(|_| rng.next() as u8).collect();
        self.send(rng.next() as u32, Address::new(to, Port(rng.pick(&targets))), &message);
    }

    fn send(&self, from: u32, to: Address, message: &[u8]) {
        let ram = self.local.ram();
        let addr = |domain: DomainId, aport| Addr { aport, domain_id: domain.raw(), pad: 0 };
        let src = addr(self.local.domain(), from);
        let addresses = SendAddr { src, dst: addr(to.domain, to.port.0) };
        let iov = Iov { iov_hnd: PAYLOAD as u64, iov_len: message.len() as u32, pad: 0 };
        ram.write(ARGUMENTS, addresses.as_bytes()).unwrap();
        ram.write(ARGUMENTS + 64, iov.as_bytes()).unwrap();
        ram.write(PAYLOAD, message).unwrap();
        let (at, iov) = (ARGUMENTS as u64, ARGUMENTS as u64 + 64);
        self.call(Op::Sendv, [at, iov, 1, STREAM.into()]);
    }

    fn call(&self, op: Op, args: [u64; 4]) {
        // What is refused is refused.
        let _ = self.call_for(op, args);
    }

    fn call_for(&self, op: Op, args: [u64; 4]) -> i64 {
        let call = Call { cmd: op as u32, args, link: Link::None };
        match self.local.submit(&call, 0) {
            Ok(Submission::Done(ret)) => ret,
            _ => -1,
        }
    }
}

impl HostileRing {
    /// Takes a message out. What it tells, if it is one of a connection.
    fn next(&mut self, local: &LocalDomain<AllowAll>) -> Option<Option<Known>> {
        let offset = RINGS + self.slot * RING_PAGES * 4096;
        let bytes = RING_HEADER as usize + self.consumer.len().bytes() as usize;
        let memory = local.ram().part(offset, bytes).unwrap();
        let message = self.consumer.peek(&memory).unwrap()?;
        let mut head = [0; wire::ACCEPTANCE as usize];
        message.copy_to(&memory, &mut head);
        let (len, source) = (message.payload_len(), message.header().source);
        self.consumer.consume(&memory, message);
        if len < wire::HEAD {
            return Some(None);
        }
        let word = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().unwrap());
        let long = |at: usize| u64::from_le_bytes(head[at..at + 8].try_into().unwrap());
        let accepted = len == wire::ACCEPTANCE && word(0) & Flags::ACK.bits() != 0;
        let port = if accepted { word(12) } else { source.aport };
        let epoch = if accepted { long(24) } else { long(8) };
        let to = Address::new(DomainId::new(source.domain_id)?, Port(port));
        Some(Some(Known { to, port: self.port, conid: word(4), epoch }))
    }
}
