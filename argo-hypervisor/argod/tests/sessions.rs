//! Several sessions of one domain, several queues of one session, many domains of one argod.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI32, Ordering};

use argo_core::abi::DOMID_ANY;
use argo_core::host::attach::{DOORBELLS_MAX, Hello, Welcome};
use argo_core::host::layout::ARMED;
use argo_core::host::queue::{Completion, GuestQueue};
use argo_core::host::words::Words;
use argo_core::platform::Platform;
use argo_guest::host::HostSession;
use argod::admin::{AdminError, Changed, Request};
use common::raw::{Offer, Raw, RawSession};
use common::*;
use zerocopy::IntoBytes;

const SHARED: &str = "[[domain]]\nid = 2\nname = \"server\"\nram = \"1MiB\"\n\
                      quotas = { sessions = 3 }\n";

#[test]
fn an_interrupt_reaches_every_session_of_its_domain() {
    let argod = Argod::start(&(open_system(&[(1, "client")]) + SHARED));
    let client = argod.attach("client");
    let servers = [(); 3].map(|()| argod.attach("server"));
    assert_eq!(register(&servers[1], 7, DOMID_ANY, 4096), 0);
    assert_eq!(send(&client, 9, (2, 7), b"to one"), 6);
    assert_eq!(servers.each_ref().map(|server| server.events().virq), [1; 3]);
    assert_eq!(ring_bytes(&servers[1], 16, 6), b"to one");
    for other in [0, 2] {
        assert_eq!(ring_bytes(&servers[other], 0, 32), [0; 32], "RAM of a session is its own");
    }
}

#[test]
fn the_end_of_one_session_leaves_the_others_rings() {
    let argod = Argod::start(&(open_system(&[(1, "client")]) + SHARED));
    let client = argod.attach("client");
    let [first, second] = [(); 2].map(|()| argod.attach("server"));
    assert_eq!(register(&first, 7, DOMID_ANY, 4096), 0);
    assert_eq!(register(&second, 8, DOMID_ANY, 4096), 0);
    drop(first);
    argod.wait_for("server", "one session is left", |server| server.sessions.len() == 1);
    assert_eq!(send(&client, 9, (2, 7), b"x"), argo_core::Errno::ECONNREFUSED.ret());
    assert_eq!(send(&client, 9, (2, 8), b"x"), 1);
}

#[test]
fn a_process_that_is_gone_wakes_whom_its_ring_was_for() {
    let argod = Argod::start(&open_system(&[(1, "leaving"), (2, "peer"), (3, "third")]));
    let [leaving, peer, third] = ["leaving", "peer", "third"].map(|domain| argod.attach(domain));
    for _ in ["new", "anew"] {
        assert_eq!(register(&leaving, 7, 2, 4096), 0);
    }
    assert_eq!([&peer, &third].map(|session| session.events().peers_gone), [Some(0); 2]);
    let seen = peer.sequence();
    std::thread::scope(|scope| {
        let sleeper = scope.spawn(|| wait_for_news(&peer, seen));
        wait_until("it sleeps", || peer.control().load(ARMED, Ordering::Acquire) == 1);
        drop(leaving);
        sleeper.join().unwrap();
    });
    argod.wait_for("leaving", "nothing is left", |leaving| !leaving.active);
    let told = [&peer, &third].map(|session| session.events().peers_gone);
    assert_eq!(told, [Some(1), Some(0)]);
}

/// Sleeps until there is news, or too long by the session's own clock.
fn wait_for_news(session: &HostSession, seen: u32) {
    let deadline = session.now() + PATIENCE;
    while session.sequence() == seen {
        let left = deadline.checked_sub(session.now()).unwrap();
        session.wait(seen, Some(left)).unwrap();
    }
}

#[test]
fn a_guest_is_told_which_processor_each_doorbell_wakes() {
    let workers = argod::config::Host::detect().cpus;
    let last = workers.last().unwrap();
    let pinned =
        format!("[[domain]]\nid = 2\nname = \"pinned\"\nram = \"1MiB\"\ncpus = [{last}]\n");
    let argod = Argod::start(&(open_system(&[(1, "free")]) + &pinned));
    let offered = |domain| {
        let Offer { welcome, doorbells, .. } = Raw::connect(&argod.socket(domain)).hello();
        assert_eq!(welcome.doorbells as usize, doorbells.len());
        welcome.cpus[..doorbells.len()].iter().map(|cpu| u32::from(*cpu)).collect::<Vec<_>>()
    };
    let served = workers.len().min(DOORBELLS_MAX as usize);
    assert_eq!(offered("free"), workers[..served]);
    assert_eq!(offered("pinned"), [*last]);
}

