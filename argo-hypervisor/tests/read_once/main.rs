//! What a guest can change while it is read is read once: arguments, page numbers and payloads that
//! are overwritten as soon as they were read, and rings that count their reads.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to stop")]

mod memory;
#[path = "../support/mod.rs"]
mod support;

use std::mem::size_of;

use argo_core::abi::{
    Addr, DOMID_ANY, Iov, Op, RING_HEADER, RegisterRing, RingData, RingDataEnt, RingFlags,
    SendAddr, UnregisterRing,
};
use argo_core::claim::RingLen;
use argo_core::ring::Consumer;
use argo_core::{Errno, GuestAddr};
use argo_hypervisor::{
    Argo, Caller, Config, Engine, GuestMemory, ParkingLot, Quotas, Start, System, WildcardRings,
};
use argo_mem::Memory;
use memory::FickleMemory;
use support::{Denials, PAGE, PAYLOAD, PORT, RING_PAGE, Record, domain, from_any};
use zerocopy::IntoBytes;

enum Fickle {}

impl System for Fickle {
    type Memory = FickleMemory;
    type Policy = Denials;
    type Events = Record;
    type Locks = ParkingLot;
}

const ARGUMENT: u64 = 2 * PAGE;
const LIST: u64 = 3 * PAGE;
/// Where the second piece of a payload lies; the first one lies at `PAYLOAD`.
const TAIL: u64 = 5 * PAGE;
const LEN: u32 = 80;

/// A receiver, whose rings are for everybody, and a sender.
struct Scene {
    engine: Engine<Fickle>,
    receiver: Caller<Fickle>,
    sender: Caller<Fickle>,
}

impl Scene {
    fn new() -> Self {
        let config = Config { argo: Argo::On, wildcard_rings: WildcardRings::Allowed };
        let engine = Engine::new(config, Denials::default(), Record::default());
        let [receiver, sender] = [1, 2].map(|id| {
            let own = engine.create_domain(domain(id), Quotas::default(), Start::Active).unwrap();
            Caller::new(own, FickleMemory::new())
        });
        Self { engine, receiver, sender }
    }

    fn call(&self, by: &Caller<Fickle>, op: Op, [arg1, arg2, arg3, arg4]: [u64; 4]) -> i64 {
        self.engine.argo_op(by, op as u32, arg1, arg2, arg3, arg4)
    }

    fn register(&self, len: u32, pages: &[u64]) -> i64 {
        let claim = RegisterRing { aport: PORT.0, partner_id: DOMID_ANY, pad: 0, len };
        self.receiver.memory.poke(ARGUMENT, claim.as_bytes());
        self.receiver.memory.poke(LIST, pages.as_bytes());
        let args = [ARGUMENT, LIST, pages.len() as u64, 0];
        self.call(&self.receiver, Op::RegisterRing, args)
    }

    /// Sends in two pieces and an empty one between them.
    fn send(&self, payload: &[u8]) -> i64 {
        let (head, tail) = payload.split_at(payload.len() / 2);
        let piece = |at, len| Iov { iov_hnd: at, iov_len: len as u32, pad: 0 };
        let pieces = [piece(PAYLOAD, head.len()), piece(PAYLOAD, 0), piece(TAIL, tail.len())];
        let addr = |aport, domain_id| Addr { aport, domain_id, pad: 0 };
        let addresses = SendAddr { src: addr(5, 2), dst: addr(PORT.0, 1) };
        self.sender.memory.poke(ARGUMENT, addresses.as_bytes());
        self.sender.memory.poke(LIST, pieces.as_bytes());
        self.sender.memory.poke(PAYLOAD, head);
        self.sender.memory.poke(TAIL, tail);
        self.call(&self.sender, Op::Sendv, [ARGUMENT, LIST, 3, 77])
    }
}

const ARGUMENTS: [(u64, usize); 2] =
    [(ARGUMENT, size_of::<SendAddr>()), (LIST, 3 * size_of::<Iov>())];

#[test]
fn a_registration_is_as_it_was_read() {
    let scene = Scene::new();
    // Longer than a page, and its pages are no neighbours.
    let (len, pages) = (4096, [RING_PAGE + 3, RING_PAGE]);
    assert_eq!(scene.register(len, &pages), 0);
    scene.receiver.memory.check_read_once(&[(ARGUMENT, size_of::<RegisterRing>()), (LIST, 16)]);
    let rings = scene.engine.stat(domain(1)).unwrap().rings;
    assert_eq!((rings.len(), rings[0].name, rings[0].len.bytes()), (1, from_any(), len));
    scene.receiver.memory.take_ring_reads();
    assert_eq!(scene.send(&[9; 100]), 100);
    let mut message_end = [0; 1];
    let end = GuestAddr(pages[0] * PAGE + u64::from(RING_HEADER) + 16 + 99);
    scene.receiver.memory.ram.read(end, &mut message_end).unwrap();
    assert_eq!(message_end, [9]);
}

