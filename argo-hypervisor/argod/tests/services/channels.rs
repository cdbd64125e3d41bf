//! Event channels as they are meant.

use argo_core::Errno;
use argo_core::host::services::NONE;
use rustix::net::{Shutdown, shutdown};

use crate::client::*;
use crate::common::Argod;

#[test]
fn events_go_both_ways_and_many_are_as_one() {
    let argod = Argod::start(&system());
    let (mut one, mut two) = (Client::connect(&argod, "one"), Client::connect(&argod, "two"));
    let port = one.alloc_unbound(2).unwrap();
    let bound = two.bind(1, port.number).unwrap();
    assert_eq!(bound.pending(), Some(true), "as on Xen, a new port is pending");
    for _ in 0..3 {
        port.notify();
        bound.notify();
    }
    assert_eq!((bound.pending(), bound.pending()), (Some(true), Some(false)));
    assert_eq!((port.pending(), port.pending()), (Some(true), Some(false)));
    // Nobody reads: it comes to nothing but "would block".
    (0..100_000).for_each(|_| port.notify());
    bound.wait_for_event();
}

#[test]
fn a_port_is_bound_once_by_whom_it_is_for() {
    let argod = Argod::start(&system());
    let [mut one, mut two, mut three] =
        ["one", "two", "three"].map(|name| Client::connect(&argod, name));
    let port = one.alloc_unbound(2).unwrap();
    assert_eq!(three.bind(1, port.number).unwrap_err(), Errno::EINVAL);
    let bound = two.bind(1, port.number).unwrap();
    let mut again = Client::connect(&argod, "two");
    assert_eq!(again.bind(1, port.number).unwrap_err(), Errno::EBUSY);
    for wrong in [0, port.number + 1, NONE] {
        assert_eq!(two.bind(1, wrong).unwrap_err(), Errno::EINVAL);
        assert_eq!(one.close_channel(wrong), Err(Errno::ENOENT));
    }
    assert_eq!(one.bind(2, bound.number).unwrap_err(), Errno::EINVAL, "bound itself");
    assert_eq!(again.close_channel(bound.number), Err(Errno::ENOENT), "another connection's");
    assert_eq!(two.bind(NONE, 1).unwrap_err(), Errno::ESRCH);
}

#[test]
fn a_domain_is_told_which_of_its_own_ports_are_allocated() {
    let argod = Argod::start(&system());
    let (mut one, mut two) = (Client::connect(&argod, "one"), Client::connect(&argod, "two"));
    let port = one.alloc_unbound(2).unwrap();
    let mut again = Client::connect(&argod, "one");
    assert!(again.is_allocated(port.number), "another connection's, too");
    assert!(!two.is_allocated(port.number), "not another domain's");
    let bound = two.bind(1, port.number).unwrap();
    assert!(again.is_allocated(port.number) && !two.is_allocated(bound.number));
    one.close_channel(port.number).unwrap();
    for wrong in [0, port.number, NONE] {
        assert!(!again.is_allocated(wrong));
    }
}

#[test]
fn after_one_client_comes_another_and_the_server_never_sees_an_end() {
    let argod = Argod::start(&system());
    let mut server = Client::connect(&argod, "one");
    let port = server.alloc_unbound(2).unwrap();
    for _ in 0..3 {
        let mut client = Client::connect(&argod, "two");
        let bound = client.bind(1, port.number).unwrap();
        bound.notify();
        port.wait_for_event();
        drop(client);
        argod.wait_for("two", "the client is gone", |domain| domain.services.ports == 0);
        assert_eq!(port.pending(), Some(false));
    }
}

#[test]
fn a_client_sees_the_end_when_the_server_closes_or_dies() {
    let argod = Argod::start(&system());
    let (mut server, mut client) = (Client::connect(&argod, "one"), Client::connect(&argod, "two"));
    let closed = server.alloc_unbound(2).unwrap();
    let (dies, bound) = (server.alloc_unbound(2).unwrap(), client.bind(1, closed.number).unwrap());
    let other = client.bind(1, dies.number).unwrap();
    bound.wait_for_event();
    server.close_channel(closed.number).unwrap();
    bound.wait_for_end();
    other.wait_for_event();
    assert_eq!(other.pending(), Some(false));
    // Its process keeps the end, but not the connection.
    drop(server);
    other.wait_for_end();
    client.close_channel(bound.number).unwrap();
}

#[test]
fn a_port_whose_end_a_client_has_shut_is_bound_by_nobody_any_more() {
    let argod = Argod::start(&system());
    let (mut server, mut client) = (Client::connect(&argod, "one"), Client::connect(&argod, "two"));
    for how in [Shutdown::Read, Shutdown::Write, Shutdown::Both] {
        let port = server.alloc_unbound(2).unwrap();
        let bound = client.bind(1, port.number).unwrap();
        shutdown(&bound.end, how).unwrap();
        client.close_channel(bound.number).unwrap();
        assert_eq!(client.bind(1, port.number).unwrap_err(), Errno::EINVAL);
        assert_eq!(argod.domain("two").services.ports, 0);
        server.close_channel(port.number).unwrap();
    }
    let port = server.alloc_unbound(2).unwrap();
    client.bind(1, port.number).unwrap().wait_for_event();
}
