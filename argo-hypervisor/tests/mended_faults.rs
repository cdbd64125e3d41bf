//! Faults of Xen's Argo that this engine does not have, one a test.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has to stop")]

mod support;

use argo_core::GuestAddr;
use argo_core::abi::SLOT;
use argo_core::claim::RingLen;
use argo_core::{Errno, Gfn, Partner, Port, RingName};
use argo_hypervisor::{Existing, Fault, Quotas, RegisterRequest};
use std::sync::atomic::Ordering;
use support::*;

fn named(port: u32) -> RingName {
    RingName { port: Port(port), ..from(2) }
}

/// A page list that is unreadable, or names a page that cannot be a ring.
fn bad_lists() -> [Result<Gfn, Fault>; 2] {
    [Ok(Gfn(RAM_PAGES)), Err(Fault { at: GuestAddr(0), len: 8 })]
}

#[test]
fn a_failed_re_registration_leaves_the_old_ring_and_its_waits() {
    let world = World::new();
    let (server, client) = (world.guest(1), world.guest(2));
    world.register(&server, from(2), RING_PAGE, 64).unwrap();
    world.send(&client, &server, 32).unwrap();
    assert_eq!(world.send(&client, &server, 32), Err(Errno::EAGAIN));
    let before = world.rings(&server);
    let len = RingLen::check(64).unwrap();
    let request = RegisterRequest { name: from(2), len, existing: Existing::Replace };
    for (bad, errno) in bad_lists().into_iter().zip([Errno::EINVAL, Errno::EFAULT]) {
        let result = world.engine.register_ring(&server, &request, [bad].into_iter());
        assert_eq!(result, Err(errno));
    }
    assert_eq!(world.rings(&server), before);
    world.events();
    assert_eq!(drain(&server, RING_PAGE, 64).len(), 1);
    world.engine.notify_owned(&server).unwrap();
    assert_eq!(world.events(), [Event::Virq(2)]);
    assert_eq!(world.send(&client, &server, 32), Ok(32));
}

#[test]
fn re_registrations_use_up_nothing() {
    let world = World::new();
    let (server, _client) =
        (world.guest_with(1, Quotas { rings: 2, ..Quotas::default() }), world.guest(2));
    for page in 8..40 {
        world.register(&server, named(0), page, 64).unwrap();
    }
    world.register(&server, named(1), 8, 64).unwrap();
    assert_eq!(world.register(&server, named(2), 8, 64), Err(Errno::ENOSPC));
}

#[test]
fn failed_re_registrations_use_up_nothing() {
    let world = World::new();
    let (server, _client) =
        (world.guest_with(1, Quotas { rings: 2, ..Quotas::default() }), world.guest(2));
    world.register(&server, named(0), 8, 64).unwrap();
    for _ in 0..10 {
        assert_eq!(world.register(&server, named(0), RAM_PAGES, 64), Err(Errno::EINVAL));
    }
    world.register(&server, named(1), 8, 64).unwrap();
    world.engine.unregister_ring(&server, named(0)).unwrap();
    world.register(&server, named(2), 8, 64).unwrap();
    assert_eq!(world.rings(&server).len(), 2);
}

#[test]
fn at_the_limit_a_ring_can_still_be_registered_again() {
    let world = World::new();
    let (server, _client) =
        (world.guest_with(1, Quotas { rings: 1, ..Quotas::default() }), world.guest(2));
    world.register(&server, named(0), 8, 64).unwrap();
    assert_eq!(world.register(&server, named(0), 9, 64), Ok(()));
    // Another length is refused as what it is.
    assert_eq!(world.register(&server, named(0), 9, 80), Err(Errno::EEXIST));
}

#[test]
fn a_wait_for_an_empty_message_ends_when_it_fits() {
    let world = World::new();
    let (server, client) = (world.guest(1), world.guest(2));
    world.register(&server, from(2), RING_PAGE, 64).unwrap();
    for _ in 0..3 {
        world.send(&client, &server, 0).unwrap();
    }
    assert_eq!(world.send(&client, &server, 0), Err(Errno::EAGAIN));
    world.events();
    // One message read: exactly two slots are free.
    ring_view(&server, RING_PAGE, 64).store_u32(0, SLOT, Ordering::Release).unwrap();
    world.engine.notify_owned(&server).unwrap();
    assert_eq!(world.events(), [Event::Virq(2)]);
    assert_eq!(world.send(&client, &server, 0), Ok(0));
}

