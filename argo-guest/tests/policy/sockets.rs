//! Datagram sockets and listeners whose ring is taken away.

use std::thread;

use argo_core::policy::{Hook, Subject};
use argo_guest::stream::{AcceptError, Stream, StreamListener};
use argo_guest::{BindError, BindOptions, Datagram, Partner, Port, RecvError, SendError};
use futures::executor::block_on;

use crate::book::{all, but, but_ports, but_send, enforce, registrations, under};
use crate::support::{PATIENCE, at, domain, id, poll_once};

const PORT: Port = Port(7);

fn denied(partner: Partner) -> BindError {
    BindError::Denied { port: PORT, partner }
}

fn no_wildcards() -> argo_hypervisor::inprocess::Rules {
    but(Hook::RegisterAnySource, 2, Subject::Any)
}

#[test]
fn who_receives_learns_that_the_ring_went_after_what_is_in_it() {
    let host = under(all());
    let (near, far) = (domain(&host, 1), domain(&host, 2));
    let client = Datagram::bind_blocking(&near, PORT).unwrap();
    let open = Datagram::bind_blocking(&far, PORT).unwrap();
    let exact = Datagram::bind_blocking(&far, BindOptions::port(Port(8)).partner(id(1))).unwrap();
    client.blocking().send_to(b"before", at(2, 7)).unwrap();
    thread::scope(|scope| {
        let receiver = scope.spawn(|| {
            let received = || open.blocking_for(PATIENCE).recv_bytes().map(|(bytes, _)| bytes);
            (received(), received(), received())
        });
        let task = scope.spawn(|| block_on(exact.recv_bytes()).map(|(bytes, _)| bytes));
        assert_eq!(enforce(&host, no_wildcards()), 1);
        let cut = Err(RecvError::Cut { cause: denied(Partner::Any) });
        let (first, then, and_on) = receiver.join().unwrap();
        assert_eq!((&first.unwrap()[..], &then, &and_on), (&b"before"[..], &cut, &cut));
        assert_eq!(open.try_recv(&mut []), cut.map(|_| 0));
        // The other never notices.
        client.blocking().send_to(b"still", at(2, 8)).unwrap();
        assert_eq!(&task.join().unwrap().unwrap()[..], b"still");
    });
    let refused = client.blocking().send_to(b"nobody", at(2, 7));
    assert_eq!(refused, Err(SendError::ConnectionRefused { to: at(2, 7) }));
}

#[test]
fn whoever_polls_is_woken_by_the_cut() {
    let host = under(all());
    let far = domain(&host, 2);
    let socket = Datagram::bind_blocking(&far, PORT).unwrap();
    block_on(async {
        let mut readable = std::pin::pin!(socket.readable());
        assert!(poll_once(readable.as_mut()).is_pending());
        enforce(&host, no_wildcards());
        assert_eq!(readable.await, Err(RecvError::Cut { cause: denied(Partner::Any) }));
    });
}

#[test]
fn who_accepts_learns_that_the_ring_went_and_connections_go_on() {
    let host = under(all());
    let (near, far) = (domain(&host, 1), domain(&host, 2));
    let listener = StreamListener::bind_blocking(&far, PORT).unwrap();
    let client = Stream::connect_blocking(&near, at(2, 7)).unwrap();
    let (server, _) = listener.accept_blocking(None).unwrap();
    let _waits = Stream::connect_blocking(&near, at(2, 7)).unwrap();
    thread::scope(|scope| {
        let accept = || listener.accept_blocking(Some(PATIENCE)).map(|_| ());
        let acceptor = scope.spawn(move || (accept(), accept()));
        assert_eq!(enforce(&host, no_wildcards()), 1);
        let cut = AcceptError::Cut { cause: denied(Partner::Any) };
        assert_eq!(acceptor.join().unwrap(), (Ok(()), Err(cut)));
        assert_eq!(listener.try_accept().map(|_| ()), Err(cut));
    });
    block_on(async {
        client.write(b"goes on").await.unwrap();
        let mut buffer = [0; 16];
        assert_eq!(server.read(&mut buffer).await.unwrap(), 7);
    });
}

/// A socket may be bound anew while the old one is still held, which then takes nothing along.
#[test]
fn a_socket_that_was_cut_leaves_its_name_to_another() {
    let host = under(all());
    let (near, far) = (domain(&host, 1), domain(&host, 2));
    let client = Datagram::bind_blocking(&near, PORT).unwrap();
    let old = Datagram::bind_blocking(&far, PORT).unwrap();
    enforce(&host, no_wildcards());
    assert_eq!(Datagram::bind_blocking(&far, PORT).err(), Some(denied(Partner::Any)));
    enforce(&host, all());
    let new = Datagram::bind_blocking(&far, PORT).unwrap();
    drop(old);
    client.blocking().send_to(b"anew", at(2, 7)).unwrap();
    assert_eq!(&new.blocking_for(PATIENCE).recv_bytes().unwrap().0[..], b"anew");
}

/// A ring for a partner who may not send any more may be registered: the socket waits on, and hears
/// its partner as soon as that one may send again.
#[test]
fn a_socket_for_one_partner_outlives_its_silence() {
    for silence in [but_send(1, 2), but_ports(1, 2)] {
        let host = under(all());
        let (near, far) = (domain(&host, 1), domain(&host, 2));
        let client = Datagram::bind_blocking(&near, PORT).unwrap();
        let server = Datagram::bind_blocking(&far, BindOptions::port(PORT).partner(id(1))).unwrap();
        thread::scope(|scope| {
            let receiver = scope.spawn(|| server.blocking_for(PATIENCE).recv_bytes());
            for _ in 0..3 {
                enforce(&host, silence.clone());
                let sent = client.blocking().send_to(b"no", at(2, 7));
                assert_eq!(sent, Err(SendError::Denied { to: at(2, 7) }));
            }
            enforce(&host, all());
            let heard = || client.blocking().send_to(b"yes", at(2, 7)).is_ok();
            // It is back when its owner has dealt with the news.
            while !heard() {
                thread::yield_now();
            }
            assert_eq!(&receiver.join().unwrap().unwrap().0[..], b"yes");
        });
        // One registration, and at most one question a cut (and one that was on its way).
        assert!(registrations(&host) < 20, "{}", registrations(&host));
    }
}

#[test]
fn who_waits_for_room_and_may_not_send_any_more_is_told() {
    let host = under(all());
    let (near, far) = (domain(&host, 1), domain(&host, 2));
    let client = Datagram::bind_blocking(&near, PORT).unwrap();
    let _full = Datagram::bind_blocking(&far, BindOptions::port(PORT).ring_len(256)).unwrap();
    client.blocking().send_to(&[1; 200], at(2, 7)).unwrap();
    thread::scope(|scope| {
        let sender = scope.spawn(|| client.blocking_for(PATIENCE).send_to(&[2; 200], at(2, 7)));
        enforce(&host, but_send(1, 2));
        assert_eq!(sender.join().unwrap(), Err(SendError::Denied { to: at(2, 7) }));
    });
}
