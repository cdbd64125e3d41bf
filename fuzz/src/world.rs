//! An engine with domains whose RAM can be looked at, a policy that can change, and a record of
//! what was raised.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use argo_core::DomainId;
use argo_core::policy::{Action, Decision, PortQuery, Query};
use argo_hypervisor::inprocess::AllowAll;
use argo_hypervisor::{
    Argo, Caller, Config, Engine, Events, Judge, LinearMemory, ParkingLot, Quotas, Start, System,
    WildcardRings,
};
use argo_mem::{HeapRam, Memory};

/// Bytes of a page.
pub const PAGE: usize = 4096;

/// The host of the engine here.
pub enum Host {}

impl System for Host {
    type Memory = LinearMemory<HeapRam>;
    type Policy = Denials;
    type Events = Record;
    type Locks = ParkingLot;
}

/// Everything is allowed but to have a word with these domains.
#[derive(Default)]
pub struct Denials(Mutex<BTreeSet<DomainId>>);

impl Denials {
    /// From here on it is refused to send to, or to register rings for, this domain; or allowed.
    pub fn set(&self, domain: DomainId, denied: bool) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let _was_so = if denied { all.insert(domain) } else { all.remove(&domain) };
    }

    /// Whether that is refused.
    pub fn has(&self, domain: DomainId) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&domain)
    }
}

impl Judge for Denials {
    fn hook(&self, query: Query) -> Decision {
        let denied = query.target().is_some_and(|target| self.has(target));
        Decision { action: if denied { Action::Deny } else { Action::Allow }, rule: None }
    }

    fn ports(&self, query: PortQuery) -> Decision {
        AllowAll.ports(query)
    }

    fn ports_from_any(&self, query: PortQuery) -> Decision {
        AllowAll.ports(query)
    }
}

/// What the engine told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// There is data, or room.
    Virq(DomainId),
    /// A wait went with its ring.
    WaitLost(DomainId),
    /// Somebody waits for room.
    SpaceWanted(DomainId),
    /// Rings for this domain alone went.
    PeerGone(DomainId),
    /// Rings of this domain were taken away.
    RingsCut(DomainId),
}

/// What was raised since it was last looked at.
#[derive(Default)]
pub struct Record(Mutex<Vec<Event>>);

impl Record {
    fn add(&self, event: Event) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    }
}

impl Events for Record {
    fn virq(&self, domain: DomainId) {
        self.add(Event::Virq(domain));
    }

    fn wait_lost(&self, domain: DomainId) {
        self.add(Event::WaitLost(domain));
    }

    fn peer_gone(&self, domain: DomainId) {
        self.add(Event::PeerGone(domain));
    }

    fn rings_cut(&self, owner: DomainId) {
        self.add(Event::RingsCut(owner));
    }

    fn space_wanted(&self, owner: DomainId) {
        self.add(Event::SpaceWanted(owner));
    }
}

/// A domain with its RAM.
pub type Guest = Caller<Host>;

/// The engine.
pub struct World {
    /// It.
    pub engine: Engine<Host>,
}

impl Default for World {
    fn default() -> Self {
        let config = Config { argo: Argo::On, wildcard_rings: WildcardRings::Allowed };
        Self { engine: Engine::new(config, Denials::default(), Record::default()) }
    }
}

impl World {
    /// A new domain with so many pages; `None`: there is one with this id.
    pub fn create(&self, id: DomainId, pages: usize, quotas: Quotas) -> Option<Guest> {
        let domain = self.engine.create_domain(id, quotas, Start::Active).ok()?;
        let ram = Arc::new(HeapRam::zeroed(pages * PAGE));
        Some(Caller::new(domain, LinearMemory::new(ram, 0, pages as u64).ok()?))
    }

    /// What was raised since the last time.
    pub fn events(&self) -> Vec<Event> {
        let mut events = self.engine.events().0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut events)
    }
}

/// A part of a guest's memory as it is now; what is not there is zero.
pub fn peek(guest: &Guest, at: usize, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    let _ = guest.memory.memory().view().read(at, &mut bytes);
    bytes
}

/// Whether a guest's memory is that.
pub fn is_image(guest: &Guest, image: &[u8]) -> bool {
    let view = guest.memory.memory().view();
    let mut page = [0; PAGE];
    image.chunks(PAGE).enumerate().all(|(number, expected)| {
        view.read(number * PAGE, &mut page).is_ok() && page[..] == *expected
    })
}

/// The domain with this number, of those that there can be.
pub fn domain(number: u16) -> DomainId {
    DomainId::new(number % DomainId::LIMIT).unwrap_or(DomainId::CONTROL)
}
