//! A registration whose n-th allocation fails, for every n there is: `ENOMEM`, nothing has changed,
//! and made again it succeeds. (In a binary of its own, for its allocator.)
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to stop")]

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr::null_mut;

use argo_core::abi::Iov;
use argo_core::policy::{Action, PortRange, PortRule, Rings, Subject};
use argo_core::{Errno, Port, RingName};
use argo_hypervisor::{Quotas, RingStat, SendRequest};
use support::{Guest, PAYLOAD, RING_PAGE, World, domain, from, from_any, request};

struct Failing;

thread_local! {
    /// How many allocations of this thread succeed before one fails.
    static GOOD: Cell<usize> = const { Cell::new(usize::MAX) };
}

// SAFETY:
// - Every call is passed on to the system's allocator unchanged, or answered by null, which says
//   that there is no memory.
unsafe impl GlobalAlloc for Failing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let good = GOOD.get();
        GOOD.set(good.wrapping_sub(1));
        if good == 0 {
            return null_mut();
        }
        // SAFETY: the caller's contract is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as for `alloc`.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Failing = Failing;

/// Runs it with one allocation that fails, after so many good ones. Whether it came to that.
fn with_failure<T>(good: usize, run: impl FnOnce() -> T) -> (T, bool) {
    GOOD.set(good);
    let result = run();
    (result, GOOD.replace(usize::MAX) > good)
}

const LEN: u32 = 64;
/// Enough for the tables to grow several times.
const RINGS: u32 = 15;

/// What is registered beside the rings that are there, one a port from 0 on.
#[derive(Clone, Copy, Debug)]
enum Newcomer {
    /// For everybody.
    NewPort,
    /// For one domain alone, as the next one.
    NewExact,
    SamePort,
    /// No newcomer: it moves.
    Again,
}

impl Newcomer {
    fn name(self, rings: u32) -> RingName {
        match self {
            Self::NewPort => wildcard(rings),
            Self::NewExact => RingName { port: Port(rings), ..from(2) },
            Self::SamePort => RingName { port: Port(0), ..from(2) },
            Self::Again => wildcard(0),
        }
    }
}

fn wildcard(port: u32) -> RingName {
    RingName { port: Port(port), ..from_any() }
}

/// An owner of some rings that may have one more, and who may send only from ports that it owns.
struct Scene {
    world: World,
    owner: Guest,
    other: Guest,
}

impl Scene {
    fn new(rings: u32) -> Self {
        let world = World::new();
        let ring_bytes = u64::from((rings + 1) * LEN);
        let quotas = Quotas { rings: rings + 1, ring_bytes, ..Quotas::default() };
        let (owner, other) = (world.guest_with(1, quotas), world.guest(2));
        world.rule_ports([PortRule {
            from: Subject::Domain(domain(1)),
            from_port: Some(PortRange::ALL),
            to: Subject::Domain(domain(2)),
            to_port: PortRange::ALL,
            rings: Rings::Any,
            action: Action::Allow,
        }]);
        let scene = Self { world, owner, other };
        (0..rings).for_each(|port| scene.register(wildcard(port)).unwrap());
        scene
    }

    fn register(&self, name: RingName) -> Result<(), Errno> {
        self.world.register(&self.owner, name, RING_PAGE + u64::from(name.port.0), LEN)
    }

    fn owns(&self, port: u32) -> bool {
        let iovs = [Iov { iov_hnd: PAYLOAD, iov_len: 1, pad: 0 }];
        let message = SendRequest { source: Port(port), ..request(&self.other, Port(99), &iovs) };
        let answer = self.world.engine.sendv(&self.owner, &message).unwrap_err();
        assert!([Errno::EPERM, Errno::ECONNREFUSED].contains(&answer), "{answer:?}");
        answer == Errno::ECONNREFUSED
    }

    /// Its rings, and its ports.
    fn state(&self) -> (Vec<RingStat>, Vec<u32>) {
        let mut rings = self.world.rings(&self.owner);
        rings.sort_by_key(|ring| ring.name);
        (rings, (0..=RINGS).filter(|port| self.owns(*port)).collect())
    }

    /// Every ring goes, and as many can come as its quotas say.
    fn check_accounts(&self) {
        let rings = self.world.rings(&self.owner);
        for ring in rings {
            self.world.engine.unregister_ring(&self.owner, ring.name).unwrap();
        }
        assert_eq!(self.state(), (vec![], vec![]));
        let limit = self.owner.domain.quotas().rings;
        (0..limit).for_each(|port| self.register(wildcard(port)).unwrap());
        assert_eq!(self.register(wildcard(limit)), Err(Errno::ENOSPC));
    }
}

/// Fails each allocation of a registration in turn. Gives how many there are.
fn fail_each_allocation(rings: u32, newcomer: Newcomer) -> usize {
    let whole = Scene::new(rings);
    let before = whole.state();
    whole.register(newcomer.name(rings)).unwrap();
    let after = whole.state();
    for allocation in 0.. {
        let scene = Scene::new(rings);
        let (result, failed) = with_failure(allocation, || scene.register(newcomer.name(rings)));
        if !failed {
            assert_eq!(result, Ok(()));
            return allocation;
        }
        let place = format!("allocation {allocation}, {newcomer:?} beside {rings} rings");
        assert_eq!(result, Err(Errno::ENOMEM), "{place}");
        assert_eq!(scene.state(), before, "{place}");
        assert_eq!(scene.register(newcomer.name(rings)), Ok(()), "{place}");
        assert_eq!(scene.state(), after, "{place}");
        scene.check_accounts();
    }
    unreachable!("a call has an end")
}

#[test]
fn a_registration_without_memory_changes_nothing() {
    let mut for_ports = 0;
    let mut count = fail_each_allocation(0, Newcomer::NewPort);
    assert_eq!(count, 5, "the pages, the waiters, the slots, their bits and the ports");
    let exact = fail_each_allocation(0, Newcomer::NewExact);
    assert_eq!(exact, 6, "the same, and the names of rings for one domain alone");
    count += exact;
    for rings in 1..RINGS {
        count += fail_each_allocation(rings, Newcomer::NewPort);
        let new = fail_each_allocation(rings, Newcomer::NewExact);
        let same = fail_each_allocation(rings, Newcomer::SamePort);
        assert_eq!(fail_each_allocation(rings, Newcomer::Again), 1, "the pages");
        for_ports += new - same;
        count += new + same + 1;
    }
    assert!(for_ports > 0, "a port that is there takes no memory");
    effort::ran(count as u64, "allocations of a registration, each failed once");
}
