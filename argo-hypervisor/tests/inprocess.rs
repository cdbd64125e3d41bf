//! The in-process platform, as the guest library uses it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has to stop")]

use std::thread;
use std::time::{Duration, Instant};

use argo_core::abi::{Addr, DOMID_ANY, Iov, Op, RegisterRing, SendAddr, UnregisterRing};
use argo_core::platform::{Call, Gone, Link, Platform, Submission};
use argo_core::policy::{Action, Hook, PortRange, PortRule, Rings, Rule, Subject};
use argo_core::{DomainId, Errno};
use argo_hypervisor::inprocess::{AllowAll, InProcess, LocalDomain, Rules};
use argo_hypervisor::{Argo, Config, Policy, WildcardRings};
use zerocopy::IntoBytes;

const CONFIG: Config = Config { argo: Argo::On, wildcard_rings: WildcardRings::Allowed };

fn id(id: u16) -> DomainId {
    DomainId::new(id).unwrap()
}

fn submit(
    domain: &LocalDomain<impl Policy>,
    op: Op,
    args: [u64; 4],
    link: Link,
) -> Result<i64, Gone> {
    match domain.submit(&Call { cmd: op as u32, args, link }, 0)? {
        Submission::Done(ret) => Ok(ret),
        other => panic!("{other:?}"),
    }
}

/// A wildcard ring of 64 bytes at port 7, in page 2.
fn register(domain: &LocalDomain<impl Policy>) -> i64 {
    register_for(domain, DOMID_ANY)
}

fn register_for(domain: &LocalDomain<impl Policy>, partner_id: u16) -> i64 {
    let claim = RegisterRing { aport: 7, partner_id, pad: 0, len: 64 };
    domain.ram().write(0x1000, claim.as_bytes()).unwrap();
    domain.ram().write(0x1100, 2u64.as_bytes()).unwrap();
    submit(domain, Op::RegisterRing, [0x1000, 0x1100, 1, 0], Link::None).unwrap()
}

fn unregister_for(domain: &LocalDomain<impl Policy>, partner_id: u16) -> i64 {
    let claim = UnregisterRing { aport: 7, partner_id, pad: 0 };
    domain.ram().write(0x1000, claim.as_bytes()).unwrap();
    submit(domain, Op::UnregisterRing, [0x1000, 0, 0, 0], Link::None).unwrap()
}

fn send(from: &LocalDomain<impl Policy>, to: u16, link: Link) -> Result<i64, Gone> {
    let addr = |domain_id| Addr { aport: 7, domain_id, pad: 0 };
    let addrs = SendAddr { src: addr(DOMID_ANY), dst: addr(to) };
    from.ram().write(0x1200, addrs.as_bytes()).unwrap();
    let iov = Iov { iov_hnd: from.handle(0x1300).0, iov_len: 32, pad: 0 };
    from.ram().write(0x1280, iov.as_bytes()).unwrap();
    submit(from, Op::Sendv, [0x1200, 0x1280, 1, 0], link)
}

#[test]
fn events_are_counted_and_wake_who_sleeps() {
    let system = InProcess::new(CONFIG, AllowAll);
    let (server, client) = (system.domain(id(1), 8).unwrap(), system.domain(id(2), 8).unwrap());
    assert_eq!(register(&server), 0);
    let seen = server.sequence();
    thread::scope(|scope| {
        scope.spawn(|| {
            while server.events().virq == 0 {
                server.wait(seen, None).unwrap();
            }
        });
        assert_eq!(send(&client, 1, Link::None), Ok(32));
    });
    assert_ne!(server.sequence(), seen);
    assert_eq!(send(&client, 1, Link::None), Ok(Errno::EAGAIN.ret()));
    assert_eq!(server.events().space_wanted, Some(1));
    server.close();
    assert_eq!(client.events().wait_lost, 1);
}

