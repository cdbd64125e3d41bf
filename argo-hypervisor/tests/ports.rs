//! Port rules: what they refuse, when they are asked, and how a new policy takes hold.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use argo_core::abi::{Iov, RingFlags};
use argo_core::policy::{Action, PortRange, PortRule, Query, Rings, Subject};
use argo_core::{Errno, Partner, Port, RingName};
use argo_hypervisor::{Cut, Start};
use support::*;

const LEN: u32 = 4096;
const DYNAMIC: Port = Port(0x8000_0001);

/// From domain 1 to domain 2.
fn allow(to_port: PortRange) -> PortRule {
    PortRule {
        from: Subject::Domain(domain(1)),
        from_port: None,
        to: Subject::Domain(domain(2)),
        to_port,
        rings: Rings::Any,
        action: Action::Allow,
    }
}

/// From a port of domain 2 to domain 1.
fn reply(port: Port) -> PortRule {
    let (from, to) = (Subject::Domain(domain(2)), Subject::Domain(domain(1)));
    PortRule { from, to, from_port: Some(PortRange::one(port)), ..allow(PortRange::ALL) }
}

fn wildcard(port: Port) -> RingName {
    RingName { port, partner: Partner::Any }
}

fn send_from(
    world: &World,
    from: &Guest,
    source: Port,
    to: &Guest,
    port: Port,
) -> Result<u32, Errno> {
    let iovs = [Iov { iov_hnd: PAYLOAD, iov_len: 16, pad: 0 }];
    let message = argo_hypervisor::SendRequest { source, ..request(to, port, &iovs) };
    world.engine.sendv(from, &message)
}

#[test]
fn a_message_is_refused_by_hook_then_by_port_then_for_its_ring() {
    let world = World::new();
    let (client, server) = (world.guest(1), world.guest(2));
    world.rule_ports([]);
    assert_eq!(world.send(&client, &server, 16), Err(Errno::EPERM), "no rule, and no ring either");
    world.rule_ports([allow(PortRange::one(PORT))]);
    assert_eq!(world.send(&client, &server, 16), Err(Errno::ECONNREFUSED));
    world.register(&server, from_any(), RING_PAGE, LEN).unwrap();
    assert_eq!(world.send(&client, &server, 16), Ok(16));
    assert_eq!(world.send_to(&client, &server, Port(8), 16), Err(Errno::EPERM));
    assert_eq!(world.send(&server, &client, 16), Err(Errno::EPERM), "the way back");
    world.deny(Query::Send { from: domain(1), to: domain(2) });
    assert_eq!(world.send(&client, &server, 16), Err(Errno::EACCES));
    assert_eq!(drain(&server, RING_PAGE, LEN).len(), 1);
    let stat = world.engine.stat(domain(1)).unwrap().counters;
    assert_eq!((stat.port_denials, stat.refusals_with(Errno::EPERM)), (2, 2));
}

#[test]
fn a_range_ends_where_it_says() {
    let world = World::new();
    let (client, server) = (world.guest(1), world.guest(2));
    world.rule_ports([allow(PortRange::new(Port(10), Port(12)).unwrap())]);
    let answers = [9, 10, 11, 12, 13].map(|port| world.send_to(&client, &server, Port(port), 1));
    let (no, yes) = (Err(Errno::EPERM), Err(Errno::ECONNREFUSED));
    assert_eq!(answers, [no, yes, yes, yes, no]);
    assert_eq!(PortRange::new(Port(2), Port(1)), None);
}

#[test]
fn a_source_port_counts_only_for_who_owns_a_ring_there() {
    let world = World::new();
    let [client, server, _third] = [1, 2, 3].map(|id| world.guest(id));
    world.rule_ports([reply(PORT)]);
    world.register(&client, wildcard(Port(50)), RING_PAGE, LEN).unwrap();
    let answer = |source| send_from(&world, &server, source, &client, Port(50));
    assert_eq!(answer(PORT), Err(Errno::EPERM), "claimed, not owned");
    world.register(&server, from(3), RING_PAGE, LEN).unwrap();
    assert_eq!(answer(PORT), Ok(16), "for whomever the ring is");
    assert_eq!(answer(Port(8)), Err(Errno::EPERM));
    world.engine.unregister_ring(&server, from(3)).unwrap();
    assert_eq!(answer(PORT), Err(Errno::EPERM));
}

