//! A small world for the tests: domains with RAM on the heap, a policy that can be changed, and a
//! record of what was raised.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use argo_core::abi::{Iov, RING_HEADER};
use argo_core::claim::RingLen;
use argo_core::policy::{
    Action, Decision, LabelSet, PortQuery, PortRule, Query, decide_from_any_port, decide_ports,
};
use argo_core::ring::Consumer;
use argo_core::{DomainId, Errno, Gfn, GuestAddr, Partner, Port, RingName};
use argo_hypervisor::inprocess::AllowAll;
use argo_hypervisor::{
    Argo, Caller, Config, Engine, Events, Existing, GuestMemory, Judge, LinearMemory, ParkingLot,
    Passage, Question, Quotas, RegisterRequest, RingStat, SendRequest, Start, System, Waking,
    WildcardRings,
};
use argo_mem::{HeapRam, Memory, View};

pub const PAGE: u64 = 4096;
pub const RAM_PAGES: u64 = 64;
/// Where senders keep their payload.
pub const PAYLOAD: u64 = 0x1000;
/// The page that most tests give to their ring.
pub const RING_PAGE: u64 = 8;
pub const PORT: Port = Port(7);

pub enum Testbed {}

impl System for Testbed {
    type Memory = LinearMemory<HeapRam>;
    type Policy = Denials;
    type Events = Record;
    type Locks = ParkingLot;
}

/// Allows everything but what it is told to refuse.
#[derive(Default)]
pub struct Denials {
    hooks: Mutex<HashSet<Query>>,
    ports: Mutex<Option<Vec<PortRule>>>,
    throttled: Mutex<bool>,
}

impl Denials {
    /// From here on this is refused, these rules decide about ports (if there are any), and every
    /// message has to wait, or none.
    pub fn replace(&self, hooks: HashSet<Query>, ports: Option<Vec<PortRule>>, throttled: bool) {
        *self.hooks.lock().unwrap() = hooks;
        *self.ports.lock().unwrap() = ports;
        *self.throttled.lock().unwrap() = throttled;
    }
}

impl Judge for Denials {
    fn hook(&self, query: Query) -> Decision {
        let denied = self.hooks.lock().unwrap().contains(&query);
        Decision { action: if denied { Action::Deny } else { Action::Allow }, rule: None }
    }

    fn ports(&self, query: PortQuery) -> Decision {
        match &*self.ports.lock().unwrap() {
            Some(rules) => decide_ports(rules, |_| LabelSet::EMPTY, query),
            None => AllowAll.ports(query),
        }
    }

    fn ports_from_any(&self, query: PortQuery) -> Decision {
        match &*self.ports.lock().unwrap() {
            Some(rules) => decide_from_any_port(rules, |_| LabelSet::EMPTY, query),
            None => AllowAll.ports(query),
        }
    }

    fn throttles(&self, _: &Passage) -> bool {
        *self.throttled.lock().unwrap()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    Virq(u16),
    WaitLost(u16),
    SpaceWanted(u16),
    RoomKept(u16),
    PeerGone(u16),
    RingsCut(u16),
}

/// The same events, in whatever order.
pub fn same_events(mut got: Vec<Event>, mut expected: Vec<Event>) {
    got.sort_unstable();
    expected.sort_unstable();
    assert_eq!(got, expected);
}

#[derive(Default)]
pub struct Record(Mutex<Vec<Event>>);

impl Record {
    /// What was raised since the last time.
    pub fn take(&self) -> Vec<Event> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Events for Record {
    fn virq(&self, domain: DomainId) {
        self.0.lock().unwrap().push(Event::Virq(domain.raw()));
    }

    fn wait_lost(&self, domain: DomainId) {
        self.0.lock().unwrap().push(Event::WaitLost(domain.raw()));
    }

    fn space_wanted(&self, owner: DomainId) {
        self.0.lock().unwrap().push(Event::SpaceWanted(owner.raw()));
    }

    fn room_kept(&self, owner: DomainId) {
        self.0.lock().unwrap().push(Event::RoomKept(owner.raw()));
    }

    fn peer_gone(&self, domain: DomainId) {
        self.0.lock().unwrap().push(Event::PeerGone(domain.raw()));
    }

    fn rings_cut(&self, owner: DomainId) {
        self.0.lock().unwrap().push(Event::RingsCut(owner.raw()));
    }
}

pub struct World {
    pub engine: Engine<Testbed>,
}

pub type Guest = Caller<Testbed>;

impl World {
    pub fn new() -> Self {
        let config = Config { argo: Argo::On, wildcard_rings: WildcardRings::Allowed };
        Self { engine: Engine::new(config, Denials::default(), Record::default()) }
    }

    /// The same, with another way of waking.
    pub fn waking(self, waking: Waking) -> Self {
        Self { engine: self.engine.with_waking(waking) }
    }

