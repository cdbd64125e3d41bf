//! Two domains that have nothing to do with an attack, and must not notice it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use argo_core::abi::{DOMID_ANY, RING_HEADER};
use argo_core::claim::RingLen;
use argo_core::platform::Platform;
use argo_core::ring::Consumer;
use argo_guest::host::HostSession;

use super::rng::Rng;
use super::{Argod, RING, register, send, wait_until};

const PORT: u32 = 7;
const LEN: u32 = 16384;
/// More than a moment's luck.
const SOME: u64 = 50;

/// The domains `left` and `right`, exchanging numbered messages: each has to arrive whole, in
/// order and once.
pub struct Bystanders {
    rounds: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Bystanders {
    pub fn start(argod: &Argod) -> Self {
        let ends = [End::new(argod, "left"), End::new(argod, "right")];
        let (rounds, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (counter, stopped) = (rounds.clone(), stop.clone());
        let thread = std::thread::spawn(move || exchange(ends, &counter, &stopped));
        Self { rounds, stop, thread }
    }

    /// Exchanges that were complete and right.
    pub fn rounds(&self) -> u64 {
        self.rounds.load(Ordering::SeqCst)
    }

    /// Waits until more messages went through.
    pub fn go_on(&self) {
        let before = self.rounds();
        let fine = || self.rounds() >= before + SOME || self.thread.is_finished();
        wait_until("the bystanders exchange messages", fine);
        assert!(!self.thread.is_finished(), "the bystanders failed");
    }

    /// Stops them; how many exchanges there were.
    pub fn finish(self) -> u64 {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().unwrap();
        self.rounds.load(Ordering::SeqCst)
    }
}

fn exchange([mut left, mut right]: [End; 2], rounds: &AtomicU64, stop: &AtomicBool) {
    for number in 0.. {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        left.send(&right, number);
        right.expect(&left, number);
        right.send(&left, number);
        left.expect(&right, number);
        rounds.store(number, Ordering::SeqCst);
    }
}

struct End {
    session: HostSession,
    consumer: Consumer,
    virqs: u32,
}

impl End {
    fn new(argod: &Argod, domain: &str) -> Self {
        let session = argod.attach(domain);
        assert_eq!(register(&session, PORT, DOMID_ANY, LEN), 0);
        Self { session, consumer: Consumer::new(RingLen::check(LEN).unwrap()), virqs: 0 }
    }

    fn send(&self, to: &Self, number: u64) {
        let message = message(self.session.domain().raw(), number);
        let to = (to.session.domain().raw(), PORT);
        assert_eq!(send(&self.session, PORT, to, &message), message.len() as i64);
    }

    /// The only message in the ring is this one, and it was announced.
    fn expect(&mut self, from: &Self, number: u64) {
        let from = from.session.domain().raw();
        let ram = self.session.ram();
        let ring = ram.part(RING as usize, (RING_HEADER + LEN) as usize).unwrap();
        let found = self.consumer.peek(&ring).unwrap().expect("a message");
        let mut bytes = vec![0; found.payload_len() as usize];
        found.copy_to(&ring, &mut bytes);
        assert_eq!(found.header().source.domain_id, from);
        assert!(bytes == message(from, number), "message {number} of domain {from} is corrupt");
        self.consumer.consume(&ring, found);
        assert!(self.consumer.peek(&ring).unwrap().is_none(), "a message too many");
        self.virqs += 1;
        assert_eq!(self.session.events().virq, self.virqs, "one interrupt a message");
    }
}

/// A number, and bytes that follow from it.
pub fn message(from: u16, number: u64) -> Vec<u8> {
    let mut rng = Rng::from_seed(number ^ u64::from(from) << 48);
    let len = rng.below(2000);
    let mut bytes = number.to_le_bytes().to_vec();
    bytes.extend(rng.bytes(len));
    bytes
}
