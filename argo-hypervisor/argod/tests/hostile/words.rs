//! Attacks by what stands in shared memory.

use std::sync::atomic::{AtomicBool, Ordering};

use argo_core::Errno;
use argo_core::abi::{DOMID_ANY, Op};
use argo_core::host::layout::{
    ARMED, DOORBELL_ARMED, PEERS_GONE, QUEUE_ENTRIES, QueueLayout, SEQUENCE, SLOT_BYTES,
    SPACE_WANTED, VIRQS, WAITS_LOST,
};
use argo_core::host::queue::{LINK, Slot};
use argo_core::host::words::Words;
use zerocopy::IntoBytes;

use crate::common::raw::RawSession;
use crate::common::rng::Rng;
use crate::common::scene::Scene;
use crate::common::*;

const QUEUE: QueueLayout = QueueLayout::new(0);

#[test]
fn a_submission_index_that_lies_ends_its_session() {
    let scene = Scene::start();
    for lie in [QUEUE_ENTRIES + 2, u32::MAX, 1 << 31, 1 << 16] {
        let mut guilty = RawSession::attach_when_free(&scene.argod.socket("guilty"));
        assert_eq!(register(&mut guilty, 7, DOMID_ANY, 4096), 0);
        guilty.claim_submitted(lie);
        guilty.wait_for_hang_up();
        scene.argod.wait_for("guilty", "the session is gone", |domain| {
            domain.sessions.is_empty() && domain.rings.is_empty()
        });
    }
    scene.closes();
}

/// argod copies each slot once: what another thread makes of it meanwhile is one call or another.
#[test]
fn slots_that_change_while_argod_reads_are_some_call() {
    let scene = Scene::start();
    let mut rng = Rng::new();
    let guilty = scene.guilty();
    let stop = AtomicBool::new(false);
    let rounds = 200;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let slot = QUEUE.slot(rng.below(QUEUE_ENTRIES as usize) as u32);
                guilty.whole().write(slot as usize, &some_slot(&mut rng)).unwrap();
            }
        });
        for round in 1..=rounds {
            guilty.claim_submitted(round * QUEUE_ENTRIES);
            wait_until("all are answered", || {
                guilty.word(QUEUE.completed()) == round * QUEUE_ENTRIES
            });
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(!guilty.hung_up(), "the queue's rules were kept");
    assert!(scene.argod.domain("guilty").refused.values().sum::<u64>() > 100);
    drop(guilty);
    scene.closes();
}

#[test]
fn words_of_the_session_page_may_be_anything() {
    let scene = Scene::start();
    let mut guilty = scene.guilty();
    assert_eq!(register(&mut guilty, 7, DOMID_ANY, 4096), 0);
    let other = scene.argod.attach("other");
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut rng = Rng::new();
            while !stop.load(Ordering::Relaxed) {
                let events = [VIRQS, WAITS_LOST, SPACE_WANTED, PEERS_GONE];
                for word in events.into_iter().chain([SEQUENCE, ARMED, DOORBELL_ARMED]) {
                    guilty.set_word(word, rng.number() as u32);
                }
                guilty.ring_doorbell();
            }
        });
        let again = Errno::EAGAIN.ret();
        for _ in 0..2000 {
            let sent = send(&other, 9, (3, 7), &[1; 64]);
            assert!(sent == 64 || sent == again, "{sent}");
        }
        scene.bystanders.go_on();
        stop.store(true, Ordering::Relaxed);
    });
    let mut guilty = guilty;
    assert_eq!(register(&mut guilty, 8, DOMID_ANY, 4096), 0, "the session goes on");
    drop((guilty, other));
    scene.closes();
}

/// Random bytes in every part of the memory, and calls on them.
#[test]
fn random_bytes_anywhere_cost_at_most_the_session() {
    let scene = Scene::start();
    let mut rng = Rng::new();
    let other = scene.argod.attach("other");
    assert_eq!(register(&other, 7, DOMID_ANY, 4096), 0);
    let socket = scene.argod.socket("guilty");
    let mut guilty = RawSession::attach_when_free(&socket);
    let (mut ended, mut submitted) = (0, 0u32);
    for _ in 0..4000 {
        scribble(&guilty, &mut rng);
        let slot = QUEUE.slot(submitted);
        guilty.whole().write(slot as usize, &some_slot(&mut rng)).unwrap();
        submitted = submitted.wrapping_add(1);
        guilty.claim_submitted(submitted);
        send(&other, 9, (3, 7), &[1; 100]);
        if rng.below(100) == 0 {
            guilty.claim_submitted(submitted.wrapping_add(1 << 31 | rng.number() as u32));
            guilty.wait_for_hang_up();
        }
        if guilty.hung_up() {
            ended += 1;
            submitted = 0;
            drop(guilty);
            guilty = RawSession::attach_when_free(&socket);
        }
    }
    let refused = scene.argod.domain("guilty").refused;
    println!("{ended} sessions ended; refused: {refused:?}");
    assert!(ended > 0 && refused.values().sum::<u64>() > 100);
    drop((guilty, other));
    scene.closes();
}

/// Puts random bytes somewhere.
fn scribble(guilty: &RawSession, rng: &mut Rng) {
    let control = guilty.offer.welcome.control_bytes as usize;
    let somewhere = |rng: &mut Rng, at: usize, len: usize| at + rng.below(len / 16) * 16;
    let at = match rng.below(100) {
        0..20 => somewhere(rng, 64, 4000),
        20..50 => control + RING as usize,
        50..70 => control + somewhere(rng, ARGS as usize, 64),
        70..90 => control + somewhere(rng, LIST as usize, 256),
        _ => control + somewhere(rng, 4096, 0x20000),
    };
    let len = 4 * (1 + rng.below(4));
    guilty.whole().write(at, &rng.bytes(len)).unwrap();
    if rng.below(10) == 0 {
        guilty.whole().fence();
        repair(guilty);
    }
}

/// Arguments that make sense, so that some calls get further than their first check.
fn repair(guilty: &RawSession) {
    let control = guilty.offer.welcome.control_bytes as usize;
    let ring = argo_core::abi::RegisterRing { aport: 7, partner_id: DOMID_ANY, pad: 0, len: 4096 };
    guilty.whole().write(control + ARGS as usize, ring.as_bytes()).unwrap();
    let pages = [RING / 4096, RING / 4096 + 1].map(u64::to_le_bytes).concat();
    guilty.whole().write(control + LIST as usize, &pages).unwrap();
}

/// A slot like a call's, wrong in some way or none.
fn some_slot(rng: &mut Rng) -> [u8; SLOT_BYTES as usize] {
    let mut slot = Slot { cmd: rng.below(6) as u32, tag: rng.number(), ..Slot::default() };
    let register = [ARGS, LIST, 2, 0];
    slot.args = match rng.below(4) {
        0 => register,
        1 => [ARGS, LIST, 1 + rng.number() % 8, 0],
        2 => [ARGS + rng.number() % 64, LIST, rng.number() % 5000, rng.number() % 2],
        _ => [rng.number(), rng.number(), rng.number(), rng.number()],
    };
    slot.flags = match rng.below(8) {
        0 => LINK,
        1 => rng.number() as u32,
        _ => 0,
    };
    slot.reserved[0] = if rng.below(16) == 0 { rng.number() } else { 0 };
    if rng.below(4) == 0 {
        slot.cmd = Op::RegisterRing as u32;
        slot.args = register;
    }
    let mut bytes = [0; SLOT_BYTES as usize];
    bytes.copy_from_slice(slot.as_bytes());
    bytes
}
