//! A caller whose memory fails at the n-th access of a call, for every n there is: the call fails,
//! nothing is half done, and made again it does what it would have done.
//!
//! (The memory of a registered ring has no way to fail: [`RingMem`](argo_core::ring::RingMem).)
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to stop")]

mod support;

use std::sync::atomic::{AtomicI64, Ordering::SeqCst};

use argo_core::abi::{Addr, Iov, Op, RegisterRing, RingDataEnt, SendAddr, UnregisterRing};
use argo_core::claim::RingLen;
use argo_core::ring::{Span, Spans};
use argo_core::{Errno, Gfn, GuestAddr, Partner, Port, RingName};
use argo_hypervisor::{
    Argo, Caller, Config, DomainStat, Engine, Existing, Fault, GuestMemory, LinearMemory, MapError,
    ParkingLot, Quotas, RegisterRequest, RingPages, Start, System, WildcardRings,
};
use argo_mem::{HeapRam, Memory};
use support::{Denials, Event, PAGE, PAYLOAD, Record, domain, from, from_any, pages, ram};
use zerocopy::IntoBytes;

enum Frail {}

impl System for Frail {
    type Memory = FrailMemory;
    type Policy = Denials;
    type Events = Record;
    type Locks = ParkingLot;
}

/// Memory that fails once, in the middle of an access, after so many good ones.
struct FrailMemory {
    ram: LinearMemory<HeapRam>,
    good: AtomicI64,
}

impl FrailMemory {
    /// Whether this access fails. One that concerns no bytes never does.
    fn fails(&self, bytes: usize) -> bool {
        bytes > 0 && self.good.fetch_sub(1, SeqCst) == 0
    }
}

impl GuestMemory for FrailMemory {
    type Ring = RingPages<HeapRam>;

    fn read(&self, at: GuestAddr, out: &mut [u8]) -> Result<(), Fault> {
        let len = out.len();
        if self.fails(len) {
            self.ram.read(at, &mut out[..len / 2])?;
            return Err(Fault { at, len });
        }
        self.ram.read(at, out)
    }

    fn write(&self, at: GuestAddr, bytes: &[u8]) -> Result<(), Fault> {
        if self.fails(bytes.len()) {
            self.ram.write(at, &bytes[..bytes.len() / 2])?;
            return Err(Fault { at, len: bytes.len() });
        }
        self.ram.write(at, bytes)
    }

    fn map_ring(
        &self,
        pages: impl ExactSizeIterator<Item = Result<Gfn, Fault>>,
        len: RingLen,
    ) -> Result<Self::Ring, MapError> {
        let ring = self.ram.map_ring(pages, len)?;
        let failed = MapError::NoMemory(len.pages() as usize);
        if self.fails(1) { Err(failed) } else { Ok(ring) }
    }

    fn copy_to_ring(&self, from: GuestAddr, to: &Self::Ring, spans: Spans) -> Result<(), Fault> {
        let len = (spans.first.len + spans.second.len) as usize;
        if self.fails(len) {
            let first = Span { len: spans.first.len / 2, ..spans.first };
            self.ram.copy_to_ring(from, to, Spans { first, second: Span { at: 0, len: 0 } })?;
            return Err(Fault { at: from, len });
        }
        self.ram.copy_to_ring(from, to, spans)
    }
}

type Guest = Caller<Frail>;

const ARGUMENT: u64 = 2 * PAGE;
const LIST: u64 = 3 * PAGE;
/// Where rings begin, and where they may move to.
const RING: u64 = 8;
const ELSEWHERE: u64 = 20;
const LEN: u32 = 208;
/// Needs three pages.
const LONG: u32 = 8144;

/// Three domains. The first makes the call; it has a ring in which there is room for those who
/// wait, and one that is full. The second has a ring that wraps, and one that is full.
struct Scene {
    engine: Engine<Frail>,
    guests: [Guest; 3],
}

