//! Readiness, status and signs of life.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use argo_guest::host::HostSession;
use argod::admin::{AdminClient, Request, Stat};
use tempfile::TempDir;

use crate::common::syscalls::HeldThread;
use crate::common::{Killed, open_system};
use crate::manager::{Manager, terminate};

/// How long the manager waits for a sign of life, as argod is told.
const WATCHDOG: Duration = Duration::from_millis(200);

struct Service {
    manager: Manager,
    argod: Killed,
    dir: TempDir,
}

impl Service {
    fn start(change: impl FnOnce(&mut Command)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut manager = Manager::new(dir.path());
        let mut command = Command::new(env!("CARGO_BIN_EXE_argod"));
        command.arg("--config").arg(configuration(dir.path())).stderr(Stdio::null());
        change(&mut command);
        let argod = manager.start(command, dir.path());
        manager.hears("READY=1");
        Self { manager, argod, dir }
    }

    fn watched() -> Self {
        let period = WATCHDOG.as_micros().to_string();
        Self::start(|command| {
            command.env("WATCHDOG_USEC", period);
        })
    }

    fn thread(&self, name: &str) -> i32 {
        let tasks = PathBuf::from(format!("/proc/{}/task", self.argod.0.id()));
        let named = |id: &String| {
            let comm = std::fs::read_to_string(tasks.join(id).join("comm"));
            comm.is_ok_and(|comm| comm.trim_end() == name)
        };
        let ids = std::fs::read_dir(&tasks).unwrap();
        let mut ids = ids.map(|task| task.unwrap().file_name().into_string().unwrap());
        ids.find(named).unwrap().parse().unwrap()
    }
}

fn configuration(dir: &Path) -> PathBuf {
    let file = dir.join("argod.toml");
    let text = open_system(&[(1, "a")]) + "[service]\nworkers = 2\n";
    std::fs::write(&file, format!("runtime_dir = {dir:?}\n{text}")).unwrap();
    file
}

#[test]
fn readiness_is_told_once_administrators_are_answered_and_the_end_when_it_begins() {
    let mut service = Service::start(|_| {});
    let admin = service.dir.path().join("admin.sock");
    let stat: Stat = AdminClient::connect(&admin).unwrap().request(&Request::Stat).unwrap();
    assert_eq!(stat.domains.len(), 1);
    terminate(&service.argod.0);
    service.manager.hears("STOPPING=1");
    assert_eq!(service.argod.0.wait().unwrap().code(), Some(0));
}

#[test]
fn the_status_says_how_many_domains_and_sessions_there_are() {
    let mut service = Service::watched();
    assert_eq!(service.manager.hears("STATUS="), "STATUS=1 domain(s), 0 session(s)");
    let session = HostSession::attach(service.dir.path().join("a.sock")).unwrap();
    assert_eq!(service.manager.hears("STATUS="), "STATUS=1 domain(s), 1 session(s)");
    drop(session);
    assert_eq!(service.manager.hears("STATUS="), "STATUS=1 domain(s), 0 session(s)");
}

#[test]
fn nobody_who_does_not_ask_is_told_of_signs_of_life() {
    let mut service = Service::start(|command| {
        command.env("WATCHDOG_USEC", "1000").env("WATCHDOG_PID", "1");
    });
    assert!(!service.manager.hears_within("WATCHDOG=1", WATCHDOG));
}

#[test]
fn one_thread_that_hangs_ends_the_signs_of_life_and_they_come_again_with_it() {
    let mut service = Service::watched();
    for name in ["worker-0", "worker-1", "reception"] {
        service.manager.hears("WATCHDOG=1");
        let Some(held) = HeldThread::hold(service.thread(name)) else {
            return effort::skipped("holding a thread of argod takes root");
        };
        // What was under way.
        service.manager.hears_within("WATCHDOG=1", WATCHDOG);
        service.manager.forget();
        assert!(!service.manager.hears_within("WATCHDOG=1", 3 * WATCHDOG), "{name} is held");
        drop(held);
        service.manager.hears("WATCHDOG=1");
    }
    terminate(&service.argod.0);
    assert!(service.argod.0.wait().unwrap().success());
}

/// The threads are woken to be asked, and go to sleep again.
#[test]
fn being_asked_costs_an_idle_argod_next_to_nothing() {
    let mut service = Service::watched();
    let before = ticks(service.argod.0.id());
    for _ in 0..20 {
        service.manager.hears("WATCHDOG=1");
    }
    let spent = ticks(service.argod.0.id()) - before;
    assert!(spent <= 10, "{spent} ticks of 10 ms in 2 s");
}

/// User and system time of a process, in hundredths of a second.
fn ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    fields.split(' ').skip(11).take(2).map(|field| field.parse::<u64>().unwrap()).sum()
}
