//! argod from the outside: sessions, messages, death, restart.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::atomic::Ordering;

use argo_core::Errno;
use argo_core::abi::{DOMID_ANY, Op};
use argo_core::host::layout::DOORBELL_ARMED;
use argo_core::host::queue::Completion;
use argo_core::host::words::Words;
use argo_core::platform::{Link, Platform, Submission};
use argo_guest::host::HostSession;
use argod::admin::{Changed, Request};
use common::*;

#[test]
fn a_message_goes_from_one_process_memory_to_another() {
    let argod = Argod::start(&open_system(&[(1, "client"), (2, "server")]));
    let (client, server) = (argod.attach("client"), argod.attach("server"));
    assert_eq!(register(&server, 7, DOMID_ANY, 4096), 0);
    let before = server.events();
    assert_eq!(send(&client, 9, (2, 7), b"hello"), 5);
    assert_eq!(server.events().virq, before.virq + 1);
    let message = ring_bytes(&server, 0, 21);
    assert_eq!(&message[16..], b"hello");
    assert_eq!(message[..4], 21u32.to_le_bytes());
    assert_eq!(message[4..10], [9, 0, 0, 0, 1, 0]);
}

#[test]
fn nothing_is_allowed_that_is_not_stated() {
    let text = open_system(&[(1, "client"), (2, "server")]);
    let (open, _) = text.rsplit_once("[[policy]]").unwrap();
    let argod = Argod::start(open);
    let (client, server) = (argod.attach("client"), argod.attach("server"));
    assert_eq!(register(&server, 7, DOMID_ANY, 4096), 0);
    assert_eq!(send(&client, 9, (2, 7), b"hello"), Errno::EACCES.ret());
    assert_eq!(ring_bytes(&server, 0, 16), [0; 16]);
    assert_eq!(server.events().virq, 0);
    let stat = argod.domain("client");
    assert_eq!((stat.messages, stat.denied.get("send")), (0, Some(&1)));
    assert_eq!(argod.stat().refusals[0].cause, "no rule");
}

#[test]
fn a_domain_without_session_has_no_argo_state() {
    let argod = Argod::start(&open_system(&[(1, "client"), (2, "server")]));
    let client = argod.attach("client");
    assert_eq!(send(&client, 9, (2, 7), b"x"), Errno::ECONNREFUSED.ret());
    let server = argod.attach("server");
    assert_eq!(register(&server, 7, DOMID_ANY, 4096), 0);
    assert_eq!(send(&client, 9, (2, 7), b"x"), 1);
    drop(server);
    argod.wait_for("server", "the session ends", |server| !server.active);
    assert_eq!(send(&client, 9, (2, 7), b"x"), Errno::ECONNREFUSED.ret());
    assert!(argod.domain("server").rings.is_empty());
    let server = argod.attach("server");
    assert_eq!(ring_bytes(&server, 0, 64), [0; 64], "RAM is fresh");
    assert_eq!(register(&server, 7, DOMID_ANY, 4096), 0);
    assert_eq!(send(&client, 9, (2, 7), b"x"), 1);
}

#[test]
fn one_session_too_many_is_told_who_holds_the_place() {
    let argod = Argod::start(&open_system(&[(1, "client")]));
    let held = argod.attach("client");
    let refused = HostSession::attach(argod.socket("client")).err().unwrap().to_string();
    assert!(refused.contains(&format!("pid {}", std::process::id())), "{refused}");
    drop(held);
    argod.wait_for("client", "the place is free", |client| client.sessions.is_empty());
    drop(argod.attach("client"));
}

#[test]
fn many_calls_in_flight_are_answered_in_order() {
    let argod = Argod::start(&open_system(&[(1, "self")]));
    let guest = argod.attach("self");
    assert_eq!(register(&guest, 7, DOMID_ANY, 32768), 0);
    write(&guest, PAYLOAD, &[1; 64]);
    let sending = send_call(&guest, 7, (1, 7), 64);
    for tag in 0..200 {
        assert_eq!(guest.submit(&sending, tag), Ok(Submission::Queued));
    }
    guest.flush().unwrap();
    assert_eq!(
        reap(&guest, 200),
        (0..200).map(|tag| Completion { tag, ret: 64 }).collect::<Vec<_>>()
    );
}

#[test]
fn a_receiver_is_told_of_16_messages_at_a_time_and_the_sender_of_its_whole_chain() {
    let argod = Argod::start(&open_system(&[(1, "client"), (2, "server")]));
    let (client, server) = (argod.attach("client"), argod.attach("server"));
    assert_eq!(register(&server, 7, DOMID_ANY, 32768), 0);
    let rests = || client.control().load(DOORBELL_ARMED, Ordering::Acquire) == 1;
    wait_until("nobody watches the sender", rests);
    let (told, answered) = (server.events().virq, client.sequence());
    for tag in 1..=128 {
        let link = if tag == 128 { Link::None } else { Link::Next };
        let call = argo_core::platform::Call { link, ..send_call(&client, 7, (2, 7), 64) };
        assert_eq!(client.submit(&call, tag), Ok(Submission::Queued));
    }
    client.flush().unwrap();
    assert_eq!(reap(&client, 128).len(), 128);
    assert_eq!(server.events().virq - told, 128 / 16);
    wait_until("the sender is told", || client.sequence() != answered);
    assert_eq!(client.sequence() - answered, 1);
}

