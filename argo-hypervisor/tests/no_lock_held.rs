//! Events are raised with no lock held: an `Events` that calls back into the engine.
//!
//! Were a lock held, the callback would wait for its own thread for ever.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has to stop")]

mod support;

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use argo_core::abi::Iov;
use argo_core::claim::RingLen;
use argo_core::{DomainId, Errno, Port, RingName};
use argo_hypervisor::inprocess::AllowAll;
use argo_hypervisor::{
    Argo, Caller, Config, Engine, Events, Existing, ParkingLot, Quotas, RegisterRequest, Start,
    System, Waking, WildcardRings,
};
use support::{PAYLOAD, PORT, domain, from, from_any, pages, ram};

enum Reentrant {}

impl System for Reentrant {
    type Memory = <support::Testbed as System>::Memory;
    type Policy = AllowAll;
    type Events = CallsBack;
    type Locks = ParkingLot;
}

/// Who calls back.
struct Users {
    engine: Arc<Engine<Reentrant>>,
    guests: [Caller<Reentrant>; 2],
}

/// Runs everything there is in the engine whenever an event comes, but not within itself.
#[derive(Default)]
struct CallsBack {
    users: OnceLock<Users>,
    within: AtomicBool,
    calls: [AtomicU32; 6],
}

impl Events for CallsBack {
    fn virq(&self, _: DomainId) {
        self.use_engine(0);
    }

    fn wait_lost(&self, _: DomainId) {
        self.use_engine(1);
    }

    fn space_wanted(&self, _: DomainId) {
        self.use_engine(2);
    }

    fn peer_gone(&self, _: DomainId) {
        self.use_engine(3);
    }

    fn rings_cut(&self, _: DomainId) {
        self.use_engine(4);
    }

    fn room_kept(&self, _: DomainId) {
        self.use_engine(5);
    }
}

impl CallsBack {
    fn use_engine(&self, event: usize) {
        let Some(Users { engine, guests }) = self.users.get() else { return };
        if self.within.swap(true, Ordering::SeqCst) {
            return;
        }
        self.calls[event].fetch_add(1, Ordering::SeqCst);
        for guest in guests {
            // Each of these wants the gate, a table for writing, or all shards.
            let name = RingName { port: Port(1000), ..from_any() };
            let _ = engine.unregister_ring(guest, name);
            let _ = register(engine, guest, name, 20);
            let _ = send(engine, guest, &guests[0]);
            engine.withdraw_rings(&guest.domain, |_| false);
            engine.activate(&guest.domain);
            let _ = engine.notify_owned(guest);
            engine.lend_room(guest.domain.id()).unwrap();
            assert!(engine.stat(guest.domain.id()).is_some());
        }
        engine.create_domain(domain(50), Quotas::default(), Start::Active).unwrap();
        engine.destroy_domain(domain(50)).unwrap();
        self.within.store(false, Ordering::SeqCst);
    }
}

fn register(
    engine: &Engine<Reentrant>,
    owner: &Caller<Reentrant>,
    name: RingName,
    page: u64,
) -> Result<(), Errno> {
    let len = RingLen::check(64).unwrap();
    let request = RegisterRequest { name, len, existing: Existing::Replace };
    engine.register_ring(owner, &request, pages(page, len))
}

fn send(
    engine: &Engine<Reentrant>,
    from: &Caller<Reentrant>,
    to: &Caller<Reentrant>,
) -> Result<u32, Errno> {
    let iovs = [Iov { iov_hnd: PAYLOAD, iov_len: 32, pad: 0 }];
    let receiver = to.domain.id();
    let request = argo_hypervisor::SendRequest {
        source: Port(1),
        receiver,
        port: PORT,
        iovs: &iovs,
        message_type: 0,
    };
    engine.sendv(from, &request)
}

#[test]
fn every_event_may_call_the_engine() {
    let config = Config { argo: Argo::On, wildcard_rings: WildcardRings::Allowed };
    let engine = Engine::<Reentrant>::new(config, AllowAll, CallsBack::default());
    let engine = Arc::new(engine.with_waking(Waking::Fair));
    let guest = |id| {
        let domain = engine.create_domain(domain(id), Quotas::default(), Start::Active).unwrap();
        Caller::new(domain, ram())
    };
    let (server, client, other) = (guest(1), guest(2), guest(3));
    let behind = guest(4);
    let shared = |one: &Caller<Reentrant>| Caller::new(one.domain.clone(), one.memory.clone());
    let events = engine.events();
    let users = Users { engine: engine.clone(), guests: [shared(&server), shared(&client)] };
    assert!(events.users.set(users).is_ok());

    register(&engine, &server, from_any(), 8).unwrap();
    assert_eq!(send(&engine, &client, &server), Ok(32));
    assert_eq!(send(&engine, &other, &server), Err(Errno::EAGAIN));
    assert_eq!(send(&engine, &behind, &server), Err(Errno::EAGAIN));
    // A ring that is read empty: whoever waits is signalled.
    register(&engine, &server, from_any(), 9).unwrap();
    engine.notify_owned(&server).unwrap();
    while send(&engine, &other, &server) != Err(Errno::EAGAIN) {}
    engine.unregister_ring(&server, from_any()).unwrap();
    register(&engine, &server, from_any(), 10).unwrap();
    while send(&engine, &other, &server) != Err(Errno::EAGAIN) {}
    engine.soft_reset(domain(1)).unwrap();
    every_way_for_a_ring_to_go(&engine, &other);
    let calls = events.calls.each_ref().map(|count| count.load(Ordering::SeqCst));
    assert!(
        calls.iter().all(|count| *count > 0),
        "virq, wait_lost, space_wanted, peer_gone, rings_cut, room_kept: {calls:?}"
    );
}

/// Each of these must raise the event, and none may hold a lock then.
fn every_way_for_a_ring_to_go(engine: &Engine<Reentrant>, owner: &Caller<Reentrant>) {
    let id = owner.domain.id();
    let told = || engine.events().calls[3].load(Ordering::SeqCst);
    let ways: [&dyn Fn(); 5] = [
        &|| engine.unregister_ring(owner, from(2)).unwrap(),
        &|| engine.withdraw_rings(&owner.domain, |_| true),
        &|| engine.soft_reset(id).unwrap(),
        &|| engine.deactivate(&owner.domain),
        &|| engine.destroy_domain(id).unwrap(),
    ];
    for (number, way) in ways.into_iter().enumerate() {
        engine.activate(&owner.domain);
        register(engine, owner, from(2), 11).unwrap();
        let before = told();
        way();
        assert_eq!(told() - before, 1, "way {number}");
    }
}
