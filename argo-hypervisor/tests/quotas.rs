//! Each limit, at it and one past it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has to stop")]

mod support;

use argo_core::abi::{RING_LEN_MAX, RingFlags};
use argo_core::{Errno, Partner, Port, RingName};
use argo_hypervisor::Quotas;
use support::*;

fn name(port: u32) -> RingName {
    RingName { port: Port(port), partner: Partner::Any }
}

#[test]
fn as_many_rings_as_the_quota_and_no_more() {
    let world = World::new();
    let server = world.guest_with(1, Quotas { rings: 3, ..Quotas::default() });
    for port in 0..3 {
        world.register(&server, name(port), RING_PAGE, 64).unwrap();
    }
    assert_eq!(world.register(&server, name(3), RING_PAGE, 64), Err(Errno::ENOSPC));
    world.engine.unregister_ring(&server, name(1)).unwrap();
    assert_eq!(world.engine.unregister_ring(&server, name(1)), Err(Errno::ENOENT));
    world.register(&server, name(3), RING_PAGE, 64).unwrap();
    assert_eq!(world.register(&server, name(4), RING_PAGE, 64), Err(Errno::ENOSPC));
}

#[test]
fn as_many_ring_bytes_as_the_quota_and_no_more() {
    let world = World::new();
    let server = world.guest_with(1, Quotas { ring_bytes: 160, ..Quotas::default() });
    world.register(&server, name(0), RING_PAGE, 112).unwrap();
    assert_eq!(world.register(&server, name(1), RING_PAGE, 64), Err(Errno::ENOSPC));
    world.register(&server, name(1), RING_PAGE, 48).unwrap();
    // The bytes of a ring that is registered again count once.
    for page in 9..12 {
        world.register(&server, name(0), page, 112).unwrap();
    }
    world.engine.unregister_ring(&server, name(1)).unwrap();
    world.register(&server, name(2), RING_PAGE, 48).unwrap();
    assert_eq!(world.register(&server, name(3), RING_PAGE, 48), Err(Errno::ENOSPC));
}

#[test]
fn as_many_waiters_as_the_quota_and_no_more() {
    let world = World::new();
    let server = world.guest_with(1, Quotas { waiters: 2, ..Quotas::default() });
    let clients = [2, 3, 4].map(|id| world.guest(id));
    world.register(&server, from_any(), RING_PAGE, 64).unwrap();
    world.send(&clients[0], &server, 32).unwrap();
    assert_eq!(world.send(&clients[0], &server, 32), Err(Errno::EAGAIN));
    assert_eq!(world.send(&clients[1], &server, 32), Err(Errno::EAGAIN));
    assert_eq!(world.send(&clients[2], &server, 32), Err(Errno::EBUSY));
    let busy = world.ask(&clients[2], &server, 32).unwrap();
    assert_ne!(busy & RingFlags::EBUSY.bits(), 0);
    // Who waits may wait on; when one leaves, another finds place.
    assert_eq!(world.send(&clients[0], &server, 32), Err(Errno::EAGAIN));
    world.ask(&clients[0], &server, 0).unwrap();
    assert_eq!(world.send(&clients[2], &server, 32), Err(Errno::EAGAIN));
    assert_eq!(world.waiting(&server), 2);
}

#[test]
fn more_signals_than_fit_one_round_are_all_raised() {
    let world = World::new();
    let server = world.guest_with(1, Quotas { waiters: 600, ..Quotas::default() });
    let clients: Vec<_> = (2..602).map(|id| world.guest(id)).collect();
    for port in 0..3 {
        let page = RING_PAGE + u64::from(port);
        world.register(&server, name(port), page, 64).unwrap();
        world.send_to(&clients[0], &server, Port(port), 32).unwrap();
        for client in &clients {
            assert_eq!(world.send_to(client, &server, Port(port), 32), Err(Errno::EAGAIN));
        }
        drain(&server, page, 64);
    }
    world.events();
    world.engine.notify_owned(&server).unwrap();
    let mut raised = vec![0; 602];
    for event in world.events() {
        let Event::Virq(id) = event else { panic!("{event:?}") };
        raised[usize::from(id)] += 1;
    }
    assert_eq!(raised[..2], [0, 0]);
    assert!(raised[2..].iter().all(|count| *count == 3), "{raised:?}");
}

/// By the hypercall, which is where entries are counted.
#[test]
fn as_many_entries_of_a_notify_as_the_quota_and_no_more() {
    let world = World::new();
    let client = world.guest_with(1, Quotas { entries: 2, ..Quotas::default() });
    let notify = |nent: u32| {
        poke(&client, 0x2000, &nent.to_le_bytes());
        world.engine.argo_op(&client, 4, 0x2000, 0, 0, 0)
    };
    assert_eq!([notify(0), notify(2), notify(3)], [0, 0, Errno::EACCES.ret()]);
}

#[test]
fn the_defaults_are_xens_and_supported() {
    let Quotas { rings, ring_bytes, waiters, entries } = Quotas::default();
    assert_eq!((rings, waiters, entries), (128, 32, 256));
    assert_eq!(ring_bytes, 128 * u64::from(RING_LEN_MAX));
    let highest = Quotas {
        rings: Quotas::RINGS_MAX,
        ring_bytes: Quotas::RING_BYTES_MAX,
        waiters: Quotas::WAITERS_MAX,
        entries: Quotas::ENTRIES_MAX,
    };
    assert_eq!((Quotas::default().check(), highest.check()), (Ok(()), Ok(())));
    for higher in [
        Quotas { rings: highest.rings + 1, ..highest },
        Quotas { ring_bytes: highest.ring_bytes + 1, ..highest },
        Quotas { waiters: highest.waiters + 1, ..highest },
        Quotas { entries: highest.entries + 1, ..highest },
    ] {
        assert!(higher.check().is_err(), "{higher:?}");
    }
}
