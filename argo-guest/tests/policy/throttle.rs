//! A rate limit: who sends too much waits, tries again when told, and not before.

use std::pin::pin;
use std::task::Poll;
use std::thread;

use argo_guest::seqpacket::{Seqpacket, SeqpacketListener};
use argo_guest::stream::{Stream, StreamListener};
use argo_guest::{Datagram, Port, SendError};
use futures::executor::block_on;
use futures::task;

use crate::book::{Host, Limit, all, throttle, tries, under};
use crate::support::{PATIENCE, at, domain, poll_once};

const PORT: Port = Port(7);
const TO: fn() -> argo_guest::Address = || at(2, 7);

fn sockets() -> (Host, Datagram, Datagram) {
    let host = under(all());
    let bind = |raw| Datagram::bind_blocking(&domain(&host, raw), PORT).unwrap();
    let (client, server) = (bind(1), bind(2));
    throttle(&host, Limit::Set);
    (host, client, server)
}

/// Lets `send` wait for the limit, then lifts that; the tries that it made.
fn lifted<T: Send>(host: &Host, send: impl FnOnce() -> T + Send) -> (T, usize) {
    let before = tries(host);
    thread::scope(|scope| {
        let sender = scope.spawn(send);
        while tries(host) == before {
            thread::yield_now();
        }
        throttle(host, Limit::Lifted);
        let sent = sender.join().unwrap();
        (sent, tries(host) - before)
    })
}

#[test]
fn a_blocking_sender_is_woken() {
    let (host, client, server) = sockets();
    assert_eq!(client.try_send_to(b"now", TO()), Err(SendError::WouldBlock { to: TO() }));
    let (sent, tries) = lifted(&host, || client.blocking_for(PATIENCE).send_to(b"later", TO()));
    assert_eq!(sent, Ok(5));
    assert!(tries <= 3, "{tries}");
    assert_eq!(&server.blocking().recv_bytes().unwrap().0[..], b"later");
}

#[test]
fn a_task_that_sends_is_woken() {
    let (host, client, _server) = sockets();
    let (sent, tries) = lifted(&host, || block_on(client.send_to(b"later", TO())));
    assert_eq!(sent, Ok(5));
    assert!(tries <= 3, "{tries}");
}

#[test]
fn a_batch_goes_on_where_it_was() {
    let (host, client, server) = sockets();
    let messages: [&[u8]; 3] = [b"a", b"b", b"c"];
    let (sent, _) = lifted(&host, || block_on(client.send_batch_to(&messages, TO())));
    assert_eq!(sent, Ok(()));
    for message in messages {
        assert_eq!(&server.blocking().recv_bytes().unwrap().0[..], message);
    }
}

#[test]
fn a_poll_waits_and_does_not_spin() {
    let (host, client, _server) = sockets();
    block_on(async {
        let before = tries(&host);
        let mut send = pin!(futures::future::poll_fn(|context| {
            client.poll_send_to(context, b"later", TO())
        }));
        for _ in 0..10 {
            assert!(poll_once(send.as_mut()).is_pending());
        }
        assert!(tries(&host) - before <= 2, "polled without news");
        throttle(&host, Limit::Lifted);
        assert_eq!(send.await, Ok(5));
    });
    let nobody = task::noop_waker();
    let mut context = std::task::Context::from_waker(&nobody);
    assert_eq!(client.poll_send_to(&mut context, b"now", TO()), Poll::Ready(Ok(3)));
}

#[test]
fn a_stream_and_a_seqpacket_go_on() {
    let host = under(all());
    let (near, far) = (domain(&host, 1), domain(&host, 2));
    let listener = StreamListener::bind_blocking(&far, PORT).unwrap();
    let packets = SeqpacketListener::bind_blocking(&far, Port(8)).unwrap();
    let client = Stream::connect_blocking(&near, at(2, 7)).unwrap();
    let (server, _) = listener.accept_blocking(None).unwrap();
    let sender = Seqpacket::connect_blocking(&near, at(2, 8)).unwrap();
    let (receiver, _) = packets.accept_blocking(None).unwrap();
    throttle(&host, Limit::Set);
    let (_, tries) = lifted(&host, || {
        block_on(async {
            client.write(b"stream").await.unwrap();
            sender.send(b"packet").await.unwrap();
            client.flush().await.unwrap();
            sender.flush().await.unwrap();
        });
    });
    assert!(tries <= 8, "{tries}");
    let mut buffer = [0; 16];
    assert_eq!(block_on(server.read(&mut buffer)).unwrap(), 6);
    assert_eq!(block_on(receiver.recv(&mut buffer)).unwrap(), 6);
}

/// Even the request for a connection waits.
#[test]
fn a_connection_comes_to_be() {
    let host = under(all());
    let (near, far) = (domain(&host, 1), domain(&host, 2));
    let listener = StreamListener::bind_blocking(&far, PORT).unwrap();
    throttle(&host, Limit::Set);
    let (client, _) = lifted(&host, || Stream::connect_blocking(&near, at(2, 7)).unwrap());
    let (_server, from) = listener.accept_blocking(None).unwrap();
    assert_eq!(from, client.local_addr());
}
