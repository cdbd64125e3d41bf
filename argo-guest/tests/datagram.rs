//! Datagrams between domains in this process.
#![allow(clippy::unwrap_used, clippy::panic, reason = "the helpers of tests may panic, too")]

mod support;

use std::io::IoSlice;

use argo_core::policy::{Action, Hook, Rule, Subject};
use argo_guest::datagram::MESSAGE_TYPE;
use argo_guest::{
    BindError, BindOptions, Datagram, Domain, Interest, Port, Ready, RecvError, SendError,
};
use argo_hypervisor::inprocess::Rules;
use bytes::Bytes;
use futures::executor::block_on;
use futures::{SinkExt, StreamExt};
use support::{at, domain, guarded, id, local, pair, system};

#[test]
fn a_message_arrives_with_its_source() {
    let (client, server) = pair();
    assert_eq!(block_on(client.send_to(b"hello", at(2, 1))), Ok(5));
    let mut buffer = [0; 16];
    assert_eq!(block_on(server.recv_from(&mut buffer)), Ok((5, at(1, 1))));
    assert_eq!(&buffer[..5], b"hello");
}

#[test]
fn a_socket_talks_to_itself() {
    let (socket, _) = pair();
    socket.connect(socket.local_addr());
    assert_eq!(block_on(socket.send(b"me")), Ok(2));
    let (bytes, source) = block_on(socket.recv_bytes()).unwrap();
    assert_eq!((&bytes[..], source), (&b"me"[..], socket.local_addr()));
}

#[test]
fn peeking_leaves_the_message() {
    let (client, server) = pair();
    client.try_send_to(b"first", at(2, 1)).unwrap();
    client.try_send_to(b"second", at(2, 1)).unwrap();
    let mut buffer = [0; 16];
    for _ in 0..2 {
        assert_eq!(block_on(server.peek_from(&mut buffer)), Ok((5, at(1, 1))));
    }
    assert_eq!(server.blocking().peek(&mut buffer), Ok(5));
    assert_eq!(server.try_recv(&mut buffer), Ok(5));
    assert_eq!(server.try_recv(&mut buffer), Ok(6));
    assert_eq!(server.try_recv(&mut buffer), Err(RecvError::WouldBlock));
}

#[test]
fn pieces_and_prepared_buffers_are_one_message() {
    let (client, server) = pair();
    let words = ["a ", "bc ", "", "def"];
    let pieces: Vec<_> = words.iter().map(|word| IoSlice::new(word.as_bytes())).collect();
    assert_eq!(block_on(client.send_vectored_to(&pieces, at(2, 1))), Ok(8));
    let mut buffer = client.domain().buffer(10).unwrap();
    buffer.write(0, b"prepared").unwrap();
    assert!(buffer.write(8, b"too long").is_err());
    buffer.truncate(8);
    assert_eq!(block_on(client.send_buffer_to(buffer, at(2, 1))), Ok(8));
    assert_eq!(&block_on(server.recv_bytes()).unwrap().0[..], b"a bc def");
    assert_eq!(&block_on(server.recv_bytes()).unwrap().0[..], b"prepared");
}

#[test]
fn a_message_is_lent_in_place_and_wraps_into_two_parts() {
    let system = system();
    let how = BindOptions::port(Port(1)).ring_len(256);
    let server = Datagram::bind_blocking(&domain(&system, 2), how).unwrap();
    let client = Datagram::bind_blocking(&domain(&system, 1), Port(1)).unwrap();
    let message: Vec<u8> = (0..90).collect();
    let mut wrapped = 0;
    for _ in 0..16 {
        client.try_send_to(&message, at(2, 1)).unwrap();
        let received = server.try_receive().unwrap();
        let (first, second) = received.parts();
        assert_eq!([first, second].concat(), message);
        assert_eq!((received.source(), received.message_type()), (at(1, 1), MESSAGE_TYPE));
        wrapped += usize::from(!second.is_empty());
    }
    assert!(wrapped > 0);
}

