//! What a domain's weight is worth on a worker that others want, too.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use argo_core::abi::DOMID_ANY;
use argo_core::host::layout::QUEUE_ENTRIES;
use argo_core::host::queue::GuestQueue;
use common::raw::RawSession;
use common::*;

const CONTENDERS: &str = "[[domain]]\nid = 1\nname = \"light\"\nram = \"1MiB\"\nweight = 100\n\
                          [[domain]]\nid = 2\nname = \"heavy\"\nram = \"1MiB\"\nweight = 300\n\
                          [service]\nworkers = 1\nbudget_calls = 4\n";

/// Their messages fit the ring, so that nobody has to take them out.
const ROUNDS: usize = 15;
const RING_LEN: u32 = 256 << 10;
/// A message of 16 bytes with its header.
const MESSAGE: usize = 32;
const MESSAGES_A_ROUND: usize = 2 * QUEUE_ENTRIES as usize;

/// Both have a full queue when the worker begins, and what they send goes to one ring: its order is
/// that of the calls. A round in which the worker was preempted says nothing, since time is what
/// is shared; so it is the middle one of several that counts.
#[test]
fn three_times_the_weight_is_three_times_the_calls() {
    let argod = Argod::start(&(open_system(&[(3, "sink")]) + CONTENDERS));
    let sink = argod.attach("sink");
    assert_eq!(register(&sink, 7, DOMID_ANY, RING_LEN), 0);
    let mut contenders = ["light", "heavy"].map(|name| Contender::attach(&argod, name));
    let mut ratios: Vec<f64> = Vec::new();
    for round in 0..ROUNDS {
        let begins = round * MESSAGES_A_ROUND * MESSAGE;
        let ends = begins + MESSAGES_A_ROUND * MESSAGE;
        stop(&argod);
        contenders.iter_mut().for_each(Contender::fill_queue);
        argod.signal("CONT");
        contenders.iter_mut().for_each(Contender::take_answers);
        ratios.push(ratio(&ring_bytes(&sink, begins as u64, ends - begins)));
    }
    ratios.sort_by(f64::total_cmp);
    assert!((2.0..4.5).contains(&ratios[ROUNDS / 2]), "{ratios:.1?}");
}

/// A guest that keeps its queue full.
struct Contender {
    session: RawSession,
    queue: GuestQueue,
}

impl Contender {
    fn attach(argod: &Argod, name: &str) -> Self {
        let session = RawSession::attach(&argod.socket(name));
        Self { session, queue: GuestQueue::new(0) }
    }

    /// Fills the empty queue, and rings.
    fn fill_queue(&mut self) {
        let sending = send_call(&mut self.session, 9, (3, 7), 16);
        let memory = self.session.whole();
        for tag in 0..QUEUE_ENTRIES.into() {
            assert!(self.queue.submit(&memory, &sending, tag), "call {tag} finds no room");
        }
        self.session.ring_doorbell();
    }

    /// Empties the queue.
    fn take_answers(&mut self) {
        for _ in 0..QUEUE_ENTRIES {
            let answer = loop {
                if let Some(completion) = self.queue.reap(&self.session.whole()) {
                    break completion.ret;
                }
                assert!(!self.session.hung_up(), "the session is over");
                std::thread::yield_now();
            };
            assert_eq!(answer, 16);
        }
    }
}

/// Keeps argod from running: returns when no thread of it does.
fn stop(argod: &Argod) {
    argod.signal("STOP");
    let tasks = format!("/proc/{}/task", argod.process.id());
    wait_until("argod stands still", || {
        let mut threads = std::fs::read_dir(&tasks).unwrap();
        threads.all(|thread| {
            let status = std::fs::read_to_string(thread.unwrap().path().join("status"));
            status.is_ok_and(|status| status.contains("State:\tT"))
        })
    });
}

/// Calls of the heavy domain for each one of the light, up to the heavy's last.
fn ratio(messages: &[u8]) -> f64 {
    let sender = |message: &[u8]| u16::from_le_bytes([message[8], message[9]]);
    let senders: Vec<u16> = messages.chunks(MESSAGE).map(sender).collect();
    let last = senders.iter().rposition(|sender| *sender == 2).unwrap();
    let both = &senders[..last];
    let heavy = both.iter().filter(|sender| **sender == 2).count();
    heavy as f64 / (both.len() - heavy).max(1) as f64
}
