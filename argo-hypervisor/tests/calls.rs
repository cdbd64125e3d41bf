//! The typed calls, one scenario a test.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has to stop")]

mod support;

use argo_core::abi::{Iov, RingFlags};
use argo_core::claim::RingLen;
use argo_core::policy::{Hook, Query};
use argo_core::{Errno, Gfn, GuestAddr, Port, RingName};
use argo_hypervisor::{
    Argo, BadRam, Config, CreateError, Engine, Existing, Fault, GuestMemory as _, LinearMemory,
    MapError, NoSuchDomain, Quotas, RegisterRequest, Start, WildcardRings,
};
use argo_mem::HeapRam;
use std::sync::Arc;
use support::*;

#[test]
fn a_message_arrives_whole_and_interrupts_its_receiver() {
    let world = World::new();
    let (server, client) = (world.guest(1), world.guest(2));
    world.register(&server, from(2), RING_PAGE, 256).unwrap();
    poke(&client, PAYLOAD, b"hello, ");
    poke(&client, 0x2000, b"argo");
    let iovs = [(PAYLOAD, 7), (0, 0), (0x2000, 4)];
    let iovs = iovs.map(|(iov_hnd, iov_len)| Iov { iov_hnd, iov_len, pad: 0 });
    assert_eq!(world.engine.sendv(&client, &request(&server, PORT, &iovs)), Ok(11));
    assert_eq!(world.events(), [Event::Virq(1)]);
    assert_eq!(drain(&server, RING_PAGE, 256), [b"hello, argo"]);
    let stat = world.engine.stat(domain(2)).unwrap();
    assert_eq!((stat.counters.messages, stat.counters.bytes), (1, 11));
}

#[test]
fn pages_in_any_order_make_a_ring() {
    let world = World::new();
    let (server, client) = (world.guest(1), world.guest(2));
    let len = RingLen::check(8192).unwrap();
    let list = [20, 9, 14].map(|gfn| Ok(Gfn(gfn)));
    let request = RegisterRequest { name: from(2), len, existing: Existing::Fail };
    world.engine.register_ring(&server, &request, list.into_iter()).unwrap();
    let payload: Vec<u8> = (0..5000u32).map(|i| (i % 251) as u8).collect();
    poke(&client, PAYLOAD, &payload);
    assert_eq!(world.send(&client, &server, 5000), Ok(5000));
    let mut image = Vec::new();
    for gfn in [20, 9, 14] {
        let at = (gfn * PAGE) as usize;
        let mut page = [0; PAGE as usize];
        argo_mem::Memory::view(&**server.memory.memory()).read(at, &mut page).unwrap();
        image.extend(page);
    }
    assert_eq!(image[64 + 16..][..5000], payload);
}

#[test]
fn a_page_twice_in_a_ring_has_what_xen_wrote_last() {
    let world = World::new();
    let (server, client) = (world.guest(1), world.guest(2));
    let len = RingLen::check(8128).unwrap();
    let list = [RING_PAGE, RING_PAGE].map(|gfn| Ok(Gfn(gfn)));
    let request = RegisterRequest { name: from(2), len, existing: Existing::Fail };
    world.engine.register_ring(&server, &request, list.into_iter()).unwrap();
    poke(&client, PAYLOAD, &[0xA5; 4096]);
    // Its last 16 bytes lie where its header does: Xen writes the header, then the payload.
    assert_eq!(world.send(&client, &server, 4096), Ok(4096));
    let mut header = [0; 16];
    ring_view(&server, RING_PAGE, 48).read(64, &mut header).unwrap();
    assert_eq!(header, [0xA5; 16]);
}

#[test]
fn the_ring_for_one_sender_comes_before_the_wildcard_one() {
    let world = World::new();
    let (server, known, other) = (world.guest(1), world.guest(2), world.guest(3));
    world.register(&server, from_any(), RING_PAGE, 256).unwrap();
    world.register(&server, from(2), RING_PAGE + 1, 256).unwrap();
    world.send(&known, &server, 5).unwrap();
    world.send(&other, &server, 6).unwrap();
    assert_eq!(drain(&server, RING_PAGE + 1, 256)[0].len(), 5);
    assert_eq!(drain(&server, RING_PAGE, 256)[0].len(), 6);
}

