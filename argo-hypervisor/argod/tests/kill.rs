//! Processes killed at any moment, under traffic, while a bystander pair loses nothing.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has to stop")]

mod common;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use argo_core::Errno;
use argo_core::abi::{DOMID_ANY, Op, RING_HEADER};
use argo_core::claim::RingLen;
use argo_core::host::attach::{Hello, Sealed};
use argo_core::platform::{Call, Platform, Submission};
use argo_core::ring::Consumer;
use argo_guest::host::HostSession;
use argo_mem::Mapping;
use common::bystanders::Bystanders;
use common::child::{Diary, Hostile, part, wait_for_death};
use common::raw::{Offer, Raw};
use common::rng::Rng;
use common::*;
use zerocopy::IntoBytes;

/// Times `ARGO_EFFORT`.
const KILLS: u32 = 400;
/// Kills before argod's memory is looked at for the first time.
const WARM_UP: u32 = 20;

const VICTIM: u16 = 3;
const SINK: u16 = 4;
const PATIENT: u16 = 5;
const PORT: u32 = 7;
const LEN: u32 = 4096;
const PAYLOAD_BYTES: u32 = 512;
const FLYING: u32 = 8;

/// In the diary: 1 once the child is in the state that its role is about, 2 once it is past it.
const STAGE: usize = 0;
/// In the diary: calls submitted and not reaped.
const IN_FLIGHT: usize = 1;

/// Not a test of its own: the processes that are killed.
#[test]
fn hostile_child() {
    let Some((role, socket, diary)) = part() else { return };
    match role.as_str() {
        "flood" => flood(&attach_when_free(&socket), &diary),
        "changing" => change(&attach_when_free(&socket), &diary),
        "full" => fill(&attach_when_free(&socket), &diary),
        "waiting" => wait_for_room(&attach_when_free(&socket), &diary),
        half => attach_half(half, &socket, &diary),
    }
}

/// Always has messages in flight.
fn flood(guest: &HostSession, diary: &Diary) -> ! {
    assert_eq!(register(guest, PORT, DOMID_ANY, LEN), 0);
    let sending = send_call(guest, 9, (SINK, PORT), PAYLOAD_BYTES);
    keep_flying(guest, &[sending], diary)
}

/// Makes its ring, makes it anew and takes it away, all the time.
fn change(guest: &HostSession, diary: &Diary) -> ! {
    let making = register_call(guest, PORT, DOMID_ANY, LEN);
    let taking = call(Op::UnregisterRing as u32, [ARGS, 0, 0, 0]);
    keep_flying(guest, &[making, making, taking], diary)
}

/// Always has some of these calls in flight.
fn keep_flying(guest: &HostSession, calls: &[Call], diary: &Diary) -> ! {
    let mut calls = calls.iter().cycle();
    let mut flying = 0;
    loop {
        for call in calls.by_ref().take((FLYING - flying) as usize) {
            assert_eq!(guest.submit(call, 0), Ok(Submission::Queued));
            flying += 1;
            diary.set(IN_FLIGHT, flying);
        }
        guest.flush().unwrap();
        diary.set(STAGE, 1);
        let seen = guest.sequence();
        // While results are taken, it is not known how many are: none is claimed.
        diary.set(IN_FLIGHT, 0);
        guest.reap(&mut |_, _| flying -= 1);
        diary.set(IN_FLIGHT, flying);
        if flying == FLYING {
            guest.wait(seen, None).unwrap();
        }
    }
}

/// Has a full ring, and goes on sending to it.
fn fill(guest: &HostSession, diary: &Diary) -> ! {
    assert_eq!(register(guest, PORT, DOMID_ANY, LEN), 0);
    loop {
        if send_some(guest, VICTIM) == Errno::EAGAIN.ret() {
            diary.set(STAGE, 1);
        }
    }
}

/// Waits for room in another's ring.
fn wait_for_room(guest: &HostSession, diary: &Diary) -> ! {
    assert_eq!(send_some(guest, PATIENT), Errno::EAGAIN.ret());
    diary.set(STAGE, 1);
    wait_for_death()
}

/// Gets to some point between Hello and Verdict.
fn attach_half(role: &str, socket: &Path, diary: &Diary) -> ! {
    if role == "greeted" {
        let raw = Raw::connect(socket);
        raw.send(Hello::new(1).as_bytes());
        diary.set(STAGE, 1);
        wait_for_death()
    }
    let (raw, offer) = Raw::offer_when_free(socket);
    diary.set(STAGE, 1);
    if role == "welcomed" {
        wait_for_death()
    }
    let _mapping = seal(&offer);
    raw.send(Sealed::MESSAGE.as_bytes());
    raw.receive::<argo_core::host::attach::Verdict>().unwrap();
    diary.set(STAGE, 2);
    wait_for_death()
}

fn seal(offer: &Offer) -> Mapping {
    let mapping = Mapping::of(&offer.memfd, offer.bytes()).unwrap();
    Mapping::finish_seals(&offer.memfd).unwrap();
    mapping
}

fn send_some(guest: &HostSession, to: u16) -> i64 {
    send(guest, 9, (to, PORT), &[1; PAYLOAD_BYTES as usize])
}

/// What kills have hit.
#[derive(Debug, Default)]
struct Hits {
    calls_in_flight: u32,
    changes_in_flight: u32,
    full_rings: u32,
    others_waiting: u32,
    waiting_themselves: u32,
    half_attached: u32,
}

