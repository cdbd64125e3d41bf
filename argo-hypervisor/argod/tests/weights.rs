//! What a domain's weight is worth on a worker that others want, too.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use argo_core::abi::{DOMID_ANY, Op, RingData};
use argo_core::host::layout::QUEUE_ENTRIES;
use argo_core::host::queue::GuestQueue;
use argo_core::platform::Call;
use common::raw::RawSession;
use common::*;
use zerocopy::IntoBytes;

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

/// Name and weight of domains that all want the same worker.
const FLOODERS: [(&str, u32); 3] = [("small", 100), ("medium", 200), ("large", 400)];
/// How far a domain's part of the worker's time may be off, of what its weight is worth.
const TOLERANCE: f64 = 0.1;
/// Of a call: as many as Xen allows.
const ENTRIES: u32 = 256;
/// What a worker does between two looks at the accounts, in nanoseconds.
const SPAN: u64 = 50_000_000;
/// What has to be seen of contention, and how often that is tried.
const CONTENDED: u64 = 1_000_000_000;
const TRIES: usize = 500;

/// By argod's accounts, which are in processor time; and only what was accounted while each of them
/// had calls waiting all the time counts. So neither a busy machine nor a slow guest changes the shares.
#[test]
fn who_floods_gets_of_a_worker_what_its_weight_is_worth() {
    let table = |(id, (name, weight)): (usize, (&str, u32))| {
        format!("[[domain]]\nid = {id}\nname = \"{name}\"\nram = \"1MiB\"\nweight = {weight}\n")
    };
    let tables: String = (1..).zip(FLOODERS).map(table).collect();
    let service = "[service]\nworkers = 1\nbudget_calls = 4\n";
    let argod = Argod::start(&(open_system(&[]) + &tables + service));
    let mut flooders = FLOODERS.map(|(name, _)| Flooder::attach(&argod, name));
    let mut had = [0; 3];
    for _ in 0..TRIES {
        if had.iter().sum::<u64>() >= CONTENDED {
            break;
        }
        if let Some(more) = contend(&argod, &mut flooders) {
            had.iter_mut().zip(more).for_each(|(had, more)| *had += more);
        }
    }
    let all: u64 = had.iter().sum();
    assert!(all >= CONTENDED, "they seldom had calls waiting: {had:?}");
    let weights = FLOODERS.map(|(_, weight)| f64::from(weight));
    for (had, weight) in had.into_iter().zip(weights) {
        let fair = all as f64 * weight / weights.iter().sum::<f64>();
        let off = (had as f64 / fair - 1.0).abs();
        assert!(off <= TOLERANCE, "weight {weight}: {had} of {all} ns, {fair:.0} would be fair");
    }
}

/// What each domain has for a while. `None`: one of them had no call waiting at some moment.
fn contend(argod: &Argod, flooders: &mut [Flooder; 3]) -> Option<[u64; 3]> {
    flooders.iter_mut().for_each(|flooder| _ = flooder.top_up());
    let before = accounts(argod);
    loop {
        let all_had_calls = flooders.iter_mut().all(Flooder::top_up);
        let now = accounts(argod);
        if !all_had_calls || !flooders.iter_mut().all(Flooder::top_up) {
            return None;
        }
        let had = [0, 1, 2].map(|at| now[at] - before[at]);
        if had.iter().sum::<u64>() >= SPAN {
            return Some(had);
        }
    }
}

fn accounts(argod: &Argod) -> [u64; 3] {
    let domains = argod.stat().domains;
    FLOODERS.map(|(name, _)| {
        let domain = domains.iter().find(|domain| domain.name == name).unwrap();
        domain.time_ns() - domain.attachment_ns
    })
}

/// A guest that has a queue full of calls that take long.
struct Flooder {
    session: RawSession,
    queue: GuestQueue,
    asking: Call,
}

impl Flooder {
    fn attach(argod: &Argod, name: &str) -> Self {
        let session = RawSession::attach(&argod.socket(name));
        // All entries are zeros: about a ring that is not there.
        let head = RingData { nent: ENTRIES, pad: 0 };
        session.memory().write(PAYLOAD as usize, head.as_bytes()).unwrap();
        let asking = call(Op::Notify as u32, [PAYLOAD, 0, 0, 0]);
        Self { session, queue: GuestQueue::new(0), asking }
    }

    /// Fills the queue. `false`: there was nothing in it.
    fn top_up(&mut self) -> bool {
        let memory = self.session.whole();
        while let Some(completion) = self.queue.reap(&memory) {
            assert_eq!(completion.ret, 0);
        }
        let had_calls = self.queue.in_flight() > 0;
        while self.queue.submit(&memory, &self.asking, 0) {}
        if !had_calls {
            self.session.ring_doorbell();
        }
        had_calls
    }
}