#[test]
fn each_queue_of_a_session_has_its_own_answers() {
    let argod = Argod::start(&open_system(&[(1, "self")]));
    let raw = Raw::connect(&argod.socket("self"));
    raw.send(Hello::new(2).as_bytes());
    let (welcome, mut fds) = raw.receive::<Welcome>().unwrap();
    assert_eq!((welcome.errno, welcome.queues), (0, 2));
    let doorbells = fds.split_off(1);
    let mut guest = RawSession::seal(raw, Offer { welcome, memfd: fds.remove(0), doorbells });
    assert_eq!(register(&mut guest, 7, DOMID_ANY, 32768), 0);
    let sending = send_call(&mut guest, 7, (1, 7), 16);
    let bad = call(77, [0; 4]);
    let mut second = GuestQueue::new(1);
    for tag in 0..100 {
        assert!(second.submit(&guest.whole(), &sending, tag));
    }
    // The first queue's call rings for both.
    assert_eq!(guest.perform(&bad), Ok(argo_core::Errno::EOPNOTSUPP.ret()));
    for tag in 0..100 {
        let done = std::cell::RefCell::new(&mut second);
        let answer = std::cell::Cell::new(None);
        wait_until("the second queue is served", || {
            answer.set(done.borrow_mut().reap(&guest.whole()));
            answer.get().is_some()
        });
        assert_eq!(answer.get(), Some(Completion { tag, ret: 16 }));
    }
}

#[test]
fn a_full_queue_does_not_keep_the_others_of_its_session_waiting() {
    let text = open_system(&[(1, "self")]) + "[service]\nworkers = 1\nbudget_calls = 1\n";
    let argod = Argod::start(&text);
    let raw = Raw::connect(&argod.socket("self"));
    raw.send(Hello::new(3).as_bytes());
    let (welcome, mut fds) = raw.receive::<Welcome>().unwrap();
    let doorbells = fds.split_off(1);
    let mut guest = RawSession::seal(raw, Offer { welcome, memfd: fds.remove(0), doorbells });
    assert_eq!(register(&mut guest, 7, DOMID_ANY, 32768), 0);
    let mut sending = send_call(&mut guest, 7, (1, 7), 16);
    let mut queues = [GuestQueue::new(1), GuestQueue::new(2)];
    for (queue, number) in queues.iter_mut().zip(1..) {
        // The message type tells from which queue it came.
        sending.args[3] = number;
        assert!((0..100).all(|tag| queue.submit(&guest.whole(), &sending, tag)));
    }
    // The first queue's call rings for all.
    assert_eq!(guest.perform(&call(77, [0; 4])), Ok(argo_core::Errno::EOPNOTSUPP.ret()));
    argod.wait_for("self", "all were sent", |domain| domain.messages == 200);
    let mut ring = vec![0; 200 * 32];
    guest.memory().read(RING as usize + 64, &mut ring).unwrap();
    let kinds: Vec<u8> = ring.chunks(32).map(|message| message[12]).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == 2).count(), 100);
    assert!(kinds[..10].contains(&1) && kinds[..10].contains(&2), "{kinds:?}");
}

#[test]
fn a_hundred_idle_domains_need_less_than_64_mib_beside_their_ram() {
    let names: Vec<String> = (1..=100).map(|id| format!("d{id}")).collect();
    let domains: Vec<(u16, &str)> = (1..).zip(names.iter().map(String::as_str)).collect();
    let argod = Argod::start(&open_system(&domains));
    let own_kib = || argod.resident_kib() - status_field(argod.process.id(), "RssShmem:");
    let nobody = own_kib();
    let sessions: Vec<_> = names.iter().map(|name| argod.attach(name)).collect();
    let attached = own_kib();
    println!("{nobody} KiB with nobody attached, {attached} KiB with {}", sessions.len());
    assert!(nobody < 64 << 10 && attached < 64 << 10, "{nobody} KiB, {attached} KiB");
}

/// Administrators who make and destroy the same domain at the same time: each answer is true.
#[test]
fn administrators_do_not_get_in_each_others_way() {
    let argod = Argod::start(&open_system(&[(1, "client")]));
    let balance = AtomicI32::new(0);
    let errors = std::sync::Mutex::new(BTreeSet::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut admin = argod.admin();
                let domain = "id = 5\nname = \"late\"\nram = \"1MiB\"\n".to_owned();
                for _ in 0..100 {
                    let requests = [
                        (1, Request::Create { file: None, domain: domain.clone() }),
                        (-1, Request::Destroy { domain: "late".into() }),
                    ];
                    for (change, request) in requests {
                        match admin.request::<Changed>(&request) {
                            Ok(_) => _ = balance.fetch_add(change, Ordering::SeqCst),
                            Err(AdminError::Refused(why)) => _ = errors.lock().unwrap().insert(why),
                            Err(error) => unreachable!("{error}"),
                        }
                    }
                }
            });
        }
    });
    let errors = errors.into_inner().unwrap();
    let expected = ["there is a domain 5 already: late", "there is no domain \"late\""];
    assert!(errors.iter().all(|error| expected.contains(&error.as_str())), "{errors:?}");
    let there = argod.stat().domains.iter().filter(|domain| domain.id == 5).count();
    assert_eq!(i32::try_from(there), Ok(balance.into_inner()));
    assert_eq!(exists(&argod.socket("late")), there == 1);
}
