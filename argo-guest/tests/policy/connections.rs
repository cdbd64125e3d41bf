//! Connections that a new policy forbids in one direction: they end at both ends.

use std::thread;

use argo_core::policy::{Hook, Subject};
use argo_guest::seqpacket::{Seqpacket, SeqpacketListener};
use argo_guest::stream::{ListenOptions, Stream, StreamError, StreamListener};
use argo_guest::{BindOptions, Datagram, Partner, Port};
use argo_hypervisor::inprocess::Rules;
use argo_stream::wire::{self, Flags};
use futures::executor::block_on;

use crate::book::{Host, all, but, but_ports, but_send, enforce, inside, is_end, replace, under};
use crate::support::{PATIENCE, at, domain, id};

const PORT: Port = Port(7);

struct Connected {
    client: Stream,
    server: Stream,
    /// Of another domain, to the same listener.
    others: (Stream, Stream),
    _listener: StreamListener,
}

fn connected(host: &Host, options: ListenOptions) -> Connected {
    let [near, far, third] = [1, 2, 3].map(|raw| domain(host, raw));
    let listener = StreamListener::bind_blocking(&far, options).unwrap();
    let connect = |domain| {
        let client = Stream::connect_blocking(domain, at(2, 7)).unwrap();
        (client, listener.accept_blocking(None).unwrap().0)
    };
    let ((client, server), others) = (connect(&near), connect(&third));
    Connected { client, server, others, _listener: listener }
}

/// The ways in which a connection of 1 and 2 can be forbidden.
fn bans() -> Vec<Rules> {
    let single =
        |owner, partner| but(Hook::RegisterSingleSource, owner, Subject::Domain(id(partner)));
    vec![
        but_send(1, 2),
        but_send(2, 1),
        but_ports(1, 2),
        but_ports(2, 1),
        single(1, 2),
        single(2, 1),
        but(Hook::Enable, 1, Subject::Any),
    ]
}

/// Reads all there is, and why there is no more.
async fn read_on(stream: &Stream) -> (Vec<u8>, StreamError) {
    let (mut all, mut buffer) = (Vec::new(), [0; 64]);
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) => panic!("no end in good order"),
            Ok(some) => all.extend_from_slice(&buffer[..some]),
            Err(error) => return (all, inside(&error)),
        }
    }
}

async fn exchange(one: &Stream, other: &Stream) {
    for (from, to) in [(one, other), (other, one)] {
        from.write(b"goes on").await.unwrap();
        let mut buffer = [0; 16];
        assert_eq!(to.read(&mut buffer).await.unwrap(), 7);
    }
}

fn both_ends_end(options: ListenOptions) {
    for (number, ban) in bans().into_iter().enumerate() {
        let host = under(all());
        let Connected { client, server, others, _listener } = connected(&host, options);
        block_on(async {
            for end in [&client, &server] {
                end.write(b"before").await.unwrap();
                end.flush().await.unwrap();
            }
        });
        thread::scope(|scope| {
            let ends = [&client, &server].map(|end| scope.spawn(|| block_on(read_on(end))));
            assert!(enforce(&host, ban) > 0, "ban {number}");
            let seen = ends.map(|end| end.join().unwrap());
            for (bytes, error) in &seen {
                assert_eq!(bytes, b"before", "ban {number}");
                assert!(is_end(*error), "ban {number}: {error:?}");
            }
            let cut = |(_, error): &(_, StreamError)| matches!(error, StreamError::Cut { .. });
            assert!(seen.iter().any(cut), "ban {number}: {seen:?}");
        });
        block_on(async {
            for end in [&client, &server] {
                let error = inside(&end.write(b"x").await.unwrap_err());
                let over = matches!(error, StreamError::Cut { .. } | StreamError::Closed { .. });
                assert!(over, "ban {number}: {error:?}");
                assert!(end.take_error().unwrap().is_some(), "ban {number}");
            }
            exchange(&others.0, &others.1).await;
        });
    }
}

#[test]
fn a_forbidden_stream_ends_at_both_ends_after_what_was_sent() {
    both_ends_end(ListenOptions::port(PORT));
}

#[test]
fn a_forbidden_stream_without_a_ring_of_its_own_ends_alike() {
    both_ends_end(ListenOptions::port(PORT).memory(0));
}

#[test]
fn a_forbidden_stream_at_a_listener_for_one_domain_ends_alike() {
    for ban in [but_send(1, 2), but_send(2, 1)] {
        let host = under(all());
        let (near, far) = (domain(&host, 1), domain(&host, 2));
        let options = ListenOptions::port(PORT).partner(id(1)).memory(0);
        let listener = StreamListener::bind_blocking(&far, options).unwrap();
        let connect = || Stream::connect_blocking(&near, at(2, 7)).unwrap();
        let (client, (server, _)) = (connect(), listener.accept_blocking(None).unwrap());
        enforce(&host, ban);
        for end in [&client, &server] {
            assert!(is_end(block_on(read_on(end)).1));
        }
        // The listener is still there for when it is allowed again.
        enforce(&host, all());
        let (client, (server, _)) = (connect(), listener.accept_blocking(None).unwrap());
        block_on(exchange(&client, &server));
    }
}