impl Scene {
    fn new() -> Self {
        let config = Config { argo: Argo::On, wildcard_rings: WildcardRings::Allowed };
        let engine = Engine::new(config, Denials::default(), Record::default());
        let guests = [1, 2, 3].map(|id| {
            let own = engine.create_domain(domain(id), Quotas::default(), Start::Active).unwrap();
            Caller::new(own, FrailMemory { ram: ram(), good: AtomicI64::new(-1) })
        });
        let scene = Self { engine, guests };
        scene.register(1, from_any(), RING, LEN);
        scene.register(1, RingName { port: Port(9), ..from(2) }, RING + 1, LONG);
        scene.poke(2, RING * PAGE, &[160u32, 160].map(u32::to_le_bytes).concat());
        scene.register(2, from(1), RING, LEN);
        scene.register(2, RingName { port: Port(9), partner: Partner::Any }, RING + 1, 64);
        scene.fill();
        scene.engine.events().take();
        scene
    }

    fn fill(&self) {
        assert_eq!(self.send(2, 1, Port(7), &[100]), 100);
        assert_eq!(self.send(2, 1, Port(7), &[100]), Errno::EAGAIN.ret());
        assert_eq!(self.send(3, 1, Port(7), &[100]), Errno::EAGAIN.ret());
        self.poke(1, RING * PAGE, &112u32.to_le_bytes());
        assert_eq!(self.send(2, 1, Port(9), &[5000, 3000]), 8000);
        assert_eq!(self.send(2, 1, Port(9), &[200]), Errno::EAGAIN.ret());
        assert_eq!(self.send(3, 2, Port(9), &[32]), 32);
    }

    fn guest(&self, id: u16) -> &Guest {
        &self.guests[usize::from(id) - 1]
    }

    fn poke(&self, id: u16, at: u64, bytes: &[u8]) {
        self.guest(id).memory.ram.write(GuestAddr(at), bytes).unwrap();
    }

    fn register(&self, id: u16, name: RingName, page: u64, len: u32) {
        let len = RingLen::check(len).unwrap();
        let request = RegisterRequest { name, len, existing: Existing::Fail };
        self.engine.register_ring(self.guest(id), &request, pages(page, len)).unwrap();
    }

    fn call(&self, by: u16, (op, args): (Op, [u64; 4])) -> i64 {
        let [arg1, arg2, arg3, arg4] = args;
        self.engine.argo_op(self.guest(by), op as u32, arg1, arg2, arg3, arg4)
    }

    fn send(&self, by: u16, to: u16, port: Port, pieces: &[u32]) -> i64 {
        self.call(by, self.prepare_send(by, to, port, pieces))
    }

    fn prepare_send(&self, by: u16, to: u16, port: Port, pieces: &[u32]) -> (Op, [u64; 4]) {
        let at = |(number, len): (usize, &u32)| Iov {
            iov_hnd: PAYLOAD + 100 * number as u64,
            iov_len: *len,
            pad: 0,
        };
        let iovs: Vec<Iov> = pieces.iter().enumerate().map(at).collect();
        let addr = |domain_id, aport| Addr { aport, domain_id, pad: 0 };
        let addresses = SendAddr { src: addr(by, 5), dst: addr(to, port.0) };
        self.poke(by, ARGUMENT, addresses.as_bytes());
        self.poke(by, LIST, iovs.as_bytes());
        self.poke(by, PAYLOAD, &[0xA0 | by as u8; 900]);
        (Op::Sendv, [ARGUMENT, LIST, pieces.len() as u64, 77])
    }

    fn prepare_register(&self, port: u32) -> (Op, [u64; 4]) {
        let claim = RegisterRing { aport: port, partner_id: 2, pad: 0, len: LONG };
        self.poke(1, ARGUMENT, claim.as_bytes());
        self.poke(1, LIST, [ELSEWHERE, ELSEWHERE + 5, ELSEWHERE + 2].as_bytes());
        self.poke(1, ELSEWHERE * PAGE, &[16u32, 12].map(u32::to_le_bytes).concat());
        (Op::RegisterRing, [ARGUMENT, LIST, 3, 0])
    }

