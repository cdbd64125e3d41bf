//! Sends, notifies and the end of a guest allocate nothing, whatever comes of them. (In a binary of its own, for its allocator.)
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has to stop")]

mod counting;
mod support;

use std::sync::atomic::Ordering;

use argo_core::abi::{Addr, DOMID_ANY, Iov, RingData, RingDataEnt, SendAddr};
use argo_core::claim::RingLen;
use argo_core::{DomainId, Errno, GuestAddr, Port, RingName};
use argo_hypervisor::inprocess::AllowAll;
use argo_hypervisor::{
    Argo, Caller, Config, Engine, Events, Existing, GuestMemory, ParkingLot, Question, Quotas,
    RegisterRequest, Start, WildcardRings,
};
use argo_mem::Memory;
use counting::allocations;
use support::*;
use zerocopy::{Immutable, IntoBytes};

/// Hears nothing, so that only the engine could allocate.
struct Quiet;

impl Events for Quiet {
    fn virq(&self, _: DomainId) {}
}

enum Still {}

impl argo_hypervisor::System for Still {
    type Memory = <Testbed as argo_hypervisor::System>::Memory;
    type Policy = AllowAll;
    type Events = Quiet;
    type Locks = ParkingLot;
}

type Quietly = Caller<Still>;

/// A server with a wildcard ring that takes 51 of the messages, and three clients.
fn system() -> (Engine<Still>, Quietly, [Quietly; 3]) {
    let config = Config { argo: Argo::On, wildcard_rings: WildcardRings::Allowed };
    let engine = Engine::<Still>::new(config, AllowAll, Quiet);
    let guest = |id| {
        let domain = engine.create_domain(domain(id), Quotas::default(), Start::Active).unwrap();
        Caller::new(domain, ram())
    };
    let (server, clients) = (guest(1), [2, 3, 4].map(guest));
    let len = RingLen::check(4096).unwrap();
    let request = RegisterRequest { name: from_any(), len, existing: Existing::Fail };
    let register = || engine.register_ring(&server, &request, pages(RING_PAGE, len)).unwrap();
    assert!(allocations(register) > 0, "the counter counts");
    (engine, server, clients)
}

fn put(caller: &Quietly, at: u64, value: &(impl IntoBytes + Immutable)) {
    caller.memory.write(GuestAddr(at), value.as_bytes()).unwrap();
}

#[test]
fn sends_allocate_nothing() {
    let (engine, _server, clients) = system();
    let addresses = SendAddr {
        src: Addr { aport: 1, domain_id: DOMID_ANY, pad: 0 },
        dst: Addr { aport: PORT.0, domain_id: 1, pad: 0 },
    };
    for client in &clients {
        put(client, 0x2000, &addresses);
        put(client, 0x2010, &Iov { iov_hnd: PAYLOAD, iov_len: 64, pad: 0 });
    }
    let (mut sent, mut refused) = (0, 0);
    let count = allocations(|| {
        for client in clients.iter().cycle().take(300) {
            let ret = engine.argo_op(client, 3, 0x2000, 0x2010, 1, 0);
            sent += u32::from(ret == 64);
            refused += u32::from(ret == Errno::EAGAIN.ret());
        }
    });
    assert_eq!((count, sent, refused), (0, 51, 249));
}

/// Questions about a full ring and about none, a wait, and its release by the ring's owner.
#[test]
fn notifying_allocates_nothing() {
    const SPACE: u32 = 64;
    let (engine, server, clients) = system();
    let ask = |aport| RingDataEnt {
        ring: Addr { aport, domain_id: 1, pad: 0 },
        space_required: SPACE,
        ..RingDataEnt::default()
    };
    for client in &clients {
        put(client, 0x2000, &RingData { nent: 2, pad: 0 });
        put(client, 0x2008, &[ask(PORT.0), ask(PORT.0 + 1)]);
    }
    let view = server.memory.memory().view();
    let read_up_to = |rx| view.store_u32((RING_PAGE * PAGE) as usize, rx, Ordering::Release);
    let waiting = || engine.stat(domain(1)).unwrap().rings[0].waiting;
    let notify = |caller: &Quietly, at| assert_eq!(engine.argo_op(caller, 4, at, 0, 0, 0), 0);
    // 16 bytes are free, then all but a slot.
    read_up_to(16).unwrap();
    assert_eq!(allocations(|| clients.iter().for_each(|client| notify(client, 0x2000))), 0);
    assert_eq!(waiting(), 3);
    read_up_to(0).unwrap();
    assert_eq!(allocations(|| notify(&server, 0)), 0);
    assert_eq!(waiting(), 0);
    assert_eq!(allocations(|| clients.iter().for_each(|client| notify(client, 0x2000))), 0);
    assert_eq!(waiting(), 0);
}

/// Where memory has run out, a guest that dies must not take the host along.
#[test]
fn the_end_of_a_guest_allocates_nothing() {
    type End = fn(&Engine<Still>, &Quietly);
    let ends: [End; 3] = [
        |engine, guest| engine.withdraw_rings(&guest.domain, |_| true),
        |engine, guest| engine.deactivate(&guest.domain),
        |engine, guest| engine.destroy_domain(guest.domain.id()).unwrap(),
    ];
    for end in ends {
        let (engine, server, clients) = system();
        let len = RingLen::check(64).unwrap();
        for port in 100..150 {
            let name = RingName { port: Port(port), ..from(2 + port as u16 % 3) };
            let request = RegisterRequest { name, len, existing: Existing::Fail };
            engine.register_ring(&server, &request, pages(RING_PAGE, len)).unwrap();
        }
        let question = Question { receiver: domain(1), port: Port(100), space_required: 32 };
        engine.query(&clients[1], &question).unwrap();
        assert_eq!(allocations(|| end(&engine, &server)), 0);
        assert_eq!(engine.stat(domain(1)).map_or(0, |stat| stat.rings.len()), 0);
    }
}