#[test]
fn without_a_promise_messages_are_lent_as_copies() {
    let system = system();
    let socket = Datagram::bind_blocking(&Domain::new(local(&system, 1)), Port(9)).unwrap();
    socket.try_send_to(b"copied", at(1, 9)).unwrap();
    let received = socket.try_receive().unwrap();
    assert_eq!(received.parts(), (&b"copied"[..], &b""[..]));
    received.keep();
    assert_eq!(socket.try_receive().unwrap().len(), 6);
}

#[test]
fn refusals_are_told_apart() {
    let system = system();
    let client = Datagram::bind_blocking(&domain(&system, 1), Port(1)).unwrap();
    let how = BindOptions::port(Port(5)).ring_len(256);
    let server = Datagram::bind_blocking(&domain(&system, 2), how).unwrap();
    let to = server.local_addr();
    let too_big = SendError::TooBig { len: 225, max: 224 };
    assert_eq!(client.try_send_to(&[0; 225], to), Err(too_big));
    assert_eq!(block_on(client.max_message_to(to)), Ok(224));
    let refused = SendError::ConnectionRefused { to: at(2, 6) };
    assert_eq!(client.try_send_to(b"x", at(2, 6)), Err(refused));
    let nobody = SendError::NoSuchDomain { to: at(3, 1) };
    assert_eq!(client.try_send_to(b"x", at(3, 1)), Err(nobody));
    assert_eq!(client.try_send_to(&[0; 200], to), Ok(200));
    assert_eq!(client.try_send_to(&[0; 200], to), Err(SendError::WouldBlock { to }));
    assert_eq!(client.try_send(b"x"), Err(SendError::NotConnected));
    let huge = client.try_send_to(&[0; 2 << 20], to);
    assert!(matches!(huge, Err(SendError::OutOfMemory(_))), "{huge:?}");
}

#[test]
fn binding_says_what_was_wrong() {
    let system = system();
    let domain = domain(&system, 1);
    let bind = |how| Datagram::bind_blocking(&domain, how).map(|_| ());
    let _held = Datagram::bind_blocking(&domain, Port(1)).unwrap();
    let any = argo_guest::Partner::Any;
    let in_use = BindError::InUse { port: Port(1), partner: any };
    assert_eq!(bind(BindOptions::port(Port(1))), Err(in_use));
    let length = BindError::RingLength { len: 100, min: 48, max: 16_777_152 };
    assert_eq!(bind(BindOptions::any_port().ring_len(100)), Err(length));
    let away = bind(BindOptions::port(Port(1)).partner(id(9)));
    assert!(matches!(away, Err(BindError::PartnerAway { .. })), "{away:?}");
    let large = bind(BindOptions::any_port().ring_len(2 << 20));
    assert!(matches!(large, Err(BindError::OutOfMemory(_))), "{large:?}");
}

#[test]
fn any_port_is_a_port_of_its_own() {
    let system = system();
    let domain = domain(&system, 1);
    let bind = || Datagram::bind_blocking(&domain, BindOptions::any_port()).unwrap();
    let (one, other) = (bind(), bind());
    assert_ne!(one.local_addr(), other.local_addr());
    assert!(one.local_addr().port.0 >= 0x8000_0000);
}

#[test]
fn policy_is_an_error_of_its_own() {
    let allow = |hook| Rule { hook, from: Subject::Any, to: Subject::Any, action: Action::Allow };
    let rules = vec![allow(Hook::Enable), allow(Hook::RegisterAnySource)];
    let system = guarded(Rules { rules, ..Rules::default() });
    let (one, two) = (domain(&system, 1), domain(&system, 2));
    let client = Datagram::bind_blocking(&one, Port(1)).unwrap();
    let server = Datagram::bind_blocking(&two, Port(1)).unwrap();
    let to = server.local_addr();
    assert_eq!(client.try_send_to(b"x", to), Err(SendError::Denied { to }));
    let how = BindOptions::port(Port(2)).partner(id(2));
    let denied = Datagram::bind_blocking(&one, how).map(|_| ());
    assert!(matches!(denied, Err(BindError::Denied { port: Port(2), .. })), "{denied:?}");
}

