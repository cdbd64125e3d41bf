//! Attacks by way of doorbells and interrupts.

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use argo_core::abi::{DOMID_ANY, RingHeader};
use rustix::event::epoll;
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno as SystemErrno;
use rustix::net::{RecvFlags, recv};

use crate::common::raw::RawSession;
use crate::common::scene::Scene;
use crate::common::*;

/// More interrupts than a socket holds.
const MANY: u32 = 3000;

#[test]
fn who_never_reads_its_socket_misses_its_own_interrupts_only() {
    let scene = Scene::start();
    let mut guilty = scene.guilty();
    assert_eq!(register(&mut guilty, 7, DOMID_ANY, 4096), 0);
    let other = scene.argod.attach("other");
    for _ in 0..MANY {
        interrupt(&mut guilty, &other);
    }
    let pending = drain(&guilty);
    assert!(0 < pending && pending < MANY, "{pending} interrupts fitted: the socket was not full");
    interrupt(&mut guilty, &other);
    // On a busy machine it comes by the thread for slow sessions, after the send was answered.
    wait_until("there are interrupts again", || drain(&guilty) == 1);
    drop((guilty, other));
    scene.closes();
}

/// Doorbells are shared descriptions: what one side does to them the other has.
#[test]
fn doorbells_that_block_full_or_drained_hold_nobody_up() {
    let scene = Scene::start();
    let mut guilty = scene.guilty();
    for doorbell in &guilty.offer.doorbells {
        let flags = fcntl_getfl(doorbell).unwrap();
        fcntl_setfl(doorbell, flags - OFlags::NONBLOCK).unwrap();
        rustix::io::write(doorbell, &(u64::MAX - 1).to_ne_bytes()).unwrap();
    }
    scene.bystanders.go_on();
    for doorbell in &guilty.offer.doorbells {
        rustix::io::read(doorbell, &mut [0; 8]).unwrap();
    }
    scene.bystanders.go_on();
    assert_eq!(register(&mut guilty, 7, DOMID_ANY, 4096), 0, "and the guilty is served again");
    drop(guilty);
    scene.closes();
}

#[test]
fn a_doorbell_storm_is_muted() {
    let scene = Scene::start();
    let guilty = scene.guilty();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                for doorbell in &guilty.offer.doorbells {
                    let _ = rustix::io::write(doorbell, &1u64.to_ne_bytes());
                }
            }
        });
        scene.bystanders.go_on();
        scene.argod.wait_for("guilty", "it is muted", |domain| domain.mutes > 10);
        scene.bystanders.go_on();
        stop.store(true, Ordering::Relaxed);
    });
    let mut guilty = guilty;
    assert_eq!(register(&mut guilty, 7, DOMID_ANY, 4096), 0, "and is heard again afterwards");
    drop(guilty);
    scene.closes();
}

/// Each interrupt has to walk past 20,000 waiters: too slow for a worker, so it moves to a thread
/// of the guilty's own.
#[test]
fn who_has_many_waiters_on_its_socket_is_interrupted_by_a_thread_of_its_own() {
    let scene = Scene::start_with("[service]\nkick_limit_us = 100\n");
    let mut guilty = scene.guilty();
    assert_eq!(register(&mut guilty, 7, DOMID_ANY, 4096), 0);
    let other = scene.argod.attach("other");
    let interrupt_ns = || scene.argod.domain("guilty").interrupt_ns;
    // An interrupt into a full socket is quick; a byte out of it, and the next one is slow.
    (0..MANY).for_each(|_| interrupt(&mut guilty, &other));
    let waiters = waiters(&guilty, 100, 200);
    let before = interrupt_ns();
    take_one(&guilty);
    interrupt(&mut guilty, &other);
    let slow = interrupt_ns() - before;
    assert!(slow > 100_000, "only {slow} ns");
    // From here on it costs the workers nothing, and is the guilty's to pay all the same.
    let before = interrupt_ns();
    for _ in 0..200 {
        interrupt(&mut guilty, &other);
    }
    scene.bystanders.go_on();
    wait_until("the thread's time is counted", || interrupt_ns() > before);
    let kickers = kickers(&scene);
    assert!(!kickers.is_empty());
    let by_workers = || interrupt_ns().saturating_sub(time_of(&scene, &kickers));
    let (before, begun) = (by_workers(), Instant::now());
    for _ in 0..50 {
        take_one(&guilty);
        (0..100).for_each(|_| interrupt(&mut guilty, &other));
    }
    // A hundredth; twice that, and one slow interrupt to begin with, for what is not exact.
    let most = begun.elapsed().as_nanos() as u64 / 50 + slow;
    let took = by_workers().saturating_sub(before);
    assert!(took < most, "{took} ns of workers, more than {most}");
    drop((waiters, guilty, other));
    // On a loaded machine a bystander may have got one, too: that stays, or comes meanwhile.
    wait_until("the thread goes with its session", || {
        let left = self::kickers(&scene);
        kickers.iter().any(|kicker| !left.contains(kicker))
    });
    scene.closes();
}

/// The threads that interrupt slow sessions, by their numbers.
fn kickers(scene: &Scene) -> Vec<String> {
    let threads = scene.argod.threads().into_iter();
    threads.filter(|(_, name)| name == "argod-kicker").map(|(number, _)| number).collect()
}

/// Processor time of these threads, in nanoseconds.
fn time_of(scene: &Scene, threads: &[String]) -> u64 {
    let time = |thread| {
        let file = format!("/proc/{}/task/{thread}/schedstat", scene.argod.process.id());
        let times = std::fs::read_to_string(file).unwrap();
        times.split(' ').next().unwrap().parse::<u64>().unwrap()
    };
    threads.iter().map(time).sum()
}

/// `watched` copies of the attachment socket in each of so many epoll instances.
fn waiters(guilty: &RawSession, watched: usize, instances: usize) -> (Vec<OwnedFd>, Vec<OwnedFd>) {
    let copy = |_| guilty.raw.socket.try_clone().unwrap();
    let copies: Vec<OwnedFd> = (0..watched).map(copy).collect();
    let watch_all = |_| {
        let instance = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
        for copy in &copies {
            let nothing = epoll::EventData::new_u64(0);
            epoll::add(&instance, copy, nothing, epoll::EventFlags::IN).unwrap();
        }
        instance
    };
    let instances = (0..instances).map(watch_all).collect();
    (copies, instances)
}

/// Has the guilty interrupted: it sleeps, and another domain sends to it. It reads its ring, but
/// never its socket.
fn interrupt(guilty: &mut RawSession, other: &argo_guest::host::HostSession) {
    guilty.arm();
    assert_eq!(send(other, 9, (guilty.id(), 7), &[1; 32]), 32);
    let tx_ptr = std::mem::offset_of!(RingHeader, tx_ptr) as u64;
    let mut tx = [0; 4];
    guilty.memory().read((RING + tx_ptr) as usize, &mut tx).unwrap();
    write(guilty, RING, &tx);
}

/// Takes one interrupt out of the socket.
fn take_one(guilty: &RawSession) {
    assert_eq!(recv(&guilty.raw.socket, &mut [0; 8], RecvFlags::DONTWAIT), Ok((1, 1)));
}

/// Takes the interrupts out of the socket, and counts them.
fn drain(guilty: &RawSession) -> u32 {
    let mut count = 0;
    loop {
        match recv(&guilty.raw.socket, &mut [0; 8], RecvFlags::DONTWAIT) {
            Ok((1, _)) => count += 1,
            Err(SystemErrno::AGAIN) => return count,
            other => panic!("no interrupt: {other:?}"),
        }
    }
}
