//! What the policy says of grants and event channels, before and after it changes.

use argo_core::Errno;
use argo_core::host::services::{Access, Notify};
use argo_core::xenstore::Kind;
use argod::admin::{Changed, Reloaded, Request};

use crate::client::*;
use crate::common::{Argod, wait_until};

fn rule(hook: &str, from: &str, to: &str) -> String {
    format!("[[policy]]\nhook = \"{hook}\"\nfrom = \"{from}\"\nto = \"{to}\"\n")
}

fn domains() -> String {
    [(1, "one"), (2, "two"), (3, "three")].map(|(id, name)| domain(id, name, "")).concat()
}

#[test]
fn nothing_is_allowed_that_no_rule_allows() {
    let rules = rule("grant", "one", "two") + &rule("event_channel", "two", "one");
    let argod = Argod::start(&(domains() + &rules));
    let [mut one, mut two, mut three] =
        ["one", "two", "three"].map(|name| Client::connect(&argod, name));
    one.share(2, Access::Write, 1).unwrap();
    assert_eq!(one.share(3, Access::Write, 1).err(), Some(Errno::EACCES));
    assert_eq!(two.share(1, Access::Write, 1).err(), Some(Errno::EACCES));
    let port = two.alloc_unbound(1).unwrap();
    assert_eq!(one.alloc_unbound(2).unwrap_err(), Errno::EACCES);
    assert_eq!(one.bind(2, port.number).unwrap_err(), Errno::EACCES, "asked of who binds");
    assert_eq!(three.alloc_unbound(1).unwrap_err(), Errno::EACCES);
    let refusals = argod.stat().refusals;
    assert_eq!((refusals[0].cause.as_str(), refusals[0].count), ("no rule", 5));
    assert_eq!(argod.domain("one").services.refused, 3);
}

#[test]
fn a_changed_policy_shuts_channels_and_refuses_maps_but_takes_no_mapping_away() {
    let argod = Argod::start(&(domains() + OPEN));
    let [mut one, mut two, mut three] =
        ["one", "two", "three"].map(|name| Client::connect(&argod, name));
    let own = one.share(2, Access::Write, 1).unwrap();
    let got = two.map(Access::Write, &own.entries(1, 1)).unwrap();
    let (cut, kept) = (one.alloc_unbound(2).unwrap(), one.alloc_unbound(3).unwrap());
    let (bound, other) = (two.bind(1, cut.number).unwrap(), three.bind(1, kept.number).unwrap());
    bound.wait_for_event();
    other.wait_for_event();
    let rules = rule("any", "one", "three") + &rule("any", "three", "one");
    assert_eq!(reload(&argod, &rules).channels_cut, 1);
    assert_eq!((bound.pending(), cut.pending()), (None, None));
    assert_eq!((other.pending(), kept.pending()), (Some(false), Some(false)));
    kept.notify();
    other.wait_for_event();
    assert_eq!(two.map(Access::Write, &own.entries(1, 1)).unwrap_err(), Errno::EACCES);
    own.set(0, 5);
    let theirs = argo_mem::Mapping::of(&got.fds[0], 4096).unwrap();
    let mut byte = [0];
    argo_mem::Memory::view(&theirs).read(0, &mut byte).unwrap();
    assert_eq!(byte, [5]);
    two.unmap(got.map).unwrap();
}

/// Puts these rules into force.
fn reload(argod: &Argod, rules: &str) -> Reloaded {
    let header = format!("runtime_dir = {:?}\n", argod.dir.path());
    std::fs::write(argod.path("argod.toml"), header + &domains() + rules).unwrap();
    argod.admin().request(&Request::Reload).unwrap()
}

#[test]
fn a_changed_policy_holds_for_transactions_that_began_before() {
    let rule = |access| format!("[[store]]\nfrom = \"any\"\npath = \"~\"\naccess = \"{access}\"\n");
    let argod = Argod::start(&(domains() + &rule("write")));
    let mut one = Client::connect(&argod, "one");
    one.write("data/kept", "old").unwrap();
    let begun = String::from_utf8(one.store(Kind::TransactionStart, b"\0").unwrap()).unwrap();
    let transaction = begun.trim_end_matches('\0').parse().unwrap();
    one.store_within(transaction, Kind::Write, b"data/kept\0new").unwrap();
    reload(&argod, &rule("read"));
    let end = one.store_within(transaction, Kind::TransactionEnd, b"T\0");
    assert_eq!(end, Err("EACCES".to_owned()));
    assert_eq!(one.read("data/kept"), Ok("old".to_owned()));
    assert_eq!(argod.domain("one").services.store_transactions, 0);
}

#[test]
fn detached_reset_and_destroyed_domains_lose_their_connections() {
    let argod = Argod::start(&system());
    let mut server = Client::connect(&argod, "one");
    let (two, three) = ("two".to_owned(), "three".to_owned());
    for request in [
        Request::Detach { domain: two.clone(), pid: Some(std::process::id() as i32) },
        Request::SoftReset { domain: two.clone() },
        Request::Destroy { domain: two },
    ] {
        let mut client = Client::connect(&argod, "two");
        let port = client.alloc_unbound(1).unwrap();
        let notify = Notify { offset: 0, port: port.number };
        let own = client.share_notifying(1, Access::Write, 1, notify).unwrap();
        own.set(0, 1);
        let bound = server.bind(2, port.number).unwrap();
        let _: Changed = argod.admin().request(&request).unwrap();
        client.wait_for_hang_up();
        bound.wait_for_event();
        bound.wait_for_end();
        assert_eq!(own.byte(0), 0, "its promise was kept before");
        assert!(server.map(Access::Write, &own.entries(2, 1)).is_err());
    }
    let _bystander = Client::connect(&argod, "three");
    let wrong = Request::Detach { domain: three, pid: Some(1) };
    assert!(argod.admin().request::<Changed>(&wrong).is_err());
}

#[test]
fn a_stopped_argod_ends_all_connections() {
    let mut argod = Argod::start(&system());
    let clients = ["one", "two"].map(|name| Client::connect(&argod, name));
    argod.signal("TERM");
    clients.iter().for_each(Client::wait_for_hang_up);
    let process = std::cell::RefCell::new(&mut argod.process);
    wait_until("argod ends", || process.borrow_mut().try_wait().unwrap().is_some());
}