#[test]
fn a_failed_call_cancels_the_rest_of_its_chain_only() {
    let argod = Argod::start(&open_system(&[(1, "self")]));
    let guest = argod.attach("self");
    assert_eq!(register(&guest, 7, DOMID_ANY, 4096), 0);
    let good = send_call(&guest, 7, (1, 7), 4);
    let bad = call(77, [0; 4]);
    let chain = [(good, Link::Next), (bad, Link::Next), (good, Link::Next), (good, Link::None)];
    for (tag, (call, link)) in chain.into_iter().chain([(good, Link::None)]).enumerate() {
        let call = argo_core::platform::Call { link, ..call };
        assert_eq!(guest.submit(&call, tag as u64), Ok(Submission::Queued));
    }
    guest.flush().unwrap();
    let rets: Vec<i64> = reap(&guest, 5).iter().map(|completion| completion.ret).collect();
    let canceled = Errno::ECANCELED.ret();
    assert_eq!(rets, [4, Errno::EOPNOTSUPP.ret(), canceled, canceled, 4]);
    assert_eq!(argod.domain("self").messages, 2);
}

#[test]
fn guests_of_a_killed_argod_see_it_end_and_attach_to_the_next() {
    let text = open_system(&[(1, "client")]);
    let mut argod = Argod::start(&text);
    let guest = argod.attach("client");
    argod.process.kill().unwrap();
    argod.process.wait().unwrap();
    let begun = std::time::Instant::now();
    assert!(guest.call(&call(Op::Notify as u32, [0; 4])).is_err());
    assert!(guest.wait(guest.sequence(), None).is_err());
    assert!(begun.elapsed().as_secs() < 1);
    let dir = std::mem::replace(&mut argod.dir, tempfile::tempdir().unwrap());
    let argod = Argod::start_in(dir, &text);
    let guest = argod.attach("client");
    assert_eq!(guest.call(&call(Op::Notify as u32, [0; 4])), Ok(0));
}

#[test]
fn sigterm_ends_everything_and_leaves_nothing_behind() {
    let mut argod = Argod::start(&open_system(&[(1, "client")]));
    let guest = argod.attach("client");
    argod.signal("TERM");
    assert!(guest.wait(guest.sequence(), Some(PATIENCE)).is_err());
    assert!(argod.process.wait().unwrap().success());
    assert!(!exists(&argod.socket("client")) && !exists(&argod.path("admin.sock")));
}

#[test]
fn administrators_create_reset_and_destroy_domains() {
    let argod = Argod::start(&open_system(&[(1, "client")]));
    let client = argod.attach("client");
    let mut admin = argod.admin();
    let domain = "id = 5\nname = \"late\"\nram = \"1MiB\"\n".to_owned();
    admin.request::<Changed>(&Request::Create { file: None, domain: domain.clone() }).unwrap();
    let again =
        admin.request::<Changed>(&Request::Create { file: None, domain }).unwrap_err().to_string();
    assert!(again.contains("there is a domain 5 already: late"), "{again}");
    let late = argod.attach("late");
    assert_eq!(register(&late, 7, DOMID_ANY, 4096), 0);
    assert_eq!(send(&client, 9, (5, 7), b"x"), 1);

    admin.request::<Changed>(&Request::SoftReset { domain: "late".into() }).unwrap();
    assert_eq!(send(&client, 9, (5, 7), b"x"), Errno::ECONNREFUSED.ret());
    assert_eq!(register(&late, 7, DOMID_ANY, 4096), 0);

    admin.request::<Changed>(&Request::Destroy { domain: "5".into() }).unwrap();
    assert!(late.wait(late.sequence(), Some(PATIENCE)).is_err());
    assert_eq!(send(&client, 9, (5, 7), b"x"), Errno::ESRCH.ret());
    assert!(!exists(&argod.socket("late")));
    let gone = admin.request::<Changed>(&Request::Destroy { domain: "5".into() }).unwrap_err();
    assert_eq!(gone.to_string(), "there is no domain \"5\"");
}

#[test]
fn policy_is_replaced_at_run_time_and_a_bad_one_changes_nothing() {
    let argod = Argod::start(&open_system(&[(1, "client"), (2, "server")]));
    let (client, server) = (argod.attach("client"), argod.attach("server"));
    assert_eq!(register(&server, 7, DOMID_ANY, 4096), 0);
    let mut admin = argod.admin();
    let mut replace = |text: &str| {
        let request = Request::Policy {
            file: "new.toml".into(),
            text: text.into(),
            standing: argod::admin::Standing::Cut,
        };
        admin.request::<serde_json::Value>(&request).map_err(|error| error.to_string())
    };
    let bad =
        replace("[[policy]]\nhook = \"send\"\nfrom = \"nobody\"\nto = \"any\"\n").unwrap_err();
    assert!(bad.contains("new.toml:3:8"), "{bad}");
    assert_eq!(send(&client, 9, (2, 7), b"x"), 1);
    replace("[[policy]]\nhook = \"enable\"\nfrom = \"any\"\n").unwrap();
    assert_eq!(send(&client, 9, (2, 7), b"x"), Errno::EACCES.ret());
}

#[test]
fn a_second_argod_in_the_same_place_is_told_so() {
    let argod = Argod::start(&open_system(&[(1, "client")]));
    let second = std::process::Command::new(env!("CARGO_BIN_EXE_argod"))
        .arg("--config")
        .arg(argod.path("argod.toml"))
        .output()
        .unwrap();
    let said = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(said.contains("another process is serving this socket"), "{said}");
    drop(argod.attach("client"));
}

/// Waits for `count` results.
fn reap(guest: &HostSession, count: usize) -> Vec<Completion> {
    let mut completions = Vec::new();
    while completions.len() < count {
        let seen = guest.sequence();
        guest.reap(&mut |tag, ret| completions.push(Completion { tag, ret }));
        if completions.len() < count {
            guest.wait(seen, Some(PATIENCE)).unwrap();
        }
    }
    completions
}
