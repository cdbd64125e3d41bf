//! Sequences of typed operations of a few domains with small quotas. Quotas hold at every moment,
//! each wait begins and ends with exactly one event, messages are counted once, and with the last
//! domain everything is gone.
#![no_main]

use std::sync::Arc;

use arbitrary::Arbitrary;
use argo_core::abi::{Iov, RingFlags};
use argo_core::claim::RingLen;
use argo_core::{Errno, Gfn, Partner, Port, RingName};
use argo_fuzz::world::{Event, Guest, World, domain};
use argo_hypervisor::{
    Existing, Fault, GuestMemory, Question, Quotas, RegisterRequest, RingStat, SendRequest,
};
use libfuzzer_sys::fuzz_target;

const DOMAINS: u8 = 4;
const PAGES: usize = 16;
const QUOTAS: Quotas = Quotas { rings: 3, ring_bytes: 640, waiters: 2, entries: 4 };

/// Domains and ports are taken modulo what there is.
#[derive(Arbitrary, Debug)]
enum Step {
    Register { owner: u8, partner: Option<u8>, port: bool, slots: u8, page: u8, fails: bool },
    Unregister { owner: u8, partner: Option<u8>, port: bool },
    Send { from: u8, to: u8, port: bool, at: u16, bytes: u16 },
    Ask { from: u8, to: u8, port: bool, space: u32 },
    Notify { owner: u8 },
    RxPtr { owner: u8, page: u8, rx: u32 },
    Deactivate(u8),
    Activate(u8),
    SoftReset(u8),
    Withdraw(u8),
    Deny(u8, bool),
    Enforce,
    Renew(u8),
}

fuzz_target!(|steps: Vec<Step>| {
    let world = World::default();
    let guests = (0..DOMAINS).map(|id| fresh(&world, id)).collect();
    let mut scene = Scene { world, guests };
    for step in &steps {
        scene.take(step);
        scene.check();
    }
    scene.end();
});

fn fresh(world: &World, id: u8) -> Guest {
    let guest = world.create(domain(id.into()), PAGES, QUOTAS);
    guest.unwrap_or_else(|| panic!("domain {id} cannot be created"))
}

struct Scene {
    world: World,
    guests: Vec<Guest>,
}

impl Scene {
    fn take(&mut self, step: &Step) {
        let (waits, told) = (self.waits(), self.does(step));
        let events = self.world.events();
        let count = |which: fn(&Event) -> bool| events.iter().filter(|event| which(event)).count();
        let begun = count(|event| matches!(event, Event::SpaceWanted(_)));
        let lost = count(|event| matches!(event, Event::WaitLost(_)));
        let raised = count(|event| matches!(event, Event::Virq(_)));
        match (step, told) {
            // A domain that waits already may come to want more.
            (Step::Send { .. } | Step::Ask { .. }, Told::Waits) => {
                assert!(begun <= 1 && (waits..=waits + begun).contains(&self.waits()));
            }
            (Step::Send { .. }, Told::Sent) => assert_eq!((raised, begun), (1, 0)),
            (Step::Notify { .. }, _) => assert_eq!(waits - self.waits(), raised),
            (Step::Unregister { .. } | Step::Withdraw(_) | Step::Enforce, _) => {
                assert_eq!((waits - self.waits(), raised), (lost, 0));
            }
            // Its own waits go without a word.
            (Step::Deactivate(_) | Step::SoftReset(_) | Step::Renew(_), _) => {
                assert!(waits - self.waits() >= lost && raised == 0);
            }
            _ => {}
        }
    }

    fn does(&mut self, step: &Step) -> Told {
        let engine = &self.world.engine;
        match *step {
            Step::Register { owner, partner, port, slots, page, fails } => {
                let Ok(len) = RingLen::check(48 + 16 * u32::from(slots)) else {
                    return Told::Nothing;
                };
                let existing = if fails { Existing::Fail } else { Existing::Replace };
                let request = RegisterRequest { name: name(partner, port), len, existing };
                let pages =
                    (0..len.pages()).map(|at| Ok::<_, Fault>(Gfn(u64::from(page) + u64::from(at))));
                let _ = engine.register_ring(self.guest(owner), &request, pages);
                Told::Nothing
            }
            Step::Unregister { owner, partner, port } => {
                let _ = engine.unregister_ring(self.guest(owner), name(partner, port));
                Told::Nothing
            }
            Step::Send { from, to, port, at, bytes } => self.send(from, to, port, at, bytes),
            Step::Ask { from, to, port, space } => self.ask(from, to, port, space),
            Step::Notify { owner } => {
                let _ = engine.notify_owned(self.guest(owner));
                Told::Nothing
            }
            Step::RxPtr { owner, page, rx } => {
                let at = argo_core::GuestAddr(u64::from(page) * 4096);
                let _ = self.guest(owner).memory.write(at, &rx.to_le_bytes());
                Told::Nothing
            }
            _ => self.changes(step),
        }
    }