    pub fn guest(&self, id: u16) -> Guest {
        self.guest_with(id, Quotas::default())
    }

    pub fn guest_with(&self, id: u16, quotas: Quotas) -> Guest {
        Caller::new(self.engine.create_domain(domain(id), quotas, Start::Active).unwrap(), ram())
    }

    pub fn deny(&self, query: Query) {
        self.engine.policy().hooks.lock().unwrap().insert(query);
    }

    pub fn allow(&self, query: Query) {
        self.engine.policy().hooks.lock().unwrap().remove(&query);
    }

    /// From here on these rules decide about ports.
    pub fn rule_ports(&self, rules: impl Into<Vec<PortRule>>) {
        *self.engine.policy().ports.lock().unwrap() = Some(rules.into());
    }

    /// From here on every message has to wait, or none.
    pub fn throttle(&self, throttled: bool) {
        *self.engine.policy().throttled.lock().unwrap() = throttled;
    }

    /// What was raised since the last time.
    pub fn events(&self) -> Vec<Event> {
        self.engine.events().take()
    }

    pub fn register(
        &self,
        owner: &Guest,
        name: RingName,
        page: u64,
        len: u32,
    ) -> Result<(), Errno> {
        let len = RingLen::check(len).unwrap();
        let request = RegisterRequest { name, len, existing: Existing::Replace };
        self.engine.register_ring(owner, &request, pages(page, len))
    }

    pub fn send(&self, from: &Guest, to: &Guest, bytes: u32) -> Result<u32, Errno> {
        self.send_to(from, to, PORT, bytes)
    }

    pub fn send_to(&self, from: &Guest, to: &Guest, port: Port, bytes: u32) -> Result<u32, Errno> {
        let iovs = [Iov { iov_hnd: PAYLOAD, iov_len: bytes, pad: 0 }];
        self.engine.sendv(from, &request(to, port, &iovs))
    }

    pub fn ask(&self, from: &Guest, to: &Guest, space: u32) -> Result<u16, Errno> {
        let receiver = to.domain.id();
        let question = Question { receiver, port: PORT, space_required: space };
        self.engine.query(from, &question).map(|answer| answer.flags.bits())
    }

    pub fn rings(&self, owner: &Guest) -> Vec<RingStat> {
        self.engine.stat(owner.domain.id()).map_or(Vec::new(), |stat| stat.rings)
    }

    /// How many wait for the only ring of a domain.
    pub fn waiting(&self, owner: &Guest) -> u32 {
        let rings = self.rings(owner);
        assert_eq!(rings.len(), 1);
        rings[0].waiting
    }
}

pub fn request<'a>(to: &Guest, port: Port, iovs: &'a [Iov]) -> SendRequest<'a> {
    let receiver = to.domain.id();
    SendRequest { source: Port(0x99), receiver, port, iovs, message_type: 1 }
}

pub fn domain(id: u16) -> DomainId {
    DomainId::new(id).unwrap()
}

pub fn ram() -> LinearMemory<HeapRam> {
    let ram = HeapRam::zeroed((RAM_PAGES * PAGE) as usize);
    LinearMemory::new(Arc::new(ram), 0, RAM_PAGES).unwrap()
}

/// Pages in order, as many as the ring needs.
pub fn pages(
    first: u64,
    len: RingLen,
) -> impl ExactSizeIterator<Item = Result<Gfn, argo_hypervisor::Fault>> {
    (0..len.pages()).map(move |page| Ok(Gfn(first + u64::from(page))))
}

pub fn from_any() -> RingName {
    RingName { port: PORT, partner: Partner::Any }
}

pub fn from(partner: u16) -> RingName {
    RingName { port: PORT, partner: Partner::Domain(domain(partner)) }
}

pub fn ring_view(owner: &Guest, page: u64, len: u32) -> View<'_> {
    let bytes = (RING_HEADER + len) as usize;
    owner.memory.memory().view().part((page * PAGE) as usize, bytes).unwrap()
}

/// Reads the messages in a ring, frees their space, and gives their payloads.
pub fn drain(owner: &Guest, page: u64, len: u32) -> Vec<Vec<u8>> {
    let view = ring_view(owner, page, len);
    let mut consumer = Consumer::resume(&view, RingLen::check(len).unwrap());
    let mut payloads = Vec::new();
    while let Some(message) = consumer.peek(&view).unwrap() {
        let mut payload = vec![0; message.payload_len() as usize];
        message.copy_to(&view, &mut payload);
        payloads.push(payload);
        consumer.consume(&view, message);
    }
    payloads
}

pub fn poke(guest: &Guest, at: u64, bytes: &[u8]) {
    guest.memory.write(GuestAddr(at), bytes).unwrap();
}
