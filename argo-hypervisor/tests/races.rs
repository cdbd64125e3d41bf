//! Calls of many threads while domains come and go.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has to stop")]

mod support;

use std::sync::Barrier;
use std::thread;

use argo_core::{Errno, Partner, Port, RingName};
use support::*;

const ROUNDS: u32 = 400;

/// Starts all at the same moment, as often as `ROUNDS` says.
fn race(tasks: &[&(dyn Fn(u32) + Sync)]) {
    let (start, rounds) = (Barrier::new(tasks.len()), effort::cases(ROUNDS));
    thread::scope(|scope| {
        for task in tasks {
            scope.spawn(|| {
                for round in 0..rounds {
                    start.wait();
                    task(round);
                }
            });
        }
    });
    effort::ran(rounds.into(), "races of calls and ends of domains in threads");
}

/// Whatever comes first, no ring for a partner outlives the partner.
#[test]
fn a_registration_and_the_end_of_its_partner() {
    let world = World::new();
    let server = world.guest(1);
    let end = Barrier::new(2);
    race(&[
        &|_| {
            let result = world.register(&server, from(2), RING_PAGE, 64);
            let known = [Ok(()), Err(Errno::ESRCH), Err(Errno::ECONNREFUSED)];
            assert!(known.contains(&result), "{result:?}");
            end.wait();
            assert_eq!(world.rings(&server), []);
            end.wait();
        },
        &|_| {
            world.guest(2);
            world.engine.destroy_domain(domain(2)).unwrap();
            end.wait();
            end.wait();
        },
    ]);
}

/// Whatever comes first, no wait outlives the one that waits.
#[test]
fn a_send_that_must_wait_and_the_end_of_its_sender() {
    let world = World::new();
    let (server, filler) = (world.guest(1), world.guest(3));
    world.register(&server, from_any(), RING_PAGE, 64).unwrap();
    world.send(&filler, &server, 32).unwrap();
    let client = std::sync::Mutex::new(world.guest(2));
    let end = Barrier::new(2);
    race(&[
        &|_| {
            let client = client.lock().unwrap();
            let result = world.send(&client, &server, 32);
            assert!([Err(Errno::EAGAIN), Err(Errno::ENODEV)].contains(&result), "{result:?}");
            drop(client);
            end.wait();
        },
        &|_| {
            world.engine.destroy_domain(domain(2)).unwrap();
            end.wait();
            assert_eq!(world.waiting(&server), 0);
            *client.lock().unwrap() = world.guest(2);
        },
    ]);
}

/// Senders, an owner that registers and unregisters, and resets of it: messages arrive whole.
#[test]
fn sends_registrations_and_resets() {
    let world = World::new();
    let (server, clients) = (world.guest(1), [world.guest(2), world.guest(3)]);
    for (client, fill) in clients.iter().zip([0xAAu8, 0x55]) {
        poke(client, PAYLOAD, &[fill; 600]);
    }
    let send = |client: &Guest, round: u32| {
        let result = world.send(client, &server, 1 + round % 600);
        let known = [Errno::EAGAIN, Errno::ECONNREFUSED];
        assert!(result.is_ok() || known.map(Err).contains(&result), "{result:?}");
    };
    race(&[
        &|round| send(&clients[0], round),
        &|round| send(&clients[1], round),
        &|round| {
            let _ = world.register(&server, from_any(), RING_PAGE, 2048);
            for payload in drain(&server, RING_PAGE, 2048) {
                assert!(payload.iter().all(|byte| *byte == payload[0]));
                assert!([0xAA, 0x55].contains(&payload[0]));
            }
            let _ = world.engine.notify_owned(&server);
            if round % 7 == 0 {
                let _ = world.engine.unregister_ring(&server, from_any());
            }
        },
        &|round| {
            if round % 11 == 0 {
                world.engine.soft_reset(domain(1)).unwrap();
            }
        },
    ]);
    world.engine.soft_reset(domain(1)).unwrap();
    assert_eq!(world.rings(&server), []);
}

/// Two domains that go at once, each the other's partner and waiting for the other's ring.
#[test]
fn two_teardowns_do_not_wait_for_each_other() {
    let world = World::new();
    let guests = [world.guest(1), world.guest(2)];
    let tie = |own: &Guest, other: &Guest| {
        let name = RingName { port: PORT, partner: Partner::Domain(other.domain.id()) };
        let _ = world.register(own, name, RING_PAGE, 64);
        let _ = world.send(own, other, 32);
        let _ = world.send(own, other, 32);
        world.engine.deactivate(&own.domain);
        world.engine.activate(&own.domain);
        world.engine.soft_reset(own.domain.id()).unwrap();
    };
    race(&[&|_| tie(&guests[0], &guests[1]), &|_| tie(&guests[1], &guests[0])]);
    for guest in &guests {
        world.engine.soft_reset(guest.domain.id()).unwrap();
        assert_eq!(world.rings(guest), []);
    }
}

/// Look-ups while the table grows and shrinks: an id names one domain or none.
#[test]
fn domains_come_and_go_under_senders() {
    let world = World::new();
    let client = world.guest(1);
    let come_and_go = |ids: [u16; 2]| {
        for id in ids {
            let guest = world.guest(id);
            world.register(&guest, from_any(), RING_PAGE, 64).unwrap();
            assert_eq!(world.rings(&guest).len(), 1);
            world.engine.destroy_domain(domain(id)).unwrap();
        }
    };
    let ids = [2, 300, 3, 4000];
    race(&[&|_| come_and_go([ids[0], ids[1]]), &|_| come_and_go([ids[2], ids[3]]), &|round| {
        let receiver = domain(ids[round as usize % 4]);
        let request = argo_hypervisor::SendRequest {
            source: Port(1),
            receiver,
            port: PORT,
            iovs: &[],
            message_type: 0,
        };
        let result = world.engine.sendv(&client, &request);
        let known = [Ok(0), Err(Errno::ESRCH), Err(Errno::ECONNREFUSED)];
        assert!(known.contains(&result), "{result:?}");
    }]);
    assert_eq!(world.engine.domains(), [domain(1)]);
}
