//! The paths that are counted. Each is made ready for [`MESSAGES`] calls, of which any number is
//! run: what two numbers of calls differ by is theirs alone.

use std::hint::black_box;
use std::sync::atomic::Ordering;

use argo_core::abi::{MessageHeader, Op, SLOT};
use argo_core::claim::{PayloadLen, RingLen};
use argo_core::host::layout::{QueueLayout, control_bytes};
use argo_core::host::queue::{Completion, GuestQueue, HostQueue};
use argo_core::host::words::Words;
use argo_core::platform::{Call, Link};
use argo_core::ring::{Consumer, Producer};
use argo_mem::{HeapRam, Memory};

use crate::case::Failure;
use crate::inside::in_place::Inbox;
use crate::inside::world::{Guest, Rate, SMALL, World, pages_for_inbox};

/// Calls that a path is ready for; for those that move 4 KiB it is a fifth.
pub const MESSAGES: u32 = 20_000;

/// A path that is counted.
pub struct Path {
    /// Its name in the file of counts.
    pub name: &'static str,
    /// How often it is called for the count.
    pub calls: u32,
    prepare: fn() -> Result<Run, Failure>,
}

/// Makes so many calls.
type Run = Box<dyn FnMut(u32) -> Result<(), Failure>>;

/// All of them.
pub const PATHS: [Path; 9] = [
    Path { name: "sendv_64", calls: 10_000, prepare: || sendv(64, Rate::Free) },
    Path { name: "sendv_64_limited", calls: 10_000, prepare: || sendv(64, Rate::Limited) },
    Path { name: "sendv_4096", calls: 1_000, prepare: || sendv(4096, Rate::Free) },
    Path { name: "copy_4096", calls: 1_000, prepare: || Ok(copy(4096)) },
    Path { name: "take_64", calls: 10_000, prepare: take },
    Path { name: "notify_1", calls: 10_000, prepare: || notify(1) },
    Path { name: "notify_128", calls: 1_000, prepare: || notify(128) },
    Path { name: "queue_submit_reap", calls: 10_000, prepare: || Ok(submit_and_reap()) },
    Path { name: "queue_take_complete", calls: 10_000, prepare: || Ok(take_and_complete()) },
];

impl Path {
    /// Makes everything ready, then makes so many calls.
    ///
    /// # Errors
    /// Something is wrong with the path.
    pub fn run(&self, calls: u32) -> Result<(), Failure> {
        (self.prepare)()?(calls)
    }
}

const SENDER: u16 = 1;
const RECEIVER: u16 = 2;
const PORT: u32 = 7;
/// Bytes of the largest ring that there can be: no message of a run has to wait.
const LARGEST: u32 = 0xFF_FFC0;

/// Two domains, of which the first can send to the second. The world has to stay.
fn pair(len: u32, rate: Rate) -> Result<(World, Guest, Inbox), Failure> {
    let world = World::new(2, rate)?;
    let ring = RingLen::check(LARGEST)?;
    let sender = world.guest(SENDER, 32)?;
    let receiver = world.guest(RECEIVER, pages_for_inbox(ring))?;
    let receiver = Inbox::open(receiver, PORT, ring)?;
    sender.aim(RECEIVER, PORT, len)?;
    Ok((world, sender, receiver))
}

fn sendv(len: u32, rate: Rate) -> Result<Run, Failure> {
    let (world, sender, receiver) = pair(len, rate)?;
    Ok(Box::new(move |calls| {
        let _there = (&world, &receiver);
        repeat(calls, || if sender.send()? { Ok(()) } else { Err("the ring is full".into()) })
    }))
}

/// What a send of so many bytes has to copy, from where it lies to where it goes.
fn copy(len: usize) -> Run {
    let (from, to) = (HeapRam::zeroed(len), HeapRam::zeroed(1 << 24));
    let mut at = 0;
    Box::new(move |calls| {
        repeat(calls, || {
            from.view().copy_to(0, to.view(), black_box(at), len)?;
            at += len;
            Ok(())
        })
    })
}

/// A message out of a ring, into a buffer.
fn take() -> Result<Run, Failure> {
    let (ram, len) = (HeapRam::zeroed(1 << 24), RingLen::check(LARGEST)?);
    let ring = ram.view();
    let mut producer = Producer::adopt(&ring, len);
    let payload = PayloadLen::check(64)?;
    for _ in 0..MESSAGES {
        let room = producer.reserve(&ring, payload).map_err(|why| format!("{why:?}"))?;
        let header = MessageHeader { len: 64 + SLOT, ..MessageHeader::default() };
        room.write_header(&ring, &header);
        producer.publish(&ring, room);
    }
    let mut consumer = Consumer::new(len);
    Ok(Box::new(move |calls| {
        let ring = ram.view();
        let mut bytes = [0; 64];
        repeat(calls, || {
            let message = consumer.peek(&ring)?.ok_or("the ring is empty")?;
            message.copy_to(&ring, &mut bytes);
            black_box(&bytes);
            consumer.consume(&ring, message);
            Ok(())
        })
    }))
}

/// Nobody waits for room in any of so many rings.
fn notify(rings: u32) -> Result<Run, Failure> {
    let world = World::new(1, Rate::Free)?;
    let owner = world.guest(SENDER, 16)?;
    for port in 0..rings {
        owner.register(port, SMALL.start)?;
    }
    Ok(Box::new(move |calls| {
        let _there = &world;
        repeat(calls, || owner.notify())
    }))
}

const QUEUE: QueueLayout = QueueLayout::new(0);

/// The guest's end of a queue; the other one answers at once, in one store.
fn submit_and_reap() -> Run {
    let (control, mut queue) = (HeapRam::zeroed(control_bytes(1) as usize), GuestQueue::new(0));
    let call = Call { cmd: Op::Sendv as u32, args: [1, 2, 3, 4], link: Link::None };
    let mut submitted = 0u32;
    Box::new(move |calls| {
        let words = control.view();
        repeat(calls, || {
            let taken = queue.submit(&words, black_box(&call), 9);
            submitted = submitted.wrapping_add(1);
            words.store(QUEUE.completed(), submitted, Ordering::Release);
            let completion = black_box(queue.reap(&words));
            if taken && completion.is_some() { Ok(()) } else { Err("the queue is full".into()) }
        })
    })
}

/// argod's end of a queue; the other one submits in one store.
fn take_and_complete() -> Run {
    let (control, mut queue) = (HeapRam::zeroed(control_bytes(1) as usize), HostQueue::new(0));
    Box::new(move |calls| {
        let words = control.view();
        repeat(calls, || {
            words.store(QUEUE.submitted(), queue.taken().wrapping_add(1), Ordering::Release);
            let pending = queue.pending(&words)?;
            let slot = queue.take(&words);
            queue.complete(&words, Completion { tag: black_box(slot).tag, ret: 64 });
            if pending == 1 { Ok(()) } else { Err("nothing was submitted".into()) }
        })
    })
}

fn repeat(calls: u32, mut call: impl FnMut() -> Result<(), Failure>) -> Result<(), Failure> {
    (0..calls).try_for_each(|_| call())
}