#[test]
fn an_unregistration_is_as_it_was_read() {
    let scene = Scene::new();
    assert_eq!(scene.register(LEN, &[RING_PAGE]), 0);
    scene.receiver.memory.take_reads();
    let claim = UnregisterRing { aport: PORT.0, partner_id: DOMID_ANY, pad: 0 };
    scene.receiver.memory.poke(ARGUMENT, claim.as_bytes());
    assert_eq!(scene.call(&scene.receiver, Op::UnregisterRing, [ARGUMENT, 0, 0, 0]), 0);
    scene.receiver.memory.check_read_once(&[(ARGUMENT, size_of::<UnregisterRing>())]);
    assert_eq!(scene.engine.stat(domain(1)).unwrap().rings, []);
}

#[test]
fn a_message_is_as_it_was_read_and_where_the_receiver_reads_is_read_once() {
    let scene = Scene::new();
    assert_eq!(scene.register(LEN, &[RING_PAGE]), 0);
    assert_eq!(scene.receiver.memory.take_ring_reads(), [0, 1, 0], "taken over");
    let payload: Vec<u8> = (1..=40).collect();
    assert_eq!(scene.send(&payload), 40);
    let [sent, list] = ARGUMENTS;
    scene.sender.memory.check_read_once(&[sent, list, (PAYLOAD, 20), (TAIL, 20)]);
    assert_eq!(scene.receiver.memory.take_ring_reads(), [1, 0, 0]);
    let view = scene.receiver.memory.ram.memory().view();
    let view = view.part((RING_PAGE * PAGE) as usize, (RING_HEADER + LEN) as usize).unwrap();
    let message = Consumer::new(RingLen::check(LEN).unwrap()).peek(&view).unwrap().unwrap();
    let header = message.header();
    assert_eq!((header.source.aport, header.source.domain_id, header.message_type), (5, 2, 77));
    let mut received = vec![0; message.payload_len() as usize];
    message.copy_to(&view, &mut received);
    assert_eq!(received, payload);

    assert_eq!(scene.send(&payload), Errno::EAGAIN.ret());
    scene.sender.memory.check_read_once(&ARGUMENTS);
    assert_eq!(scene.receiver.memory.take_ring_reads(), [1, 0, 0], "refused");
    assert_eq!(scene.call(&scene.receiver, Op::Notify, [0; 4]), 0);
    assert_eq!(scene.receiver.memory.take_ring_reads(), [1, 0, 0], "somebody waits");
}

#[test]
fn a_question_is_as_it_was_read_and_where_the_receiver_reads_is_read_once() {
    let scene = Scene::new();
    assert_eq!(scene.register(LEN, &[RING_PAGE]), 0);
    scene.receiver.memory.take_ring_reads();
    let ask = |aport, space_required| RingDataEnt {
        ring: Addr { aport, domain_id: 1, pad: 0 },
        space_required,
        ..RingDataEnt::default()
    };
    let questions = [ask(PORT.0, 20), ask(PORT.0, LEN), ask(PORT.0 + 1, 20)];
    scene.sender.memory.poke(ARGUMENT, RingData { nent: 3, pad: 0 }.as_bytes());
    let first = ARGUMENT + size_of::<RingData>() as u64;
    scene.sender.memory.poke(first, questions.as_bytes());
    assert_eq!(scene.call(&scene.sender, Op::Notify, [ARGUMENT, 0, 0, 0]), 0);
    let read = size_of::<RingData>() + size_of_val(&questions);
    scene.sender.memory.check_read_once(&[(ARGUMENT, read)]);
    assert_eq!(scene.receiver.memory.take_ring_reads(), [2, 0, 0], "two questions about a ring");
    let mut answers = [RingDataEnt::default(); 3];
    scene.sender.memory.ram.read(GuestAddr(first), answers.as_mut_bytes()).unwrap();
    let there = RingFlags::EXISTS | RingFlags::SHARED | RingFlags::EMPTY;
    let expected = [there | RingFlags::SUFFICIENT, there | RingFlags::EMSGSIZE, RingFlags::empty()];
    assert_eq!(answers.map(|answer| answer.flags), expected.map(|flags| flags.bits()));
    assert_eq!(answers.map(|answer| answer.max_message_size), [LEN - 32, LEN - 32, 0]);
}
