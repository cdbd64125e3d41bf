//! The store as several processes of several domains use it through argod.

use argo_core::xenstore::Kind;
use argod::admin::{Changed, Request};

use crate::client::*;
use crate::common::{Argod, wait_until};

#[test]
fn a_domain_finds_its_place_and_meets_another_by_a_path() {
    let argod = Argod::start(&system());
    let (mut one, mut two) = (Client::connect(&argod, "one"), Client::connect(&argod, "two"));
    assert_eq!(one.read("domid"), Ok("1".to_owned()));
    assert_eq!(two.read("name"), Ok("two".to_owned()));
    one.write("data/vchan/2/7/ring-ref", "1024").unwrap();
    let path = "/local/domain/1/data/vchan/2/7/ring-ref";
    assert_eq!(two.read(path), Err("EACCES".to_owned()), "the owner's alone so far");
    one.store(Kind::SetPerms, b"data/vchan/2/7/ring-ref\0n1\0r2\0").unwrap();
    assert_eq!(two.read(path), Ok("1024".to_owned()));
    assert_eq!(two.write(path, "1"), Err("EACCES".to_owned()));
    assert!(argod.domain("one").services.store_nodes >= 5, "they count for the owner");
}

#[test]
fn who_watches_is_told_at_once_and_of_changes_by_others() {
    let argod = Argod::start(&system());
    let (mut one, mut two) = (Client::connect(&argod, "one"), Client::connect(&argod, "two"));
    one.write("data/door", "").unwrap();
    one.store(Kind::SetPerms, b"data/door\0b1\0").unwrap();
    one.watch("data/door", "mine").unwrap();
    assert_eq!(one.event(), ("data/door".to_owned(), "mine".to_owned()));
    two.write("/local/domain/1/data/door/bell", "ring").unwrap();
    assert_eq!(one.event(), ("data/door/bell".to_owned(), "mine".to_owned()));
    assert_eq!(argod.domain("one").services.store_watches, 1);
    drop(one);
    argod.wait_for("one", "its watch is gone", |domain| domain.services.store_watches == 0);
}

#[test]
fn the_policy_comes_before_a_nodes_permissions() {
    let rules = "[[store]]\nfrom = \"any\"\npath = \"~\"\naccess = \"write\"\n";
    let domains = domain(1, "one", "") + &domain(2, "two", "");
    let argod = Argod::start(&(domains + rules));
    let (mut one, mut two) = (Client::connect(&argod, "one"), Client::connect(&argod, "two"));
    one.write("data/open", "to all").unwrap();
    one.store(Kind::SetPerms, b"data/open\0b1\0").unwrap();
    assert_eq!(two.read("/local/domain/1/data/open"), Err("EACCES".to_owned()));
    let refusals = argod.stat().refusals;
    assert!(refusals.iter().any(|refused| refused.count == 1), "{refusals:?}");
}

#[test]
fn a_domains_quotas_hold_whatever_connection_asks() {
    let quotas = "store_nodes = 8, store_watches = 2, store_transactions = 1";
    let argod = Argod::start(&(domain(1, "one", quotas) + OPEN));
    let (mut one, mut again) = (Client::connect(&argod, "one"), Client::connect(&argod, "one"));
    let made = (0..8).take_while(|n| one.write(&format!("data/{n}"), "").is_ok()).count();
    assert!((1..8).contains(&made), "{made} nodes");
    assert_eq!(again.write("data/more", ""), Err("ENOSPC".to_owned()));
    one.watch("data", "a").unwrap();
    again.watch("data", "a").unwrap();
    assert_eq!(again.watch("data", "b"), Err("E2BIG".to_owned()));
    one.store(Kind::TransactionStart, b"\0").unwrap();
    let refused = Err("ENOSPC".to_owned());
    assert_eq!(again.store(Kind::TransactionStart, b"\0"), refused);
    drop(one);
    wait_until("the transaction is gone", || argod.domain("one").services.store_transactions == 0);
    again.store(Kind::TransactionStart, b"\0").unwrap();
}

#[test]
fn domain_0_has_the_quotas_that_were_configured() {
    let argod = Argod::start(&(domain(0, "control", "store_watches = 1") + OPEN));
    let mut control = Client::connect(&argod, "control");
    control.watch("/a", "t").unwrap();
    assert_eq!(control.watch("/b", "t"), Err("E2BIG".to_owned()));
}

#[test]
fn a_process_that_takes_no_events_is_ended_and_nobody_waits_for_it() {
    let argod = Argod::start(&system());
    let (mut deaf, mut two) = (Client::connect(&argod, "one"), Client::connect(&argod, "two"));
    two.write("data/door", "").unwrap();
    two.store(Kind::SetPerms, b"data/door\0b2\0").unwrap();
    deaf.watch("/local/domain/2/data/door", "t").unwrap();
    let name = "n".repeat(200);
    for n in 0..6000 {
        let path = format!("data/door/{name}{n}");
        two.write(&path, "").unwrap();
        two.store(Kind::Rm, format!("{path}\0").as_bytes()).unwrap();
        if argod_ended(&deaf) {
            break;
        }
    }
    argod.wait_for("one", "it is ended", |domain| domain.services.connections == 0);
    assert_eq!(argod.domain("one").services.store_watches, 0);
    two.write("data/door/after", "").unwrap();
}

/// Whether the other end of its socket is shut, without taking what it was sent.
fn argod_ended(client: &Client) -> bool {
    let mut polled =
        [rustix::event::PollFd::new(&client.raw.socket, rustix::event::PollFlags::RDHUP)];
    let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
    rustix::event::poll(&mut polled, Some(&now)).unwrap();
    polled[0].revents().intersects(rustix::event::PollFlags::HUP)
}

#[test]
fn a_destroyed_domains_nodes_go_and_who_watches_hears_of_it() {
    let argod = Argod::start(&system());
    let (mut one, mut two) = (Client::connect(&argod, "one"), Client::connect(&argod, "two"));
    two.write("data/here", "").unwrap();
    two.store(Kind::SetPerms, b"data/here\0b2\0").unwrap();
    let here = "/local/domain/2/data/here".to_owned();
    one.watch(&here, "gone").unwrap();
    assert_eq!(one.event().0, here);
    let destroy = Request::Destroy { domain: "two".to_owned() };
    let _: Changed = argod.admin().request(&destroy).unwrap();
    assert_eq!(one.event(), (here.clone(), "gone".to_owned()));
    assert!(one.read(&here).is_err());
    let introduced = one.store(Kind::IsDomainIntroduced, b"2\0");
    assert_eq!(introduced, Ok(b"F\0".to_vec()));
}