#[test]
fn a_rule_about_rings_for_the_sender_lets_into_no_other() {
    let world = World::new();
    let (client, server) = (world.guest(1), world.guest(2));
    world.rule_ports([PortRule { rings: Rings::ForSender, ..allow(PortRange::DYNAMIC) }]);
    let send = || world.send_to(&client, &server, DYNAMIC, 16);
    assert_eq!(send(), Err(Errno::ECONNREFUSED), "nothing is there");
    world.register(&server, wildcard(DYNAMIC), RING_PAGE, LEN).unwrap();
    assert_eq!(send(), Err(Errno::EPERM));
    let exact = RingName { port: DYNAMIC, partner: Partner::Domain(domain(1)) };
    world.register(&server, exact, RING_PAGE + 4, LEN).unwrap();
    assert_eq!(send(), Ok(16));
    assert_eq!(drain(&server, RING_PAGE, LEN).len(), 0);
    assert_eq!(drain(&server, RING_PAGE + 4, LEN).len(), 1);
    assert_eq!(world.send(&client, &server, 16), Err(Errno::EPERM), "another port");
}

#[test]
fn a_question_about_a_barred_port_is_answered_like_one_about_nothing() {
    let world = World::new();
    let (client, server) = (world.guest(1), world.guest(2));
    world.register(&server, from_any(), RING_PAGE, LEN).unwrap();
    world.rule_ports([]);
    assert_eq!(world.ask(&client, &server, LEN - 32), Ok(0));
    assert_eq!(world.waiting(&server), 0);
    world.rule_ports([allow(PortRange::one(PORT))]);
    assert_ne!(world.ask(&client, &server, 1), Ok(0));
    world.deny(Query::Send { from: domain(1), to: domain(2) });
    assert_eq!(world.ask(&client, &server, 1), Err(Errno::EACCES), "a hook's denial is an error");
}

#[test]
fn a_question_counts_every_port_that_the_asker_owns() {
    let world = World::new();
    let (client, server) = (world.guest(1), world.guest(2));
    world.register(&client, from_any(), RING_PAGE, LEN).unwrap();
    world.rule_ports([reply(Port(9))]);
    assert_eq!(world.ask(&server, &client, 1), Ok(0));
    world.register(&server, wildcard(Port(9)), RING_PAGE, LEN).unwrap();
    let flags = RingFlags::from_bits_truncate(world.ask(&server, &client, 1).unwrap());
    assert!(flags.contains(RingFlags::EXISTS | RingFlags::SUFFICIENT));
}

#[test]
fn who_is_throttled_is_told_to_wait_and_not_that_there_is_room() {
    let world = World::new();
    let (client, server) = (world.guest(1), world.guest(2));
    world.register(&server, from_any(), RING_PAGE, LEN).unwrap();
    world.throttle(true);
    assert_eq!(world.send(&client, &server, 16), Err(Errno::EAGAIN));
    let flags = RingFlags::from_bits_truncate(world.ask(&client, &server, 1).unwrap());
    assert_eq!(flags, RingFlags::EXISTS | RingFlags::SHARED | RingFlags::EMPTY);
    assert_eq!(drain(&server, RING_PAGE, LEN).len(), 0);
    world.throttle(false);
    assert_eq!(world.send(&client, &server, 16), Ok(16));
    assert_eq!(world.engine.stat(domain(1)).unwrap().counters.throttled, 1);
}

#[test]
fn a_new_policy_cuts_what_it_forbids_and_nothing_else() {
    let world = World::new();
    let [client, server, other] = [1, 2, 3].map(|id| world.guest(id));
    world.register(&server, from(1), RING_PAGE, LEN).unwrap();
    world.register(&server, from(3), RING_PAGE + 4, LEN).unwrap();
    world.register(&other, from_any(), RING_PAGE, LEN).unwrap();
    let full = LEN - 32;
    for sender in [&client, &server] {
        while world.send(sender, &other, full).is_ok() {}
    }
    assert_eq!(world.send(&other, &server, 16), Ok(16));
    world.events();
    assert_eq!(world.engine.enforce(), Cut::default());
    assert_eq!(world.events(), []);

    world.deny(Query::Send { from: domain(1), to: domain(2) });
    world.deny(Query::Send { from: domain(1), to: domain(3) });
    assert_eq!(world.engine.enforce(), Cut { rings: 1, waits: 1 });
    assert_eq!(world.events(), [Event::PeerGone(1), Event::RingsCut(2), Event::WaitLost(1)]);
    assert_eq!(world.rings(&server).len(), 1);
    assert_eq!(drain(&server, RING_PAGE + 4, LEN).len(), 1, "what was in the ring that stayed");
    assert_eq!(world.waiting(&other), 1);
}

