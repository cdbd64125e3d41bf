//! Random sequences of operations, held against a small model of rings and waits.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has to stop")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use argo_core::abi::RingFlags;
use argo_core::claim::PayloadLen;
use argo_core::ring::index;
use argo_core::{Errno, Partner, Port, RingName};
use argo_hypervisor::Quotas;
use proptest::prelude::*;
use support::*;

const DOMAINS: u16 = 4;
const QUOTAS: Quotas = Quotas { rings: 3, ring_bytes: 208, waiters: 2, entries: 4 };
const RING: u32 = 64;

#[derive(Clone, Debug)]
enum Step {
    Register { owner: u16, partner: u16, port: u32, page: u64 },
    Unregister { owner: u16, partner: u16, port: u32 },
    Send { from: u16, to: u16, bytes: u32 },
    Ask { from: u16, to: u16, space: u32 },
    Read { owner: u16, page: u64 },
    Notify { owner: u16 },
    Deactivate { domain: u16 },
    Activate { domain: u16 },
    SoftReset { domain: u16 },
    Renew { domain: u16 },
}

fn step() -> impl Strategy<Value = Step> {
    // Partner 0 stands for any. Page 64 is not there.
    let id = || 1..=DOMAINS;
    let partner = || 0..=DOMAINS;
    let port = || PORT.0..PORT.0 + 2;
    let page = || prop_oneof![9 => 8u64..16, 1 => Just(RAM_PAGES)];
    prop_oneof![
        6 => (id(), partner(), port(), page())
            .prop_map(|(owner, partner, port, page)| Step::Register { owner, partner, port, page }),
        2 => (id(), partner(), port())
            .prop_map(|(owner, partner, port)| Step::Unregister { owner, partner, port }),
        12 => (id(), id(), 0u32..40).prop_map(|(from, to, bytes)| Step::Send { from, to, bytes }),
        3 => (id(), id(), 0u32..40).prop_map(|(from, to, space)| Step::Ask { from, to, space }),
        3 => (id(), 8u64..16).prop_map(|(owner, page)| Step::Read { owner, page }),
        3 => id().prop_map(|owner| Step::Notify { owner }),
        1 => id().prop_map(|domain| Step::Deactivate { domain }),
        2 => id().prop_map(|domain| Step::Activate { domain }),
        1 => id().prop_map(|domain| Step::SoftReset { domain }),
        1 => id().prop_map(|domain| Step::Renew { domain }),
    ]
}

fn name(partner: u16, port: u32) -> RingName {
    let partner = if partner == 0 { Partner::Any } else { Partner::Domain(domain(partner)) };
    RingName { port: Port(port), partner }
}

/// Who waits for how much, by ring.
#[derive(Default)]
struct Model(BTreeMap<(u16, RingName), BTreeMap<u16, u32>>);

impl Model {
    /// The waits for the ring that a sender reaches at the port of `send` and `ask`.
    fn reached(&mut self, from: u16, to: u16) -> &mut BTreeMap<u16, u32> {
        let own = (to, name(from, PORT.0));
        let ring = if self.0.contains_key(&own) { own } else { (to, name(0, PORT.0)) };
        self.0.get_mut(&ring).unwrap()
    }

    /// A domain waits; gives what this must tell.
    fn wait(&mut self, from: u16, to: u16, bytes: u32) -> Vec<Event> {
        let waits = self.reached(from, to);
        if waits.get(&from).is_some_and(|before| *before >= bytes) {
            return vec![];
        }
        waits.insert(from, bytes);
        vec![Event::SpaceWanted(to)]
    }

    /// Rings go; gives what this must tell.
    fn lose(&mut self, goes: impl Fn(u16, RingName) -> bool, gone: u16) -> Vec<Event> {
        let mut told = Vec::new();
        let mut partners = BTreeSet::new();
        self.0.retain(|(owner, name), waits| {
            let goes = goes(*owner, *name);
            if goes {
                partners.insert(name.partner);
                told.extend(waits.keys().filter(|id| **id != gone).map(|id| Event::WaitLost(*id)));
            }
            waits.remove(&gone);
            !goes
        });
        told.extend(partners.into_iter().filter_map(|partner| match partner {
            Partner::Domain(id) if id.raw() != gone => Some(Event::PeerGone(id.raw())),
            _ => None,
        }));
        told
    }

    /// Takes away the waits that are over, by the free bytes of each ring of the owner.
    fn release(&mut self, world: &World, owner: &Guest) -> Vec<Event> {
        let mut told = Vec::new();
        for ring in world.rings(owner) {
            let free = ring.len.bytes() - ring.filled;
            let waits = self.0.get_mut(&(owner.domain.id().raw(), ring.name)).unwrap();
            waits.retain(|id, bytes| {
                let over = index::fits(PayloadLen::check(*bytes).unwrap(), free);
                if over {
                    told.push(Event::Virq(*id));
                }
                !over
            });
        }
        told
    }
}