#[test]
fn a_full_ring_makes_its_sender_wait_until_there_is_room() {
    let world = World::new();
    let (server, client) = (world.guest(1), world.guest(2));
    world.register(&server, from(2), RING_PAGE, 64).unwrap();
    world.send(&client, &server, 32).unwrap();
    assert_eq!(world.send(&client, &server, 16), Err(Errno::EAGAIN));
    assert_eq!(world.send(&client, &server, 16), Err(Errno::EAGAIN));
    // The owner hears of the wait once.
    assert_eq!(world.events(), [Event::Virq(1), Event::SpaceWanted(1)]);
    world.engine.notify_owned(&server).unwrap();
    assert_eq!((world.events(), world.waiting(&server)), (vec![], 1));
    drain(&server, RING_PAGE, 64);
    world.engine.notify_owned(&server).unwrap();
    assert_eq!((world.events(), world.waiting(&server)), (vec![Event::Virq(2)], 0));
    assert_eq!(world.send(&client, &server, 16), Ok(16));
}

#[test]
fn a_wait_keeps_its_longest_message() {
    let world = World::new();
    let (server, client) = (world.guest(1), world.guest(2));
    world.register(&server, from(2), RING_PAGE, 128).unwrap();
    world.send(&client, &server, 16).unwrap();
    world.send(&client, &server, 48).unwrap();
    world.events();
    for bytes in [16, 80, 16] {
        assert_eq!(world.send(&client, &server, bytes), Err(Errno::EAGAIN));
    }
    assert_eq!(world.events(), [Event::SpaceWanted(1), Event::SpaceWanted(1)]);
    // Room for the short one, not for the long one.
    ring_view(&server, RING_PAGE, 128)
        .store_u32(0, 32, std::sync::atomic::Ordering::Release)
        .unwrap();
    world.engine.notify_owned(&server).unwrap();
    assert_eq!(world.events(), []);
    drain(&server, RING_PAGE, 128);
    world.engine.notify_owned(&server).unwrap();
    assert_eq!(world.events(), [Event::Virq(2)]);
}

#[test]
fn questions_are_answered_and_queue_or_cancel_waits() {
    let world = World::new();
    let (server, client) = (world.guest(1), world.guest(2));
    assert_eq!(world.ask(&client, &server, 1), Ok(0));
    world.register(&server, from_any(), RING_PAGE, 64).unwrap();
    let there = (RingFlags::EXISTS | RingFlags::SHARED).bits();
    let empty = there | RingFlags::EMPTY.bits();
    assert_eq!(world.ask(&client, &server, 32), Ok(empty | RingFlags::SUFFICIENT.bits()));
    assert_eq!(world.ask(&client, &server, 33), Ok(empty | RingFlags::EMSGSIZE.bits()));
    assert_eq!(world.ask(&client, &server, u32::MAX), Ok(empty | RingFlags::EMSGSIZE.bits()));
    world.send(&client, &server, 16).unwrap();
    assert_eq!(world.ask(&client, &server, 1), Ok(there));
    assert_eq!(world.waiting(&server), 1);
    drain(&server, RING_PAGE, 64);
    assert_eq!(world.ask(&client, &server, 1), Ok(empty | RingFlags::SUFFICIENT.bits()));
    assert_eq!(world.waiting(&server), 0);
    world.deny(Query::Send { from: domain(2), to: domain(1) });
    assert_eq!(world.ask(&client, &server, 1), Err(Errno::EACCES));
}

#[test]
fn the_policy_decides_and_its_denials_are_counted() {
    let world = World::new();
    let (server, client) = (world.guest(1), world.guest(2));
    world.register(&server, from(2), RING_PAGE, 256).unwrap();
    world.deny(Query::Send { from: domain(2), to: domain(1) });
    assert_eq!(world.send(&client, &server, 1), Err(Errno::EACCES));
    assert_eq!(world.events(), []);
    world.deny(Query::RegisterAnySource { domain: domain(1) });
    world.deny(Query::RegisterSingleSource { domain: domain(1), partner: domain(2) });
    assert_eq!(world.register(&server, from_any(), 9, 256), Err(Errno::EACCES));
    assert_eq!(world.register(&server, from(2), 9, 256), Err(Errno::EACCES));
    world.deny(Query::Enable { domain: domain(2) });
    assert_eq!(world.engine.notify_owned(&client), Err(Errno::EACCES));
    let counters = world.engine.stat(domain(2)).unwrap().counters;
    assert_eq!(counters.refusals_with(Errno::EACCES), 2);
    let denied: Vec<_> = Hook::ALL.into_iter().zip(counters.denials).filter(|d| d.1 > 0).collect();
    assert_eq!(denied, [(Hook::Enable, 1), (Hook::Send, 1)]);
}