#[test]
fn a_new_policy_cuts_by_ports_by_registration_and_by_enable() {
    let world = World::new();
    let (client, server) = (world.guest(1), world.guest(2));
    for (slot, port) in [(0, PORT), (4, Port(9)), (8, DYNAMIC)] {
        let ring = RingName { port, partner: Partner::Domain(domain(1)) };
        world.register(&server, ring, RING_PAGE + slot, LEN).unwrap();
    }
    world.register(&server, wildcard(Port(1)), RING_PAGE + 12, LEN).unwrap();
    world.register(&client, from(2), RING_PAGE, LEN).unwrap();
    let ports = |guest: &Guest| {
        let mut ports: Vec<_> = world.rings(guest).iter().map(|ring| ring.name.port.0).collect();
        ports.sort_unstable();
        ports
    };
    // A ring for everybody stays: it is not known who will send to it.
    world.rule_ports([
        allow(PortRange::one(PORT)),
        PortRule { rings: Rings::ForSender, ..allow(PortRange::DYNAMIC) },
        reply(PORT),
    ]);
    world.engine.enforce();
    assert_eq!(ports(&server), [1, 7, DYNAMIC.0]);
    assert_eq!(ports(&client), [7], "reached from the server's port 7");
    world.deny(Query::RegisterAnySource { domain: domain(2) });
    world.deny(Query::RegisterSingleSource { domain: domain(1), partner: domain(2) });
    world.engine.enforce();
    assert_eq!((ports(&server), ports(&client)), (vec![7, DYNAMIC.0], vec![]));
    world.deny(Query::Enable { domain: domain(2) });
    world.engine.enforce();
    assert_eq!(ports(&server), []);
}

#[test]
fn a_domain_that_was_denied_argo_gets_it_when_the_policy_allows_and_somebody_comes() {
    let world = World::new();
    world.deny(Query::Enable { domain: domain(1) });
    let quotas = argo_hypervisor::Quotas::default();
    let created = world.engine.create_domain(domain(1), quotas, Start::Dormant).unwrap();
    world.engine.activate(&created);
    assert!(!created.is_active());
    world.allow(Query::Enable { domain: domain(1) });
    world.engine.activate(&created);
    assert!(created.is_active());
}

/// A rule that lets into rings for the sender alone is no answer where another lets into any.
#[test]
fn a_question_is_answered_by_the_widest_way_there_is() {
    let world = World::new();
    let (client, server) = (world.guest(1), world.guest(2));
    let (from, to) = (Subject::Domain(domain(2)), Subject::Domain(domain(1)));
    let alone = PortRule { from, to, rings: Rings::ForSender, ..allow(PortRange::ALL) };
    world.rule_ports([alone, reply(Port(9))]);
    world.register(&client, from_any(), RING_PAGE, LEN).unwrap();
    assert_eq!(world.ask(&server, &client, 1), Ok(0));
    world.register(&server, wildcard(Port(9)), RING_PAGE, LEN).unwrap();
    assert_ne!(world.ask(&server, &client, 1), Ok(0));
    assert_eq!(send_from(&world, &server, Port(9), &client, PORT), Ok(16));
}

#[test]
fn a_policy_that_changes_nothing_cuts_nothing() {
    let world = World::new();
    let (client, server) = (world.guest(1), world.guest(2));
    let alone = PortRule { rings: Rings::ForSender, ..allow(PortRange::ALL) };
    world.rule_ports([alone]);
    world.register(&server, from(1), RING_PAGE, LEN).unwrap();
    // Nobody may send to this one, neither now nor later.
    world.register(&client, from(2), RING_PAGE, LEN).unwrap();
    while world.send(&client, &server, LEN - 32).is_ok() {}
    world.events();
    for _ in 0..2 {
        assert_eq!(world.engine.enforce(), Cut::default());
    }
    assert_eq!((world.events(), world.waiting(&server)), (vec![], 1));
    // Once it could be reached, it is cut when it cannot be any more, and only then.
    world.rule_ports([alone, PortRule { from: alone.to, to: alone.from, ..alone }]);
    assert_eq!(world.engine.enforce(), Cut::default());
    world.rule_ports([alone]);
    assert_eq!(world.engine.enforce(), Cut { rings: 1, waits: 0 });
    world.register(&client, from(2), RING_PAGE, LEN).unwrap();
    assert_eq!(world.engine.enforce(), Cut::default());
}