#[test]
fn forbidden_messages_end_alike() {
    for ban in bans() {
        let host = under(all());
        let (near, far) = (domain(&host, 1), domain(&host, 2));
        let listener = SeqpacketListener::bind_blocking(&far, PORT).unwrap();
        let client = Seqpacket::connect_blocking(&near, at(2, 7)).unwrap();
        let (server, _) = listener.accept_blocking(None).unwrap();
        block_on(client.send(b"before")).unwrap();
        block_on(client.flush()).unwrap();
        let client = &client;
        thread::scope(|scope| {
            let receive = |end: &Seqpacket| block_on(end.recv_bytes());
            let waiting = scope.spawn(move || receive(client));
            enforce(&host, ban);
            assert!(is_end(inside(&waiting.join().unwrap().unwrap_err())));
            assert_eq!(receive(&server).unwrap().as_deref(), Some(&b"before"[..]));
            assert!(is_end(inside(&receive(&server).unwrap_err())));
        });
    }
}

/// A writer that waits for room in a ring that is taken away.
#[test]
fn a_writer_that_waits_ends() {
    for ban in bans() {
        let host = under(all());
        let Connected { client, server, .. } = connected(&host, ListenOptions::port(PORT));
        thread::scope(|scope| {
            let fill = || loop {
                if let Err(error) = block_on(client.write(&[1; 65536])) {
                    return inside(&error);
                }
            };
            let writer = scope.spawn(fill);
            // Until there is something to wait for.
            let mut buffer = [0; 1];
            block_on(server.peek(&mut buffer)).unwrap();
            enforce(&host, ban);
            let error = writer.join().unwrap();
            assert!(is_end(error) || matches!(error, StreamError::Closed { .. }), "{error:?}");
        });
    }
}

/// A policy that changes again and again: what it allows goes on, and asks no more than it has to.
#[test]
fn what_is_allowed_never_notices() {
    let host = under(all());
    let Connected { others, .. } = connected(&host, ListenOptions::port(PORT));
    for _ in 0..20 {
        for rules in [but_send(1, 2), but_ports(2, 1), all()] {
            enforce(&host, rules);
            block_on(exchange(&others.0, &others.1));
        }
    }
}

/// A peer on the plain wire, by hand: nobody tells it, and it does not ask.
#[test]
fn a_forbidden_peer_on_the_plain_wire_is_told_if_it_may_be() {
    let host = under(all());
    let (near, far) = (domain(&host, 1), domain(&host, 2));
    let listener = StreamListener::bind_blocking(&far, PORT).unwrap();
    let how = BindOptions::any_port().partner(id(2)).message_type(wire::STREAM);
    let plain = Datagram::bind_blocking(&near, how).unwrap();
    plain.blocking().send_to(&wire::head(Flags::SYN, 5), at(2, 7)).unwrap();
    let (server, _) = listener.accept_blocking(Some(PATIENCE)).unwrap();
    let hear = || plain.blocking_for(PATIENCE).recv_bytes().unwrap().0;
    assert_eq!(hear(), wire::head(Flags::ACK, 5)[..]);
    enforce(&host, but_send(1, 2));
    let error = block_on(read_on(&server)).1;
    assert_eq!(error, StreamError::Cut { peer: server.peer_addr() });
    assert_eq!(hear(), wire::head(Flags::RST, 5)[..]);
}

/// Before a policy cuts anything, the first refused message tells.
#[test]
fn a_stream_whose_write_is_refused_ends_for_its_reader_too() {
    for ban in [but_send(1, 2), but_ports(1, 2)] {
        let host = under(all());
        let Connected { client, server: _server, .. } = connected(&host, ListenOptions::port(PORT));
        let cut = StreamError::Cut { peer: client.peer_addr() };
        thread::scope(|scope| {
            let reader = scope.spawn(|| block_on(read_on(&client)).1);
            replace(&host, ban);
            block_on(client.write(b"refused")).unwrap();
            assert_eq!(inside(&block_on(client.flush()).unwrap_err()), cut);
            assert_eq!(reader.join().unwrap(), cut);
        });
    }
}

/// Were the ring of a connection that is over there again, its peer would think it alive.
#[test]
fn the_ring_of_a_connection_does_not_come_back() {
    let host = under(all());
    let Connected { client, server, .. } = connected(&host, ListenOptions::port(PORT));
    enforce(&host, but_send(1, 2));
    for end in [&client, &server] {
        assert!(is_end(block_on(read_on(end)).1));
    }
    let rings = host.engine().stat(id(2)).unwrap().rings;
    assert!(rings.iter().all(|ring| ring.name.partner != Partner::Domain(id(1))), "{rings:?}");
}