    fn prepare_unregister(&self) -> (Op, [u64; 4]) {
        let claim = UnregisterRing { aport: 9, partner_id: 2, pad: 0 };
        self.poke(1, ARGUMENT, claim.as_bytes());
        (Op::UnregisterRing, [ARGUMENT, 0, 0, 0])
    }

    /// About room that there is, room that there is not, room that can never be, and no ring.
    fn prepare_notify(&self) -> (Op, [u64; 4]) {
        let questions = [(7, 20), (9, 20), (9, 60), (8, 1)];
        let entries = questions.map(|(aport, space_required)| RingDataEnt {
            ring: Addr { aport, domain_id: 2, pad: 0 },
            space_required,
            ..RingDataEnt::default()
        });
        self.poke(1, ARGUMENT, &4u64.to_le_bytes());
        self.poke(1, ARGUMENT + 8, entries.as_bytes());
        (Op::Notify, [ARGUMENT, 0, 0, 0])
    }

    /// What all domains have, counts of refusals left out.
    fn state(&self) -> State {
        let stat = |guest: &Guest| {
            let mut stat = self.engine.stat(guest.domain.id()).unwrap();
            stat.counters.refusals = [0; Errno::ALL.len()];
            stat.rings.sort_by_key(|ring| ring.name);
            stat
        };
        let bytes = |guest: &Guest| {
            let view = guest.memory.ram.memory().view();
            let mut bytes = vec![0; view.len()];
            view.read(0, &mut bytes).unwrap();
            bytes
        };
        State { stats: self.guests.each_ref().map(stat), ram: self.guests.each_ref().map(bytes) }
    }

    fn refusals(&self, errno: Errno) -> u64 {
        self.engine.stat(domain(1)).unwrap().counters.refusals_with(errno)
    }
}

#[derive(PartialEq, Eq)]
struct State {
    stats: [DomainStat; 3],
    ram: [Vec<u8>; 3],
}

impl State {
    /// The same without what lies in the free part of the ring that wraps.
    fn less_free_part(mut self) -> Self {
        let data = (RING * PAGE) as usize + 64;
        self.ram[1][data..data + LEN as usize].fill(0);
        self
    }

    fn check_is(&self, expected: &Self, what: &str) {
        assert_eq!(self.stats, expected.stats, "{what}");
        for (id, (ram, expected)) in (1..).zip(self.ram.iter().zip(&expected.ram)) {
            let differs = ram.iter().zip(expected).position(|(is, should)| is != should);
            assert_eq!(differs, None, "{what}: memory of {id}");
        }
    }
}

type Prepare = fn(&Scene) -> (Op, [u64; 4]);

/// A scene in which the call was made with memory that fails after so many accesses, what it
/// returned, and whether the memory did fail.
fn call_with(prepare: Prepare, good: i64) -> (Scene, i64, bool) {
    let scene = Scene::new();
    let call = prepare(&scene);
    scene.guest(1).memory.good.store(good, SeqCst);
    let answer = scene.call(1, call);
    let failed = scene.guest(1).memory.good.swap(-1, SeqCst) < 0;
    (scene, answer, failed)
}