#[test]
fn a_domain_hears_that_rings_for_it_went() {
    let system = InProcess::new(CONFIG, AllowAll);
    let [leaving, peer, third] = [1, 2, 3].map(|number| system.domain(id(number), 8).unwrap());
    assert_eq!(register_for(&leaving, 2), 0);
    assert_eq!(register_for(&leaving, 2), 0);
    assert_eq!(peer.events().peers_gone, Some(0));
    assert_eq!(unregister_for(&leaving, 2), 0);
    assert_eq!(peer.events().peers_gone, Some(1));
    assert_eq!(register_for(&leaving, 2), 0);
    let seen = peer.sequence();
    thread::scope(|scope| {
        scope.spawn(|| {
            while peer.events().peers_gone != Some(2) {
                peer.wait(seen, None).unwrap();
            }
        });
        drop(leaving);
    });
    assert_eq!(third.events().peers_gone, Some(0));
}

#[test]
fn a_deadline_by_the_clock_of_the_platform_comes() {
    const SHORT: Duration = Duration::from_millis(2);
    let system = InProcess::new(CONFIG, AllowAll);
    let domain = system.domain(id(1), 8).unwrap();
    let begun = Instant::now();
    let deadline = domain.now() + SHORT;
    while let Some(left) = deadline.checked_sub(domain.now()).filter(|left| !left.is_zero()) {
        domain.wait(domain.sequence(), Some(left)).unwrap();
    }
    assert!(begun.elapsed() >= SHORT);
}

#[test]
fn a_wait_ends_for_time_wake_and_close() {
    let system = InProcess::new(CONFIG, AllowAll);
    let domain = system.domain(id(1), 8).unwrap();
    assert_eq!(domain.wait(domain.sequence(), Some(Duration::from_millis(1))), Ok(()));
    // A wake before the wait counts for it, though its sequence is taken later.
    domain.wake();
    assert_eq!(domain.wait(domain.sequence(), None), Ok(()));
    let seen = domain.sequence();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| while domain.wait(seen, None).is_ok() {});
        domain.close();
        waiter.join().unwrap();
    });
    assert_eq!(send(&domain, 1, Link::None), Err(Gone));
}

#[test]
fn a_broken_chain_is_cancelled_to_its_end() {
    let system = InProcess::new(CONFIG, AllowAll);
    let (server, client) = (system.domain(id(1), 8).unwrap(), system.domain(id(2), 8).unwrap());
    let refused = Ok(Errno::ECONNREFUSED.ret());
    assert_eq!(send(&client, 1, Link::Next), refused);
    assert_eq!(register(&server), 0);
    let cancelled = Ok(Errno::ECANCELED.ret());
    assert_eq!(send(&client, 1, Link::Next), cancelled);
    assert_eq!(send(&client, 1, Link::None), cancelled);
    assert_eq!(send(&client, 1, Link::None), Ok(32));
}

#[test]
fn a_dropped_domain_is_gone_and_its_id_free() {
    let system = InProcess::new(CONFIG, AllowAll);
    let first = system.domain(id(1), 8).unwrap();
    assert!(system.domain(id(1), 8).is_err());
    drop(first);
    assert_eq!(system.engine().domains(), []);
    let second = system.domain(id(1), 8).unwrap();
    assert_eq!(register(&second), 0);
    // One that was destroyed by hand takes nobody along when it is dropped.
    system.engine().destroy_domain(id(1)).unwrap();
    let third = system.domain(id(1), 8).unwrap();
    drop(second);
    assert_eq!(register(&third), 0);
    assert_eq!(send(&third, 1, Link::None), Ok(32));
    assert_eq!(third.events().virq, 1);
}

#[test]
fn rules_decide() {
    let allow = |hook, from| Rule { hook, from, to: Subject::Any, action: Action::Allow };
    let rules = vec![
        allow(Hook::Enable, Subject::Any),
        allow(Hook::RegisterAnySource, Subject::Domain(id(1))),
        allow(Hook::Send, Subject::Domain(id(2))),
    ];
    let ports = vec![PortRule {
        from: Subject::Any,
        from_port: None,
        to: Subject::Any,
        to_port: PortRange::ALL,
        rings: Rings::Any,
        action: Action::Allow,
    }];
    let system = InProcess::new(CONFIG, Rules { rules, ports, ..Rules::default() });
    let guests = [1, 2, 3].map(|number| system.domain(id(number), 8).unwrap());
    assert_eq!(register(&guests[0]), 0);
    assert_eq!(register(&guests[1]), Errno::EACCES.ret());
    assert_eq!(send(&guests[1], 1, Link::None), Ok(32));
    assert_eq!(send(&guests[2], 1, Link::None), Ok(Errno::EACCES.ret()));
}
