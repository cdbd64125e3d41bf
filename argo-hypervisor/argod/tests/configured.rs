//! What the configuration says takes effect on the guests of a running argod.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use argo_core::Errno;
use argo_core::abi::{DOMID_ANY, Op, RingData};
use argo_core::host::attach::DOORBELLS_MAX;
use argo_guest::host::HostSession;
use argod::admin::{Changed, Request};
use argod::config::Host;
use common::raw::RawSession;
use common::*;
use zerocopy::IntoBytes;

const RING_PAGE: u64 = RING / 4096;

/// A `client`, a `server` with these keys of its own, and a policy that allows everything.
fn system(server: &str) -> String {
    let server = format!("[[domain]]\nid = 2\nname = \"server\"\nram = \"1MiB\"\n{server}");
    open_system(&[(1, "client")]) + &server
}

fn notify(guest: &HostSession, entries: u32) -> i64 {
    write(guest, LIST, RingData { nent: entries, pad: 0 }.as_bytes());
    guest.call(&call(Op::Notify as u32, [LIST, 0, 0, 0])).unwrap()
}

#[test]
fn quotas_above_xens_limits_are_had_up_to_the_last() {
    let argod = Argod::start(&system("quotas = { rings = 130, entries = 300 }\n"));
    let server = argod.attach("server");
    for port in 0..130 {
        assert_eq!(register(&server, port, DOMID_ANY, 4096), 0, "port {port}");
    }
    assert_eq!(register(&server, 130, DOMID_ANY, 4096), Errno::ENOSPC.ret());
    assert_eq!(argod.domain("server").rings_allowed, 130);
    assert_eq!(notify(&server, 300), 0);
    assert_eq!(notify(&server, 301), Errno::EACCES.ret());
    assert_eq!(notify(&argod.attach("client"), 257), Errno::EACCES.ret(), "Xen's limit");
}

#[test]
fn quotas_below_xens_limits_refuse() {
    let quotas = "quotas = { ring_bytes = \"8KiB\", waiters = 1 }\n";
    let other = "[[domain]]\nid = 3\nname = \"other\"\nram = \"1MiB\"\n";
    let argod = Argod::start(&(system(quotas) + other));
    let (server, client, other) =
        (argod.attach("server"), argod.attach("client"), argod.attach("other"));
    assert_eq!(register(&server, 7, DOMID_ANY, 4096), 0);
    assert_eq!(register(&server, 8, DOMID_ANY, 4096 + 16), Errno::ENOSPC.ret());
    assert_eq!(register(&server, 8, DOMID_ANY, 4096), 0);
    while send(&client, 9, (2, 7), &[1; 1000]) > 0 {}
    assert_eq!(send(&client, 9, (2, 7), &[1; 1000]), Errno::EAGAIN.ret());
    assert_eq!(send(&other, 9, (2, 7), &[1; 1000]), Errno::EBUSY.ret());
}

#[test]
fn wildcard_rings_are_refused_unless_they_are_switched_on() {
    let text = system("");
    let text = text.strip_prefix("wildcard_rings = true\n").unwrap();
    let argod = Argod::start(text);
    let (_client, server) = (argod.attach("client"), argod.attach("server"));
    assert_eq!(register(&server, 7, DOMID_ANY, 4096), Errno::EPERM.ret());
    assert_eq!(register(&server, 7, 1, 4096), 0);
}

#[test]
fn without_argo_every_operation_says_so() {
    let argod = Argod::start(&("argo = false\n".to_owned() + &system("")));
    let server = argod.attach("server");
    assert_eq!(register(&server, 7, 1, 4096), Errno::EOPNOTSUPP.ret());
    assert_eq!(send(&server, 7, (1, 7), b"x"), Errno::EOPNOTSUPP.ret());
}

/// They are memory all the same: a message can be sent from one.
#[test]
fn read_only_pages_are_no_ring_memory_however_they_are_listed() {
    let pages = format!("read_only_pages = [2, {RING_PAGE}]\n");
    let argod = Argod::start(&system(&pages));
    let domain = format!("id = 3\nname = \"late\"\nram = \"1MiB\"\n{pages}");
    argod.admin().request::<Changed>(&Request::Create { file: None, domain }).unwrap();
    let client = argod.attach("client");
    assert_eq!(register(&client, 7, DOMID_ANY, 4096), 0);
    for name in ["server", "late"] {
        let guest = argod.attach(name);
        assert_eq!(register(&guest, 7, DOMID_ANY, 4096), Errno::EINVAL.ret(), "{name}");
        assert_eq!(send(&guest, 7, (1, 7), b"from ROM"), 8, "{name}");
    }
}

#[test]
fn a_set_of_processors_is_served_by_their_workers_only() {
    let cpus = Host::detect().cpus;
    let one = format!("cpus = [{}]\n", cpus.last().unwrap());
    let argod = Argod::start(&system(&one));
    let everywhere = RawSession::attach(&argod.socket("client"));
    let mut restricted = RawSession::attach(&argod.socket("server"));
    assert_eq!(everywhere.offer.doorbells.len(), cpus.len().min(DOORBELLS_MAX as usize));
    assert_eq!(restricted.offer.doorbells.len(), 1);
    assert_eq!(register(&mut restricted, 7, DOMID_ANY, 4096), 0);
}

#[test]
fn ram_is_locked_as_the_configuration_says() {
    let locked_kib = |lock: &str| {
        let argod = Argod::start(&format!("lock_memory = \"{lock}\"\n{}", system("")));
        let _server = argod.attach("server");
        status_field(argod.process.id(), "VmLck:")
    };
    assert_eq!(locked_kib("no"), 0);
    assert!(locked_kib("require") >= 1024);
}
