//! Many domains that all send to one, as fast as they can.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::cell::RefCell;

use argo_core::Errno;
use argo_core::abi::{DOMID_ANY, Op, RING_HEADER};
use argo_core::claim::RingLen;
use argo_core::errno::decode_ret;
use argo_core::host::layout::VIRQS;
use argo_core::host::queue::GuestQueue;
use argo_core::platform::Call;
use argo_core::ring::Consumer;
use common::raw::RawSession;
use common::*;

const SENDERS: u16 = 64;
const SINK: u16 = 100;
const RING_LEN: u32 = 4096;
/// Of payload: three such messages find room.
const LEN: u32 = 1000;
/// Messages of the crowd, all together.
const MESSAGES: usize = 200 * SENDERS as usize;
/// Of others, between two of one sender. Fair turns make it 63; who is stopped by the system for longer than
/// its room is kept has to queue once more, each time.
const OTHERS: usize = 8 * SENDERS as usize;
/// How far a sender's part may be off the fair one, in either direction.
const SHARE: f64 = 1.5;
/// Interrupts of all senders for each message, at most: one, and as many again for those who were stopped.
const WAKES: f64 = 2.0;

/// The ring is nearly always full. Who finds no room waits to be woken and asks again, as a guest
/// does, the first always before the last; nobody is told apart but by argod.
#[test]
fn of_a_crowd_that_floods_one_ring_nobody_starves() {
    let (_argod, mut sink, mut crowd) = scene(SENDERS);
    let mut order = Vec::new();
    while order.len() < MESSAGES {
        crowd.iter_mut().for_each(Sender::go_on);
        order.extend(sink.take());
    }
    let wakes: u32 = crowd.iter().map(|sender| sender.session.word(VIRQS)).sum();
    let wakes = f64::from(wakes) / order.len() as f64;
    println!("{wakes:.2} interrupts of senders a message");
    assert!(wakes <= WAKES, "{wakes:.2} interrupts of senders a message");
    for sender in 1..=SENDERS {
        let at = order.iter().enumerate().filter(|(_, from)| **from == sender).map(|(at, _)| at);
        let at: Vec<_> = [0].into_iter().chain(at).chain([order.len()]).collect();
        let others = at.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
        assert!(others <= OTHERS, "{sender} waited for {others} messages of others");
        let share = (at.len() - 2) as f64 * f64::from(SENDERS) / order.len() as f64;
        assert!((1.0 / SHARE..=SHARE).contains(&share), "{sender} had {share:.2} of its share");
    }
}

/// Three keep all the room that there is, and the receiver hears of nothing: it has read all.
#[test]
fn who_is_woken_and_never_comes_keeps_nobody_waiting() {
    let (_argod, mut sink, mut crowd) = scene(5);
    for sender in &mut crowd {
        while sender.waits.is_none() {
            sender.go_on();
        }
    }
    let woken = |sender: &Sender| sender.session.word(VIRQS) > 0;
    assert!(!crowd.iter().any(woken));
    assert_eq!(sink.take(), [1, 1, 1]);
    wait_until("all are woken", || crowd.iter().all(woken));
    let rest = RefCell::new((sink, crowd, Vec::new()));
    wait_until("the last two have sent", || {
        let (sink, crowd, senders) = &mut *rest.borrow_mut();
        crowd.iter_mut().skip(3).for_each(Sender::go_on);
        senders.extend(sink.take());
        senders.contains(&4) && senders.contains(&5)
    });
}

/// Some senders, and whom they send to.
fn scene(senders: u16) -> (Argod, Sink, Vec<Sender>) {
    let senders: Vec<_> = (1..=senders).map(|id| (id, format!("sender{id}"))).collect();
    let tables: Vec<_> = senders.iter().map(|(id, name)| (*id, &**name)).collect();
    let sink = "[[domain]]\nid = 100\nname = \"sink\"\nram = \"1MiB\"\n\
                quotas = { waiters = 64 }\n";
    let argod = Argod::start(&(open_system(&tables) + sink));
    let sink = Sink::attach(&argod);
    let crowd = senders.iter().map(|(_, name)| Sender::attach(&argod, name)).collect();
    (argod, sink, crowd)
}

/// Sends one message after the other.
struct Sender {
    session: RawSession,
    queue: GuestQueue,
    sending: Call,
    /// Interrupts that it had when it found no room, if it did.
    waits: Option<u32>,
    virqs: u32,
}

impl Sender {
    fn attach(argod: &Argod, name: &str) -> Self {
        let mut session = RawSession::attach(&argod.socket(name));
        let sending = send_call(&mut session, 9, (SINK, 7), LEN);
        Self { session, queue: GuestQueue::new(0), sending, waits: None, virqs: 0 }
    }

    fn go_on(&mut self) {
        let virqs = self.session.word(VIRQS);
        if let Some(answer) = self.queue.reap(&self.session.whole()) {
            match decode_ret(answer.ret) {
                Err(Errno::EAGAIN) => self.waits = Some(self.virqs),
                answer => assert_eq!(answer, Ok(LEN)),
            }
        }
        if self.queue.in_flight() == 0 && self.waits != Some(virqs) {
            // Seen before the call: an interrupt that comes meanwhile is not missed.
            (self.waits, self.virqs) = (None, virqs);
            assert!(self.queue.submit(&self.session.whole(), &self.sending, 0));
            self.session.ring_doorbell();
        }
    }
}

/// Takes what has come.
struct Sink {
    session: RawSession,
    consumer: Consumer,
}

impl Sink {
    fn attach(argod: &Argod) -> Self {
        let mut session = RawSession::attach(&argod.socket("sink"));
        assert_eq!(register(&mut session, 7, DOMID_ANY, RING_LEN), 0);
        Self { session, consumer: Consumer::new(RingLen::check(RING_LEN).unwrap()) }
    }

    /// From whom, in their order; then those who wait are told that there is room.
    fn take(&mut self) -> Vec<u16> {
        let ram = self.session.memory();
        let ring = ram.part(RING as usize, (RING_HEADER + RING_LEN) as usize).unwrap();
        let mut senders = Vec::new();
        while let Some(message) = self.consumer.peek(&ring).unwrap() {
            senders.push(message.header().source.domain_id);
            self.consumer.consume(&ring, message);
        }
        let notify = call(Op::Notify as u32, [0; 4]);
        assert_eq!(self.session.perform(&notify), Ok(0));
        senders
    }
}
