//! argod in service, short of descriptors or interrupted all the time.

use std::os::unix::net::UnixStream;
use std::time::Duration;

use argo_core::abi::DOMID_ANY;
use argo_guest::host::{AttachOptions, HostSession};
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

use crate::common::scene::Scene;
use crate::common::{Argod, open_system, register, send, wait_until};
use crate::strace::{self, Fault, Tracing};

/// Descriptors that argod has left.
const FEW: u64 = 3;
/// Connections that nobody says anything on: fewer than argod serves at a time.
const IDLE: usize = 8;
const WATCHED: Duration = Duration::from_millis(800);
/// Three sockets, ten times a second each; twice that.
const TRIES_MAX: usize = 48;
const STOPS: u32 = 100;
/// Exchanges of messages under strace, which makes each call of argod slow.
const ROUNDS: u64 = 10;

#[test]
fn out_of_descriptors_argod_serves_who_is_there_and_waits_without_spinning() {
    let dir = tempfile::tempdir().unwrap();
    let metrics = format!("[metrics]\nsocket = {:?}\n", dir.path().join("metrics.sock"));
    let system = open_system(&[(1, "left"), (2, "right"), (3, "late")]) + &metrics;
    let argod = Argod::start_in(dir, &system);
    let [left, right] = ["left", "right"].map(|name| argod.attach(name));
    assert_eq!(register(&right, 7, DOMID_ANY, 65536), 0);

    leave_descriptors(&argod, FEW);
    let waiting: Vec<_> = ["admin.sock", "metrics.sock"]
        .iter()
        .flat_map(|name| (0..IDLE).map(|_| UnixStream::connect(argod.path(name)).unwrap()))
        .collect();
    let options =
        AttachOptions { patience: Duration::from_millis(500), ..AttachOptions::default() };
    assert!(HostSession::attach_with(argod.socket("late"), &options).is_err());
    assert_eq!(send(&left, 7, (2, 7), b"meanwhile"), 9);
    tries_now_and_then(&argod);

    drop(waiting);
    wait_until("administrators are served", || {
        argod.admin().request::<serde_json::Value>(&argod::admin::Request::Stat).is_ok()
    });
    leave_descriptors(&argod, 100);
    drop(argod.attach("late"));
    assert_eq!(send(&left, 7, (2, 7), b"after"), 5);
}

/// Limits argod's descriptors to so many more than it has.
fn leave_descriptors(argod: &Argod, count: u64) {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let limit = Rlimit { current: Some(argod.descriptors() as u64 + count), maximum };
    prlimit(Pid::from_raw(argod.process.id() as i32), Resource::Nofile, limit).unwrap();
}

/// argod looks for a descriptor, but does nothing else.
fn tries_now_and_then(argod: &Argod) {
    let spent = processor_time(argod, WATCHED);
    assert!(spent < WATCHED / 4, "{spent:?} of {WATCHED:?} for nothing");
    if strace::is_there() {
        let accepting = Tracing::watch(argod.process.id(), "accept4", argod.dir.path());
        std::thread::sleep(WATCHED);
        let tries = accepting.failed("EMFILE");
        assert!((1..TRIES_MAX).contains(&tries), "{tries} tries in {WATCHED:?}");
    }
}

/// What argod needs of the processor in this time, while nobody asks anything.
fn processor_time(argod: &Argod, while_: Duration) -> Duration {
    let used = || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", argod.process.id())).unwrap();
        let fields = stat.rsplit_once(')').unwrap().1.split_whitespace();
        let ticks: u64 = fields.skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
        Duration::from_secs(ticks) / rustix::param::clock_ticks_per_second() as u32
    };
    let before = used();
    std::thread::sleep(while_);
    used() - before
}

#[test]
fn interrupted_system_calls_are_nobodys_loss() {
    if !strace::is_there() {
        return;
    }
    let scene = Scene::start();
    for call in ["epoll_pwait", "ppoll"] {
        // Of each thread the first, the third and so on. Not for ever: strace must not let go of one
        // in the middle of it.
        let fault = Fault::new(call, "EINTR", "1..9+2");
        let argod = &scene.argod;
        let tracing = Tracing::start(argod.process.id(), &fault, argod.dir.path());
        for _ in 0..3 {
            drop(argod.attach("guilty"));
            let before = scene.bystanders.rounds();
            wait_until(call, || scene.bystanders.rounds() >= before + ROUNDS);
        }
        assert!(tracing.has_injected(), "{fault}");
    }
    scene.closes();
}

#[test]
fn stopped_and_continued_argod_goes_on() {
    let scene = Scene::start();
    for _ in 0..effort::cases(STOPS) {
        scene.argod.signal("STOP");
        scene.argod.signal("CONT");
    }
    drop(scene.argod.attach("guilty"));
    scene.closes();
    effort::ran(effort::cases(STOPS).into(), "stops of argod in traffic");
}