#[test]
fn a_system_without_argo_or_wildcards_refuses() {
    let config = Config { argo: Argo::Off, wildcard_rings: WildcardRings::Allowed };
    let off = World { engine: Engine::new(config, Denials::default(), Record::default()) };
    assert_eq!(off.register(&off.guest(1), from_any(), 8, 64), Err(Errno::EOPNOTSUPP));
    let config = Config { argo: Argo::On, wildcard_rings: WildcardRings::Refused };
    let strict = World { engine: Engine::new(config, Denials::default(), Record::default()) };
    let server = strict.guest(1);
    assert_eq!(strict.register(&server, from_any(), 8, 64), Err(Errno::EPERM));
    assert_eq!(strict.register(&server, from(1), 8, 64), Ok(()));
}

#[test]
fn dormant_domains_neither_call_nor_receive() {
    let world = World::new();
    let (server, client) = (world.guest(1), world.guest(2));
    world.register(&server, from(2), RING_PAGE, 64).unwrap();
    world.register(&client, from(1), RING_PAGE, 64).unwrap();
    world.send(&server, &client, 32).unwrap();
    assert_eq!(world.send(&server, &client, 32), Err(Errno::EAGAIN));
    world.events();
    world.engine.deactivate(&client.domain);
    assert_eq!(world.events(), [Event::PeerGone(1), Event::WaitLost(1)]);
    assert_eq!(world.send(&client, &server, 1), Err(Errno::ENODEV));
    assert_eq!(world.send(&server, &client, 1), Err(Errno::ECONNREFUSED));
    let other = RingName { port: Port(8), ..from(2) };
    assert_eq!(world.register(&server, other, 9, 64), Err(Errno::ECONNREFUSED));
    // It comes back, and finds the ring that is kept for it; its own is gone.
    world.engine.activate(&client.domain);
    assert_eq!(world.send(&client, &server, 1), Ok(1));
    assert_eq!(world.send(&server, &client, 1), Err(Errno::ECONNREFUSED));
}

#[test]
fn rings_of_a_session_that_ended_are_withdrawn() {
    let world = World::new();
    let (first, client) = (world.guest(1), world.guest(2));
    let second = Guest::new(first.domain.clone(), ram());
    world.register(&first, from(2), RING_PAGE, 64).unwrap();
    let kept = RingName { port: Port(8), ..from(2) };
    world.register(&second, kept, RING_PAGE, 64).unwrap();
    world.send(&client, &first, 32).unwrap();
    assert_eq!(world.send(&client, &first, 32), Err(Errno::EAGAIN));
    world.events();
    let gone = first.memory.memory().clone();
    world.engine.withdraw_rings(&first.domain, |ring| Arc::ptr_eq(ring.memory(), &gone));
    assert_eq!(world.events(), [Event::PeerGone(2), Event::WaitLost(2)]);
    assert_eq!(world.rings(&second).iter().map(|ring| ring.name).collect::<Vec<_>>(), [kept]);
}

#[test]
fn whom_a_ring_was_for_is_told_that_it_went() {
    let world = World::new();
    let (owner, other) = (world.guest(1), world.guest(4));
    let _partners = (world.guest(2), world.guest(3));
    let rings =
        [(7, 2), (8, 3), (9, 2)].map(|(port, id)| RingName { port: Port(port), ..from(id) });
    let register = |name| world.register(&owner, name, RING_PAGE, 64).unwrap();
    let all = || rings.into_iter().chain([from_any()]).for_each(register);
    all();
    world.register(&other, from(1), RING_PAGE, 64).unwrap();
    // Registered anew, nothing goes. Unregistered, only its partner cares.
    register(rings[1]);
    assert_eq!(world.events(), []);
    world.engine.unregister_ring(&owner, rings[1]).unwrap();
    assert_eq!(world.events(), [Event::PeerGone(3)]);
    world.engine.unregister_ring(&owner, from_any()).unwrap();
    assert_eq!(world.events(), []);
    // All at once: each partner hears it once, and the one that goes nothing of rings for it.
    let ways: [(&dyn Fn(), &[Event]); 4] = [
        (&|| world.engine.withdraw_rings(&owner.domain, |_| true), &[]),
        (&|| world.engine.deactivate(&owner.domain), &[]),
        // It takes along what another had for it.
        (
            &|| world.engine.soft_reset(domain(1)).unwrap(),
            &[Event::RingsCut(4), Event::RingsCut(1)],
        ),
        (&|| world.engine.destroy_domain(domain(1)).unwrap(), &[]),
    ];
    for (way, owner_hears) in ways {
        world.engine.activate(&owner.domain);
        all();
        way();
        let partners_hear = [Event::PeerGone(2), Event::PeerGone(3)];
        assert_eq!(world.events(), [&partners_hear[..], owner_hears].concat());
    }
}

