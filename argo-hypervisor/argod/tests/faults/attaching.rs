//! A process attaches, and the system refuses argod something meanwhile; two others exchange
//! messages all the time.

use std::time::Duration;

use argo_core::abi::DOMID_ANY;
use argo_core::platform::Platform;
use argo_guest::host::{AttachOptions, HostSession};
use rustix::process::{Pid, Resource, Rlimit, prlimit};

use crate::common::scene::Scene;
use crate::common::{Argod, open_system, register, send, status_field};
use crate::strace::{self, Fault, Tracing};

/// What the thread of an attachment calls, and what Linux may answer.
const CALLS: [(&str, &str); 17] = [
    ("accept4", "EMFILE"),
    ("accept4", "ENFILE"),
    ("accept4", "ENOBUFS"),
    ("accept4", "ECONNABORTED"),
    ("getsockopt", "ENOBUFS"),
    ("getsockopt", "EMFILE"),
    ("ppoll", "EINTR"),
    ("ppoll", "ENOMEM"),
    ("memfd_create", "ENFILE"),
    ("ftruncate", "ENOSPC"),
    ("fcntl", "ENOMEM"),
    ("fstat", "EIO"),
    ("eventfd2", "EMFILE"),
    ("open", "EMFILE"),
    ("sendmsg", "ENOBUFS"),
    ("madvise", "ENOMEM"),
    ("mlock", "ENOMEM"),
];
/// How often each is called at most.
const TIMES: u32 = 4;
const CASES: u32 = 40;

const PATIENCE: Duration = Duration::from_secs(1);

#[test]
fn an_attachment_fails_alone_whatever_the_system_refuses() {
    if !strace::is_there() {
        return;
    }
    let scene = Scene::start();
    let all = |(call, errno): (&str, &'static str)| {
        (1..=TIMES).map(move |when| Fault::new(call, errno, when)).collect::<Vec<_>>()
    };
    let all = CALLS.into_iter().flat_map(all).collect();
    let faults = strace::sample(all, effort::cases(CASES));
    let met = faults.iter().filter(|fault| attach_with(&scene, fault)).count();
    assert!(met > faults.len() / 4, "only {met} faults were met");
    scene.closes();
    effort::ran(met as u64, "attachments during which a system call failed");
}

/// `true`: the fault was met.
fn attach_with(scene: &Scene, fault: &Fault) -> bool {
    let argod = &scene.argod;
    let tracing = Tracing::start(argod.process.id(), fault, argod.dir.path());
    let attached = attach(argod);
    let met = tracing.has_injected();
    println!("{fault}: {met}, {:?}", attached.as_ref().map(|_| "attached"));
    match attached {
        Ok(session) => works(&session),
        Err(error) => assert!(met && is_told(fault, &error), "{error:?}"),
    }
    drop(tracing);
    scene.bystanders.go_on();
    argod.wait_for("guilty", "nothing of it is left", |guilty| {
        guilty.sessions.is_empty() && guilty.rings.is_empty() && !guilty.active
    });
    works(&argod.attach("guilty"));
    met
}

/// The process hears from argod what failed, if it could be accepted and told at all.
fn is_told(fault: &Fault, error: &str) -> bool {
    match &*fault.call {
        "accept4" => error.contains("no answer"),
        // Refused before what it said was read: it may see the end first.
        "getsockopt" | "ppoll" => error.contains(": "),
        _ => error.contains("refused by argod: "),
    }
}

fn attach(argod: &Argod) -> Result<HostSession, String> {
    let options = AttachOptions { patience: PATIENCE, ..AttachOptions::default() };
    HostSession::attach_with(argod.socket("guilty"), &options).map_err(|error| error.to_string())
}

/// It sends to itself.
fn works(session: &HostSession) {
    assert_eq!(register(session, 7, DOMID_ANY, 4096), 0);
    assert_eq!(send(session, 7, (session.domain().raw(), 7), b"through"), 7);
}

#[test]
fn without_address_space_an_attachment_is_refused_and_those_before_it_go_on() {
    let table = "[[domain]]\nid = 9\nname = \"large\"\nram = \"256MiB\"\n";
    let argod = Argod::start(&(open_system(&[(3, "guilty")]) + table));
    let guest = argod.attach("guilty");
    works(&guest);
    // What a thread needs, and the heap; not the RAM of the large domain.
    let pid = argod.process.id();
    let limit = (status_field(pid, "VmSize:") << 10) + (200 << 20);
    let limit = Rlimit { current: Some(limit), maximum: None };
    prlimit(Pid::from_raw(pid as i32), Resource::As, limit).unwrap();
    for _ in 0..3 {
        let Err(error) = HostSession::attach(argod.socket("large")) else { panic!("attached") };
        let error = error.to_string();
        assert!(error.contains("mapping of") && error.contains("memory"), "{error}");
        assert_eq!(send(&guest, 7, (3, 7), b"through"), 7);
    }
    prlimit(Pid::from_raw(pid as i32), Resource::As, Rlimit { current: None, maximum: None })
        .unwrap();
    works(&argod.attach("large"));
}
