//! Connections that keep message boundaries.
#![allow(clippy::unwrap_used, clippy::panic, reason = "the helpers of tests may panic, too")]

mod support;

use std::io;
use std::net::Shutdown;
use std::time::Duration;

use argo_guest::seqpacket::{Seqpacket, SeqpacketListener};
use argo_guest::stream::{ConnectError, Stream, StreamError, StreamListener, StreamOptions};
use argo_guest::{Domain, Interest, Port};
use bytes::Bytes;
use futures::executor::block_on;
use futures::{SinkExt, StreamExt, TryStreamExt};
use support::{at, domain, system};

const SMALL: StreamOptions = StreamOptions::new().ring_len(64 << 10).send_buffer(16 << 10);

/// Two connected sockets of two domains, the dialling one first.
fn connected() -> (Seqpacket, Seqpacket) {
    let system = system();
    let (near, far) = (domain(&system, 1), domain(&system, 2));
    let listener = SeqpacketListener::bind_blocking(&far, Port(7)).unwrap();
    let client = Seqpacket::connect_blocking_with(&near, at(2, 7), &SMALL).unwrap();
    let (server, from) = listener.accept_blocking(None).unwrap();
    assert_eq!(from, client.local_addr());
    (client, server)
}

fn error_of(error: &io::Error) -> StreamError {
    *error.get_ref().unwrap().downcast_ref().unwrap()
}

#[test]
fn messages_keep_their_boundaries_and_may_be_empty() {
    let (client, server) = connected();
    block_on(async {
        for message in [&b"one"[..], b"", b"three"] {
            client.send(message).await.unwrap();
        }
        client.shutdown(Shutdown::Write).await.unwrap();
        assert_eq!(server.recv_bytes().await.unwrap().as_deref(), Some(&b"one"[..]));
        assert_eq!(server.recv_bytes().await.unwrap().as_deref(), Some(&b""[..]));
        let mut short = [0; 2];
        assert_eq!(server.recv(&mut short).await.unwrap(), 2);
        assert_eq!(&short, b"th");
        assert_eq!(server.recv_bytes().await.unwrap(), None);

        server.send(b"after your end").await.unwrap();
        assert_eq!(client.recv_bytes().await.unwrap().unwrap().len(), 14);
    });
}

#[test]
fn a_message_that_is_too_big_is_refused_with_the_maximum() {
    let (client, server) = connected();
    let max = client.max_message();
    let error = client.try_send(&vec![0; max + 1]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    assert_eq!(error_of(&error), StreamError::TooBig { len: max + 1, max });
    client.try_send(&vec![7; max]).unwrap();
    assert_eq!(server.blocking().recv_bytes().unwrap().unwrap(), vec![7; max]);
}

#[test]
fn streams_and_messages_do_not_mix() {
    let system = system();
    let (near, far) = (domain(&system, 1), domain(&system, 2));
    let _messages = SeqpacketListener::bind_blocking(&far, Port(7)).unwrap();
    let _bytes = StreamListener::bind_blocking(&far, Port(8)).unwrap();
    let refused = |port| ConnectError::Refused { to: at(2, port) };
    assert_eq!(Stream::connect_blocking(&near, at(2, 7)).unwrap_err(), refused(7));
    assert_eq!(Seqpacket::connect_blocking(&near, at(2, 8)).unwrap_err(), refused(8));
}

#[test]
fn a_full_buffer_would_block_and_a_reader_makes_room() {
    let (client, server) = connected();
    let mut sent = 0u32;
    while client.try_send(&[sent as u8; 1000]).is_ok() {
        sent += 1;
        // What the buffer holds goes on to the ring, so that both fill up.
        let _ = client.blocking_for(Duration::from_millis(20)).flush();
    }
    assert!(sent >= 60);
    let timed_out = client.blocking_for(Duration::from_millis(5)).send(&[0; 1000]).unwrap_err();
    assert_eq!(timed_out.kind(), io::ErrorKind::TimedOut);
    for message in 0..sent {
        assert_eq!(server.blocking().recv_bytes().unwrap().unwrap(), vec![message as u8; 1000]);
    }
    assert_eq!(server.try_recv_bytes().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    block_on(client.writable()).unwrap();
    client.try_send(b"room").unwrap();
    assert!(block_on(server.ready(Interest::READABLE)).unwrap().is_readable());
    assert_eq!(server.try_recv(&mut [0; 10]).unwrap(), 4);
}

#[test]
fn sinks_and_streams_of_messages() {
    let (mut client, mut server) = connected();
    let messages: Vec<Bytes> = (0..500usize).map(|n| Bytes::from(vec![n as u8; n])).collect();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            block_on(async {
                for message in &messages {
                    client.feed(message.clone()).await.unwrap();
                }
                client.close().await.unwrap();
            });
        });
        let received: Vec<Bytes> = block_on((&mut server).try_collect()).unwrap();
        assert!(received == messages);
    });
    assert!(block_on(server.next()).is_none());
}

#[test]
fn a_peer_that_goes_is_the_end_after_its_messages() {
    let (client, server) = connected();
    client.try_send(b"last").unwrap();
    drop(client);
    assert_eq!(server.blocking().recv_bytes().unwrap().as_deref(), Some(&b"last"[..]));
    assert_eq!(server.blocking().recv_bytes().unwrap(), None);
}

#[test]
fn pairs_talk_and_the_listener_streams() {
    let system = system();
    let near: Domain = domain(&system, 1);
    let (left, right) = Seqpacket::pair(&near).unwrap();
    left.blocking().send(b"ping").unwrap();
    assert_eq!(right.blocking().recv(&mut [0; 9]).unwrap(), 4);
    drop((left, right));

    let far = domain(&system, 2);
    let listener = SeqpacketListener::bind_blocking(&far, Port(9)).unwrap();
    let dialled: Vec<_> = (0..3)
        .map(|_| Seqpacket::connect_blocking_with(&near, at(2, 9), &SMALL).unwrap())
        .collect();
    let accepted: Vec<_> = block_on(listener.incoming().take(3).try_collect()).unwrap();
    for ((socket, from), client) in accepted.iter().zip(&dialled) {
        assert_eq!(*from, client.local_addr());
        assert_eq!(socket.local_addr(), at(2, 9));
    }
}