/// Makes the call with a fault at each of its accesses in turn. `unchanged` is told of each scene
/// after the fault. Gives how many there are.
fn at_each_access(prepare: Prepare, unchanged: impl Fn(Scene)) -> u64 {
    let (whole, answer, _) = call_with(prepare, i64::MAX);
    let (after, told) = (whole.state(), whole.engine.events().take());
    assert!(answer >= 0);
    for access in 0.. {
        let (scene, failed_answer, failed) = call_with(prepare, access);
        if !failed {
            assert_eq!(failed_answer, answer);
            effort::ran(access as u64, "accesses of a call to memory, each failed once");
            return access as u64;
        }
        let errno = [Errno::EFAULT, Errno::ENOMEM].into_iter().find(|e| e.ret() == failed_answer);
        assert_eq!(errno.map(|errno| scene.refusals(errno)), Some(1), "access {access}");
        let call = prepare(&scene);
        assert_eq!(scene.call(1, call), answer, "again, after access {access}");
        scene.state().check_is(&after, "again");
        support::same_events(scene.engine.events().take(), told.clone());
        unchanged(call_with(prepare, access).0);
    }
    unreachable!("a call has an end")
}

/// After the fault everything is as before the call.
fn nothing_happened(scene: &Scene, prepare: Prepare) {
    let before = Scene::new();
    prepare(&before);
    scene.state().less_free_part().check_is(&before.state().less_free_part(), "before");
    assert_eq!(scene.engine.events().take(), []);
}

/// The rings of the first domain take messages and let senders know of room, as if nothing had
/// been tried.
fn rings_go_on(scene: &Scene, prepare: Prepare) {
    let untouched = Scene::new();
    prepare(&untouched);
    let [tried, untouched] = [scene, &untouched].map(|scene| {
        let answers = [scene.send(2, 1, Port(9), &[16]), scene.send(3, 1, Port(7), &[20])];
        scene.poke(1, (RING + 1) * PAGE, &8000u32.to_le_bytes());
        let released = scene.call(1, (Op::Notify, [0; 4]));
        (answers, released, scene.engine.events().take(), scene.state())
    });
    assert_eq!((tried.0, tried.1, &tried.2), (untouched.0, untouched.1, &untouched.2));
    assert!(tried.2.iter().filter(|event| **event == Event::Virq(2)).count() == 2);
    tried.3.check_is(&untouched.3, "going on");
}

#[test]
fn a_registration_that_fails_leaves_no_ring() {
    let prepare: Prepare = |scene| scene.prepare_register(10);
    let accesses = at_each_access(prepare, |scene| {
        nothing_happened(&scene, prepare);
        rings_go_on(&scene, prepare);
    });
    assert_eq!(accesses, 5, "the claim, three page numbers, the mapping");
}

#[test]
fn a_registration_anew_that_fails_leaves_the_ring_as_it_was() {
    let prepare: Prepare = |scene| scene.prepare_register(9);
    let accesses = at_each_access(prepare, |scene| {
        nothing_happened(&scene, prepare);
        rings_go_on(&scene, prepare);
    });
    assert_eq!(accesses, 5, "the claim, three page numbers, the mapping");
}

#[test]
fn an_unregistration_that_fails_leaves_the_ring() {
    let prepare: Prepare = |scene| scene.prepare_unregister();
    let accesses = at_each_access(prepare, |scene| {
        nothing_happened(&scene, prepare);
        rings_go_on(&scene, prepare);
    });
    assert_eq!(accesses, 1, "the claim");
}

#[test]
fn a_message_that_fails_is_not_there_and_leaves_no_wait() {
    let prepare: Prepare = |scene| scene.prepare_send(1, 2, Port(7), &[20, 0, 40, 60]);
    let accesses = at_each_access(prepare, |scene| nothing_happened(&scene, prepare));
    assert_eq!(accesses, 5, "addresses, buffers, three pieces that are not empty");
}

/// Whoever has room is told first; each entry that was answered is answered.
#[test]
fn a_question_that_fails_loses_no_signal_and_no_wait() {
    let prepare: Prepare = |scene| scene.prepare_notify();
    let accesses = at_each_access(prepare, |scene| {
        let events = scene.engine.events().take();
        let told = events.iter().filter(|event| matches!(event, Event::Virq(2 | 3))).count();
        assert_eq!(told, 2, "{events:?}");
    });
    assert_eq!(accesses, 13, "the head; of four entries the question and two answers");
}