#[test]
fn a_dropped_socket_leaves_port_and_memory_free() {
    let system = system();
    let domain = domain(&system, 1);
    // Each ring takes more than a third of the RAM.
    for _ in 0..8 {
        let how = BindOptions::port(Port(1)).ring_len(400 * 1024);
        let socket = Datagram::bind_blocking(&domain, how).unwrap();
        socket.try_send_to(b"unread", at(1, 1)).unwrap();
    }
    let sender = Datagram::bind_blocking(&domain, Port(2)).unwrap();
    let to = at(1, 1);
    assert_eq!(sender.try_send_to(b"x", to), Err(SendError::ConnectionRefused { to }));
}

#[test]
fn a_batch_tells_how_far_it_came() {
    let (client, server) = pair();
    let messages: Vec<Vec<u8>> = (0..100u8).map(|at| vec![at; 20]).collect();
    let slices: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
    assert_eq!(block_on(client.send_batch_to(&slices, at(2, 1))), Ok(()));
    for message in &messages {
        assert_eq!(&block_on(server.recv_bytes()).unwrap().0[..], &message[..]);
    }
    let long = vec![0; server.max_message() as usize + 1];
    let mut mixed = slices[..40].to_vec();
    mixed.push(&long);
    mixed.extend(&slices[40..45]);
    let error = block_on(client.send_batch_to(&mixed, at(2, 1))).unwrap_err();
    let max = server.max_message();
    assert_eq!(error.delivered, 40);
    assert_eq!(error.cause, SendError::TooBig { len: long.len(), max });
    for message in &messages[..40] {
        assert_eq!(&block_on(server.recv_bytes()).unwrap().0[..], &message[..]);
    }
    assert_eq!(server.try_recv(&mut []), Err(RecvError::WouldBlock));
}

#[test]
fn a_connected_socket_hears_its_peer_only() {
    let (client, server) = pair();
    let stranger = Datagram::bind_blocking(client.domain(), Port(9)).unwrap();
    server.connect(client.local_addr());
    stranger.try_send_to(b"strange", at(2, 1)).unwrap();
    client.try_send_to(b"known", at(2, 1)).unwrap();
    stranger.try_send_to(b"strange", at(2, 1)).unwrap();
    assert_eq!(&server.try_receive().unwrap().to_bytes()[..], b"known");
    assert_eq!(server.try_recv(&mut [0; 9]), Err(RecvError::WouldBlock));
    assert_eq!(server.skipped(), 2);
    server.disconnect();
    stranger.try_send_to(b"strange", at(2, 1)).unwrap();
    assert_eq!(server.try_recv_from(&mut [0; 9]), Ok((7, at(1, 9))));
}

#[test]
fn readiness_and_buffers_that_grow() {
    let (client, server) = pair();
    assert_eq!(block_on(server.ready(Interest::all())), Ok(Ready::WRITABLE));
    client.try_send_to(b"one", at(2, 1)).unwrap();
    client.try_send_to(b"two", at(2, 1)).unwrap();
    block_on(server.readable()).unwrap();
    assert_eq!(block_on(server.ready(Interest::READABLE)), Ok(Ready::READABLE));
    let mut grown = bytes::BytesMut::new();
    assert_eq!(block_on(server.recv_buf(&mut grown)), Ok(3));
    let mut rest = [0; 2];
    assert_eq!(block_on(server.recv_buf_from(&mut &mut rest[..])), Ok((2, at(1, 1))));
    assert_eq!((&grown[..], &rest), (&b"one"[..], b"tw"));
    assert_eq!(server.try_recv(&mut rest), Err(RecvError::WouldBlock));
}

#[test]
fn pairs_are_sinks_and_streams() {
    let (mut left, mut right) = Datagram::pair(&domain(&system(), 1)).unwrap();
    let to = right.local_addr();
    let messages: Vec<Bytes> = (0..600).map(|n: usize| Bytes::from(vec![n as u8; n])).collect();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            block_on(async {
                for message in &messages {
                    left.feed((message.clone(), to)).await.unwrap();
                }
                left.close().await.unwrap();
            });
        });
        for message in &messages {
            let (received, _) = block_on(right.next()).unwrap().unwrap();
            assert!(received == message, "{} of {}", received.len(), message.len());
        }
    });
    right.domain().close();
    assert!(block_on(right.next()).unwrap().is_err());
    assert!(block_on(right.next()).is_none());
}