#[test]
fn kills_at_any_moment_cost_nobody_else_anything() {
    let names = [(1, "left"), (2, "right"), (3, "victim"), (4, "sink"), (5, "patient")];
    let mut argod = Argod::start(&open_system(&names));
    let bystanders = Bystanders::start(&argod);
    let (sink, stop) = (argod.attach("sink"), AtomicBool::new(false));
    let patient = argod.attach("patient");
    // The wall that victims wait at: full, and never read.
    assert_eq!(register(&patient, PORT, DOMID_ANY, LEN), 0);
    while send_some(&patient, PATIENT) > 0 {}
    assert_eq!(register(&sink, PORT, DOMID_ANY, 4 * LEN), 0);

    let begun = Instant::now();
    let (hits, slowest, received) = std::thread::scope(|scope| {
        let reader = scope.spawn(|| read_all(&sink, &stop));
        let _stop = StopOnDrop(&stop);
        let (hits, slowest) = kill_all(&argod, &patient, &bystanders);
        stop.store(true, Ordering::SeqCst);
        (hits, slowest, reader.join().unwrap())
    });
    let exchanges = bystanders.finish();
    println!(
        "in {:.1?} {hits:?}; gone after at most {slowest:.1?}; the victims sent \
         {received} messages, the bystanders exchanged {exchanges}",
        begun.elapsed()
    );
    let of_calls = [hits.calls_in_flight, hits.changes_in_flight];
    let of_waits = [hits.full_rings, hits.others_waiting, hits.waiting_themselves];
    for hit in of_calls.into_iter().chain(of_waits).chain([hits.half_attached]) {
        assert!(hit > 0, "{hits:?}");
    }
    assert!(received > 0 && exchanges > u64::from(KILLS));
    assert!(slowest < Duration::from_secs(1), "{slowest:?} until everything was gone");
    assert!(argod.is_alive());
    effort::ran(effort::cases(KILLS).into(), "processes killed at a known step");
}

fn kill_all(argod: &Argod, patient: &HostSession, bystanders: &Bystanders) -> (Hits, Duration) {
    let mut rng = Rng::new();
    let (mut hits, mut slowest) = (Hits::default(), Duration::ZERO);
    let mut before = argod.footprint();
    for kill in 0..effort::cases(KILLS) {
        if kill == WARM_UP {
            argod.settles_at(before);
            before.private_kib = argod.private_kib();
        }
        let half = rng.one_of(&["greeted", "welcomed", "sealed"]);
        let roles = ["flood", "changing", "full", "waiting", half];
        let role = roles[kill as usize % roles.len()];
        let mut child = Hostile::spawn(role, &argod.socket("victim"));
        child.reaches(STAGE, 1);
        let lost = patient.events().wait_lost;
        let waited = role == "full" && send_some(patient, VICTIM) == Errno::EAGAIN.ret();
        // Somewhere in the next fractions of a millisecond.
        (0..rng.below(20_000)).for_each(|_| std::hint::spin_loop());
        let seen = argod.stat();
        child.kill();
        let killed = Instant::now();
        count(&mut hits, role, &child.diary, &seen);
        argod.wait_for("victim", "everything of it is gone", |victim| {
            victim.sessions.is_empty() && victim.rings.is_empty() && !victim.active
        });
        if waited {
            wait_until("who waited is told", || patient.events().wait_lost == lost + 1);
        }
        argod.wait_for("patient", "it waits no more", |domain| domain.rings[0].waiting == 1);
        slowest = slowest.max(killed.elapsed());
        if kill % 20 == 0 {
            bystanders.go_on();
        }
    }
    argod.settles_at(before);
    (hits, slowest)
}

/// What a kill has hit, by what the child did at its death and what argod saw just before.
fn count(hits: &mut Hits, role: &str, diary: &Diary, seen: &argod::admin::Stat) {
    let rings = |id: u16| seen.domains.iter().find(|domain| domain.id == id).unwrap().rings.iter();
    // One waits in its own ring, too.
    let crowded = |id: u16| rings(id).any(|ring| ring.waiting == 2);
    match role {
        "flood" => hits.calls_in_flight += u32::from(diary.word(IN_FLIGHT) > 0),
        "changing" => hits.changes_in_flight += u32::from(diary.word(IN_FLIGHT) > 0),
        "full" => {
            hits.full_rings += rings(VICTIM)
                .filter(|ring| ring.len - ring.filled < PAYLOAD_BYTES + RING_SLOTS)
                .count() as u32;
            hits.others_waiting += u32::from(crowded(VICTIM));
        }
        "waiting" => hits.waiting_themselves += u32::from(crowded(PATIENT)),
        _ => hits.half_attached += u32::from(diary.word(STAGE) == 1),
    }
}

/// A message's header, and the slot that stays free.
const RING_SLOTS: u32 = 2 * argo_core::abi::SLOT;

/// Reads the sink's ring; how many messages came. Each is whole, whoever was killed.
fn read_all(sink: &HostSession, stop: &AtomicBool) -> u64 {
    let ram = sink.ram();
    let ring = ram.part(RING as usize, (RING_HEADER + 4 * LEN) as usize).unwrap();
    let mut consumer = Consumer::new(RingLen::check(4 * LEN).unwrap());
    let mut received = 0;
    while !stop.load(Ordering::SeqCst) {
        let seen = sink.sequence();
        while let Some(message) = consumer.peek(&ring).unwrap() {
            assert_eq!(message.payload_len(), PAYLOAD_BYTES);
            assert_eq!(message.header().source.domain_id, VICTIM);
            consumer.consume(&ring, message);
            received += 1;
        }
        sink.wait(seen, Some(Duration::from_millis(10))).unwrap();
    }
    received
}

/// Lets the reader end when the test fails.
struct StopOnDrop<'s>(&'s AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}