/// Takes one step in the world and in the model, which must tell the same.
fn take(world: &World, guests: &mut [Guest], model: &mut Model, step: &Step) {
    let at = |id: u16| usize::from(id) - 1;
    let expected = match *step {
        Step::Register { owner, partner, port, page } => {
            let name = name(partner, port);
            if world.register(&guests[at(owner)], name, page, RING).is_ok() {
                model.0.entry((owner, name)).or_default();
            }
            vec![]
        }
        Step::Unregister { owner, partner, port } => {
            let ring = (owner, name(partner, port));
            let result = world.engine.unregister_ring(&guests[at(owner)], ring.1);
            assert_eq!(result.is_ok(), model.0.contains_key(&ring));
            // Told even if it is the owner that waits.
            model.lose(|owner, name| (owner, name) == ring, 0)
        }
        Step::Send { from, to, bytes } => {
            match world.send(&guests[at(from)], &guests[at(to)], bytes) {
                Ok(_) => vec![Event::Virq(to)],
                Err(Errno::EAGAIN) => model.wait(from, to, bytes),
                Err(_) => vec![],
            }
        }
        Step::Ask { from, to, space } => {
            let flags = world.ask(&guests[at(from)], &guests[at(to)], space).unwrap_or(0);
            let flags = RingFlags::from_bits(flags).unwrap();
            let answered = RingFlags::SUFFICIENT | RingFlags::EMSGSIZE | RingFlags::EBUSY;
            if flags.contains(RingFlags::SUFFICIENT) {
                model.reached(from, to).remove(&from);
            }
            let waits = flags.contains(RingFlags::EXISTS) && !flags.intersects(answered);
            if waits { model.wait(from, to, space) } else { vec![] }
        }
        Step::Read { owner, page } => {
            discard(&guests[at(owner)], page);
            vec![]
        }
        Step::Notify { owner } => {
            let told = model.release(world, &guests[at(owner)]);
            let _ = world.engine.notify_owned(&guests[at(owner)]);
            told
        }
        Step::Deactivate { domain } => {
            world.engine.deactivate(&guests[at(domain)].domain);
            model.lose(|owner, _| owner == domain, domain)
        }
        Step::Activate { domain } => {
            world.engine.activate(&guests[at(domain)].domain);
            vec![]
        }
        Step::SoftReset { domain: id } => {
            world.engine.soft_reset(domain(id)).unwrap();
            let for_it = |ring: &RingName| ring.partner == name(id, 0).partner;
            let owners = model.0.keys().filter(|(_, ring)| for_it(ring)).map(|(owner, _)| *owner);
            let told: BTreeSet<u16> = owners.chain([id]).collect();
            let mut events = model.lose(|owner, ring| owner == id || for_it(&ring), id);
            events.extend(told.into_iter().map(Event::RingsCut));
            events
        }
        Step::Renew { domain: id } => {
            world.engine.destroy_domain(domain(id)).unwrap();
            guests[at(id)] = world.guest_with(id, QUOTAS);
            model.lose(|owner, ring| owner == id || ring.partner == name(id, 0).partner, id)
        }
    };
    same_events(world.events(), expected);
}

fn same_events(mut got: Vec<Event>, mut expected: Vec<Event>) {
    got.sort_by_key(|event| format!("{event:?}"));
    expected.sort_by_key(|event| format!("{event:?}"));
    assert_eq!(got, expected);
}

/// Says that all in a page's ring was read. (It may be in two rings, so its messages need not make
/// sense.)
fn discard(owner: &Guest, page: u64) {
    let view = ring_view(owner, page, RING);
    let tx = view.load_u32(4, std::sync::atomic::Ordering::Acquire).unwrap();
    view.store_u32(0, tx, std::sync::atomic::Ordering::Release).unwrap();
}

/// What holds at any moment.
fn check(world: &World, guests: &[Guest], model: &Model) {
    let mut rings = 0;
    for guest in guests {
        let stat = world.engine.stat(guest.domain.id()).unwrap();
        assert!(stat.active || stat.rings.is_empty());
        assert!(stat.rings.len() <= QUOTAS.rings as usize);
        for ring in &stat.rings {
            let waits = &model.0[&(guest.domain.id().raw(), ring.name)];
            assert_eq!(ring.waiting as usize, waits.len(), "{:?}", ring.name);
            let named = ring.name.partner != Partner::Any;
            assert!(ring.waiting <= if named { 1 } else { QUOTAS.waiters });
            assert!(ring.filled < ring.len.bytes());
        }
        rings += stat.rings.len();
    }
    assert_eq!(rings, model.0.len());
}

/// What must be left when all state has gone: all of the quota, and nobody's wait.
fn check_end(world: &World, guests: &[Guest]) {
    for guest in guests {
        world.engine.activate(&guest.domain);
        world.engine.soft_reset(guest.domain.id()).unwrap();
    }
    for guest in guests {
        assert_eq!(world.rings(guest), []);
        for port in 0..QUOTAS.rings {
            world.register(guest, name(0, port), 8, RING).unwrap();
        }
        assert_eq!(world.register(guest, name(0, 99), 8, RING), Err(Errno::ENOSPC));
        assert!(world.rings(guest).iter().all(|ring| ring.waiting == 0));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rings_waits_and_quotas_are_as_in_the_model(steps in prop::collection::vec(step(), 1..120)) {
        let world = World::new();
        let mut guests: Vec<_> = (1..=DOMAINS).map(|id| world.guest_with(id, QUOTAS)).collect();
        let mut model = Model::default();
        for step in &steps {
            take(&world, &mut guests, &mut model, step);
            check(&world, &guests, &model);
        }
        check_end(&world, &guests);
    }
}