    /// What comes from outside.
    fn changes(&mut self, step: &Step) -> Told {
        let engine = &self.world.engine;
        match *step {
            Step::Deactivate(id) => engine.deactivate(&self.guest(id).domain),
            Step::Activate(id) => engine.activate(&self.guest(id).domain),
            Step::SoftReset(id) => {
                assert_eq!(engine.soft_reset(self.guest(id).domain.id()), Ok(()));
            }
            Step::Withdraw(id) => {
                engine.withdraw_rings(&self.guest(id).domain, |_| true);
                assert_eq!(self.rings(id), []);
            }
            Step::Deny(id, denied) => engine.policy().set(self.guest(id).domain.id(), denied),
            Step::Enforce => {
                let _cut = engine.enforce();
                assert_eq!(engine.enforce(), argo_hypervisor::Cut::default(), "cut twice");
            }
            Step::Renew(id) => self.renew(id),
            _ => {}
        }
        Told::Nothing
    }

    fn send(&self, from: u8, to: u8, port: bool, at: u16, bytes: u16) -> Told {
        let iovs = [Iov { iov_hnd: at.into(), iov_len: bytes.into(), pad: 0 }];
        let (source, receiver) = (Port(99), self.guest(to).domain.id());
        let request =
            SendRequest { source, receiver, port: self.port(port), iovs: &iovs, message_type: 1 };
        match self.world.engine.sendv(self.guest(from), &request) {
            Ok(sent) => {
                assert_eq!(sent, u32::from(bytes));
                Told::Sent
            }
            Err(Errno::EAGAIN) => Told::Waits,
            Err(_) => Told::Nothing,
        }
    }

    fn ask(&self, from: u8, to: u8, port: bool, space: u32) -> Told {
        let receiver = self.guest(to).domain.id();
        let question = Question { receiver, port: self.port(port), space_required: space };
        let Ok(answer) = self.world.engine.query(self.guest(from), &question) else {
            return Told::Nothing;
        };
        let over = RingFlags::SUFFICIENT | RingFlags::EMSGSIZE | RingFlags::EBUSY;
        let exists = answer.flags.contains(RingFlags::EXISTS);
        assert!(exists || answer.flags.is_empty(), "{answer:?}");
        assert_eq!(exists, answer.max_payload.is_some());
        if exists && !answer.flags.intersects(over) { Told::Waits } else { Told::Nothing }
    }

    /// The domain goes, nobody holds its memory, and another of its id comes.
    fn renew(&mut self, id: u8) {
        let at = usize::from(id % DOMAINS);
        let gone = self.guests.remove(at);
        assert_eq!(self.world.engine.destroy_domain(gone.domain.id()), Ok(()));
        let ram = gone.memory.memory().clone();
        drop(gone);
        assert_eq!(Arc::strong_count(&ram), 1, "somebody holds memory of a domain that is gone");
        self.guests.insert(at, fresh(&self.world, id % DOMAINS));
    }

    /// What holds at every moment.
    fn check(&self) {
        for id in 0..DOMAINS {
            let rings = self.rings(id);
            let bytes: u64 = rings.iter().map(|ring| u64::from(ring.len.bytes())).sum();
            assert!(
                rings.len() <= QUOTAS.rings as usize && bytes <= QUOTAS.ring_bytes,
                "{rings:?}"
            );
            for ring in rings {
                let limit = if ring.name.partner == Partner::Any { QUOTAS.waiters } else { 1 };
                assert!(ring.waiting <= limit && ring.filled < ring.len.bytes(), "{ring:?}");
            }
        }
    }

    fn end(mut self) {
        (0..DOMAINS).for_each(|id| self.renew(id));
        for id in 0..DOMAINS {
            assert_eq!(self.rings(id), []);
            let sent = self.world.engine.stat(domain(id.into())).map(|stat| stat.counters.messages);
            assert_eq!(sent, Some(0));
        }
    }

    fn waits(&self) -> usize {
        (0..DOMAINS).flat_map(|id| self.rings(id)).map(|ring| ring.waiting as usize).sum()
    }

    fn rings(&self, id: u8) -> Vec<RingStat> {
        let stat = self.world.engine.stat(self.guest(id).domain.id());
        stat.map_or_else(Vec::new, |stat| stat.rings)
    }

    fn guest(&self, id: u8) -> &Guest {
        &self.guests[usize::from(id % DOMAINS)]
    }

    fn port(&self, second: bool) -> Port {
        Port(u32::from(second))
    }
}

/// What a sender was told.
enum Told {
    Sent,
    Waits,
    Nothing,
}

fn name(partner: Option<u8>, port: bool) -> RingName {
    let partner = partner.map_or(Partner::Any, |id| Partner::Domain(domain((id % DOMAINS).into())));
    RingName { port: Port(u32::from(port)), partner }
}
