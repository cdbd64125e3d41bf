//! Domains of the real engine, on the checker's locks.
#![allow(clippy::unwrap_used, reason = "models fail by panic")]

use std::marker::PhantomData;
use std::sync::Arc;

use argo_core::abi::{Iov, PAGE_SIZE};
use argo_core::claim::RingLen;
use argo_core::ring::Consumer;
use argo_core::{DomainId, Errno, Gfn, Partner, Port, RingName};
use argo_hypervisor::inprocess::AllowAll;
use argo_hypervisor::{
    Argo, Caller, Config, Engine, Events, Existing, Policy, Question, Quotas, RegisterRequest,
    SendRequest, Start, System, Waking, WildcardRings,
};

use crate::heard::Heard;
use crate::locks::CheckedLocks;
use crate::memory::CheckedMemory;

/// A host whose policy and events a model chooses.
pub struct World<P = AllowAll, E = Heard>(PhantomData<fn() -> (P, E)>);

impl<P: Policy + 'static, E: Events + 'static> System for World<P, E> {
    type Memory = CheckedMemory;
    type Policy = P;
    type Events = E;
    type Locks = CheckedLocks;
}

/// An engine without domains.
pub fn engine<P, E>(policy: P, events: E) -> Arc<Engine<World<P, E>>>
where
    P: Policy + 'static,
    E: Events + 'static,
{
    Arc::new(new_engine(policy, events))
}

/// The same, where who waits goes in turn.
pub fn fair_engine<P, E>(policy: P, events: E) -> Arc<Engine<World<P, E>>>
where
    P: Policy + 'static,
    E: Events + 'static,
{
    Arc::new(new_engine(policy, events).with_waking(Waking::Fair))
}

fn new_engine<P, E>(policy: P, events: E) -> Engine<World<P, E>>
where
    P: Policy + 'static,
    E: Events + 'static,
{
    let config = Config { argo: Argo::On, wildcard_rings: WildcardRings::Allowed };
    Engine::new(config, policy, events)
}

/// The domain with this number.
pub fn id(number: u16) -> DomainId {
    DomainId::new(number).unwrap()
}

/// The ring on a port, for that domain or for everybody.
pub fn ring(port: u32, partner: Option<DomainId>) -> RingName {
    RingName { port: Port(port), partner: partner.map_or(Partner::Any, Partner::Domain) }
}

/// A domain whose every call is made by the thread that asks.
pub struct Guest<P: Policy + 'static = AllowAll, E: Events + 'static = Heard> {
    /// The engine that it is a domain of.
    pub engine: Arc<Engine<World<P, E>>>,
    /// It, as the engine's calls want it.
    pub caller: Caller<World<P, E>>,
    len: RingLen,
}

/// Page 0 is never used, and this is what is sent.
const PAYLOAD_PAGE: u64 = 1;

/// Bytes of each payload: with its header two slots.
const PAYLOAD: u32 = 16;

impl<P: Policy + 'static, E: Events + 'static> Guest<P, E> {
    /// A domain with at most `rings` rings, on a page each, that have room for so many messages.
    pub fn new(engine: &Arc<Engine<World<P, E>>>, id: DomainId, room: u32, rings: u32) -> Self {
        let pages = PAYLOAD_PAGE + 1 + u64::from(rings);
        let memory = CheckedMemory::zeroed(pages).unwrap();
        let quotas = Quotas { rings, ..Quotas::default() };
        let domain = engine.create_domain(id, quotas, Start::Active).unwrap();
        let len = RingLen::check(room * 2 * 16 + 16).unwrap();
        Self { engine: engine.clone(), caller: Caller::new(domain, memory), len }
    }

    /// Its id.
    pub fn id(&self) -> DomainId {
        self.caller.domain.id()
    }

    /// Registers a ring on its `page`th page, which has the messages that lie there.
    ///
    /// # Errors
    /// As the engine says.
    pub fn register(&self, name: RingName, page: u64, existing: Existing) -> Result<(), Errno> {
        let request = RegisterRequest { name, len: self.len, existing };
        let pages = [Ok(Gfn(PAYLOAD_PAGE + 1 + page))].into_iter();
        self.engine.register_ring(&self.caller, &request, pages)
    }

    /// Sends a message with a number to the port of a domain.
    ///
    /// # Errors
    /// As the engine says.
    pub fn send(&self, receiver: DomainId, port: u32, number: u32) -> Result<u32, Errno> {
        let at = PAYLOAD_PAGE * u64::from(PAGE_SIZE);
        let iovs = [Iov { iov_hnd: at, iov_len: PAYLOAD, pad: 0 }];
        let (source, port) = (Port(0), Port(port));
        let request = SendRequest { source, receiver, port, iovs: &iovs, message_type: number };
        self.engine.sendv(&self.caller, &request)
    }

    /// Whether there is room for a message; if not, the domain waits for it.
    ///
    /// # Errors
    /// As the engine says.
    pub fn query(&self, receiver: DomainId, port: u32) -> Result<bool, Errno> {
        let question = Question { receiver, port: Port(port), space_required: PAYLOAD };
        let answer = self.engine.query(&self.caller, &question)?;
        Ok(answer.flags.contains(argo_core::abi::RingFlags::SUFFICIENT))
    }

    /// Takes the next message out of the ring on its `page`th page: who sent it, and its number.
    /// Of that ring one thread receives at a time.
    pub fn receive(&self, page: u64) -> Option<(u16, u32)> {
        let memory = self.caller.memory.own_ring(PAYLOAD_PAGE + 1 + page, self.len).unwrap();
        let mut consumer = Consumer::resume(&memory, self.len);
        let message = consumer.peek(&memory).unwrap()?;
        let header = *message.header();
        consumer.consume(&memory, message);
        Some((header.source.domain_id, header.message_type))
    }

    /// Domains that wait for room in its rings.
    pub fn waiting(&self) -> u32 {
        let stat = self.engine.stat(self.id());
        stat.into_iter().flat_map(|stat| stat.rings).map(|ring| ring.waiting).sum()
    }
}