/// Xen walks the waits by the wrong link here, and writes past its heap.
#[test]
fn a_domain_that_waits_for_a_wildcard_ring_can_go() {
    let world = World::new();
    let (server, client, other) = (world.guest(1), world.guest(2), world.guest(3));
    world.register(&server, from_any(), RING_PAGE, 64).unwrap();
    world.send(&client, &server, 32).unwrap();
    for guest in [&client, &other] {
        assert_eq!(world.send(guest, &server, 32), Err(Errno::EAGAIN));
    }
    world.engine.soft_reset(domain(2)).unwrap();
    assert_eq!(world.waiting(&server), 1);
    drain(&server, RING_PAGE, 64);
    world.events();
    world.engine.notify_owned(&server).unwrap();
    assert_eq!(world.events(), [Event::Virq(3)]);
}

/// Xen keeps an entry too many with the partner each time, and trips over it at its end.
#[test]
fn a_partner_of_rings_registered_twice_can_go() {
    type Step = fn(&World, &Guest);
    let histories: [&[Step]; 3] =
        [&[register, register], &[register, register, unregister], &[register, register_badly]];
    for steps in histories {
        let world = World::new();
        let (server, _client) = (world.guest(1), world.guest(2));
        for step in steps {
            step(&world, &server);
        }
        world.engine.destroy_domain(domain(2)).unwrap();
        assert_eq!(world.rings(&server), []);
        assert_eq!(world.engine.domains(), [domain(1)]);
    }
}

/// Xen leaves entries with the partner when the owner goes, and trips over them at its end.
#[test]
fn the_owner_of_a_ring_can_go_before_its_partner() {
    let world = World::new();
    let (server, client) = (world.guest(1), world.guest(2));
    for _ in 0..50 {
        register(&world, &server);
        world.engine.soft_reset(domain(1)).unwrap();
        assert_eq!(world.rings(&server), []);
    }
    register(&world, &server);
    world.engine.destroy_domain(domain(1)).unwrap();
    let reborn = world.guest(1);
    register(&world, &reborn);
    assert_eq!(world.send(&client, &reborn, 1), Ok(1));
    world.engine.destroy_domain(domain(2)).unwrap();
    assert_eq!(world.rings(&reborn), []);
    // A ring whose partner is its owner.
    let own = RingName { port: PORT, partner: Partner::Domain(domain(1)) };
    world.register(&reborn, own, RING_PAGE + 1, 64).unwrap();
    assert_eq!(world.send(&reborn, &reborn, 1), Ok(1));
    world.engine.soft_reset(domain(1)).unwrap();
    assert_eq!(world.rings(&reborn), []);
    world.register(&reborn, own, RING_PAGE, 64).unwrap();
    world.engine.destroy_domain(domain(1)).unwrap();
    assert_eq!(world.engine.domains(), []);
}

#[test]
fn every_error_is_negative_in_all_64_bits() {
    let world = World::new();
    let (_server, client) = (world.guest(1), world.guest(2));
    poke(&client, 0x2008, &[PORT.0 as u8, 0, 0, 0, 1]);
    poke(&client, 0x2004, &[2]);
    assert_eq!(world.engine.argo_op(&client, 3, 0x2000, 0, 0, 0), Errno::ECONNREFUSED.ret());
}

fn register(world: &World, server: &Guest) {
    world.register(server, from(2), RING_PAGE, 64).unwrap();
}

fn unregister(world: &World, server: &Guest) {
    world.engine.unregister_ring(server, from(2)).unwrap();
}

fn register_badly(world: &World, server: &Guest) {
    assert_eq!(world.register(server, from(2), RAM_PAGES, 64), Err(Errno::EINVAL));
}