#[test]
fn a_domain_that_ends_takes_along_what_names_it() {
    let world = World::new();
    let (server, client, other) = (world.guest(1), world.guest(2), world.guest(3));
    world.register(&server, from(2), RING_PAGE, 64).unwrap();
    world.register(&other, from_any(), RING_PAGE, 64).unwrap();
    world.send(&client, &other, 32).unwrap();
    assert_eq!(world.send(&client, &other, 32), Err(Errno::EAGAIN));
    world.events();
    world.engine.destroy_domain(domain(2)).unwrap();
    assert_eq!((world.rings(&server).len(), world.waiting(&other)), (0, 0));
    assert_eq!(world.events(), []);
    assert_eq!(world.engine.destroy_domain(domain(2)), Err(NoSuchDomain(domain(2))));
    assert_eq!(world.send(&other, &client, 1), Err(Errno::ESRCH));
    assert_eq!(world.send(&client, &other, 1), Err(Errno::ENODEV));
    assert_eq!(world.engine.domains(), [domain(1), domain(3)]);
    let reborn = world.guest(2);
    assert_eq!(world.send(&reborn, &other, 1), Err(Errno::EAGAIN));
}

#[test]
fn domains_are_created_once_with_quotas_that_are_supported() {
    let world = World::new();
    let first = world.guest(1);
    let again = world.engine.create_domain(domain(1), Quotas::default(), Start::Active);
    assert_eq!(again.err(), Some(CreateError::Exists(domain(1))));
    assert!(Arc::ptr_eq(&world.engine.domain(domain(1)).unwrap(), &first.domain));
    let quotas = Quotas { waiters: Quotas::WAITERS_MAX + 1, ..Quotas::default() };
    let refused = world.engine.create_domain(domain(2), quotas, Start::Active).err();
    assert_eq!(refused.unwrap().to_string(), "quota waiters is 1025: at most 1024 is supported");
}

#[test]
fn guest_ram_lies_in_its_host_memory() {
    let host = Arc::new(HeapRam::zeroed(8 * 4096));
    let bad = |base, pages| LinearMemory::new(host.clone(), base, pages).err();
    assert_eq!(bad(4096, 7), None);
    assert_eq!(bad(4096, 8), Some(BadRam { base: 4096, pages: 8, limit: 8 * 4096 }));
    assert_eq!(bad(64, 1), Some(BadRam { base: 64, pages: 1, limit: 8 * 4096 }));
    assert!(bad(0, u64::MAX).is_some());
}

/// Whatever a machine keeps in its first pages: nobody has them read or written.
#[test]
fn what_lies_below_the_first_address_is_out_of_reach() {
    const FIRST: GuestAddr = GuestAddr(2 * 4096);
    let pages = |first| [Ok(Gfn(first))].into_iter();
    let len = RingLen::check(64).unwrap();
    let whole = LinearMemory::new(Arc::new(HeapRam::zeroed(8 * 4096)), 0, 8).unwrap();
    let part = whole.clone().with_first(FIRST);
    for at in [GuestAddr(4096), GuestAddr(FIRST.0 - 1)] {
        assert_eq!(whole.write(at, &[7; 2]), Ok(()));
        assert_eq!(part.write(at, &[8; 2]), Err(Fault { at, len: 2 }));
        assert_eq!(part.read(at, &mut [0; 2]), Err(Fault { at, len: 2 }));
    }
    assert_eq!(part.write(FIRST, &[9]), Ok(()));
    assert!(whole.map_ring(pages(1), len).is_ok());
    assert_eq!(part.map_ring(pages(1), len).err(), Some(MapError::BadPage(1)));
    assert!(part.map_ring(pages(2), len).is_ok());
    let null = whole.with_first(GuestAddr(0));
    assert!(null.read(GuestAddr(4095), &mut [0]).is_err() && null.map_ring(pages(0), len).is_err());
}
