//! argod's doorkeeper, short of something, killed, or not heard.

use std::fs;
use std::path::Path;

use argo_core::abi::DOMID_ANY;
use argo_core::platform::Platform as _;
use argod::admin::{AdminError, Changed, Reloaded, Request};
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

use crate::common::{Argod, open_system, register, send, wait_until};
use crate::strace::{self, Fault, Tracing};

const ENDED: &str = "argod's doorkeeper has ended";

fn argod() -> Argod {
    Argod::start(&format!("cage = \"require\"\n{}", open_system(&[(1, "guest")])))
}

fn doorkeeper(argod: &Argod) -> u32 {
    let pid = argod.process.id();
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    children.trim().parse().unwrap()
}

fn said(error: AdminError) -> String {
    match error {
        AdminError::Refused(text) => text,
        other => panic!("{other}"),
    }
}

fn reload(argod: &Argod) -> Result<Reloaded, String> {
    argod.admin().request(&Request::Reload).map_err(said)
}

fn create(argod: &Argod, id: u16, name: &str) -> Result<Changed, String> {
    let domain = format!("id = {id}\nname = \"{name}\"\nram = \"1MiB\"\n");
    argod.admin().request(&Request::Create { file: None, domain }).map_err(said)
}

/// Each domain's socket is its own.
fn attach_as_themselves(argod: &Argod, domains: &[(u16, &str)]) {
    for (id, name) in domains {
        assert_eq!(argod.attach(name).domain().raw(), *id, "{name}");
    }
}

#[test]
fn an_answer_that_argod_does_not_hear_is_nobody_elses() {
    if !strace::is_there() {
        return;
    }
    // The reload is answered by a thread of its own: its first call is the one that fails.
    for fault in [Fault::new("recvmsg", "ENOMEM", 1), Fault::new("sendmsg", "ENOBUFS", 1)] {
        let argod = argod();
        let tracing = Tracing::start(argod.process.id(), &fault, argod.dir.path());
        let refused = reload(&argod).unwrap_err();
        assert!(refused.contains("doorkeeper") && tracing.has_injected(), "{fault}: {refused}");
        drop(tracing);
        create(&argod, 2, "second").unwrap();
        create(&argod, 3, "third").unwrap();
        attach_as_themselves(&argod, &[(1, "guest"), (2, "second"), (3, "third")]);
        reload(&argod).unwrap();
    }
}

#[test]
fn a_doorkeeper_that_is_refused_something_refuses_that_and_goes_on() {
    if !strace::is_there() {
        return;
    }
    for fault in [Fault::new("sendmsg", "ENOBUFS", 1), Fault::new("recvmsg", "ENOMEM", 2)] {
        let argod = argod();
        let tracing = Tracing::start(doorkeeper(&argod), &fault, argod.dir.path());
        for _ in 0..2 {
            let created = create(&argod, 2, "second");
            println!("{fault}: {created:?}");
            if created.is_ok() {
                let destroy = Request::Destroy { domain: "second".to_owned() };
                let _: Changed = argod.admin().request(&destroy).unwrap();
            }
            assert!(!argod.socket("second").exists());
        }
        assert!(tracing.has_injected(), "{fault}");
        drop(tracing);
        create(&argod, 2, "second").unwrap();
        attach_as_themselves(&argod, &[(1, "guest"), (2, "second")]);
    }
}

#[test]
fn a_file_that_may_not_grow_is_one_requests_error() {
    let argod = argod();
    let keeper = Pid::from_raw(doorkeeper(&argod) as i32);
    let maximum = getrlimit(Resource::Fsize).maximum;
    prlimit(keeper, Resource::Fsize, Rlimit { current: Some(0), maximum }).unwrap();
    let refused = reload(&argod).unwrap_err();
    assert!(refused.contains("File too large"), "{refused}");
    prlimit(keeper, Resource::Fsize, Rlimit { current: None, maximum }).unwrap();
    reload(&argod).unwrap();
}

#[test]
fn a_doorkeeper_that_was_killed_is_missed_at_once_and_those_inside_go_on() {
    let argod = argod();
    let session = argod.attach("guest");
    assert_eq!(register(&session, 7, DOMID_ANY, 4096), 0);
    let keeper = doorkeeper(&argod).to_string();
    let kill = std::process::Command::new("kill").args(["-KILL", &keeper]).status();
    assert!(kill.unwrap().success());
    wait_until("the log says so", || {
        fs::read_to_string(argod.path("log")).unwrap().contains(ENDED)
    });
    wait_until("it is waited for", || !Path::new("/proc").join(&keeper).exists());
    assert!(create(&argod, 2, "second").unwrap_err().contains(ENDED));
    assert!(reload(&argod).unwrap_err().contains(ENDED));
    assert_eq!(send(&session, 7, (1, 7), b"through"), 7);
    assert_eq!(fs::read_to_string(argod.path("log")).unwrap().matches("until argod").count(), 1);
}
