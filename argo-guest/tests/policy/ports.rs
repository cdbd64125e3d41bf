//! Nothing is allowed but one port of a server and what answers it: all kinds of sockets work
//! there, and nothing else does.

use std::net::Shutdown;

use argo_guest::seqpacket::{Seqpacket, SeqpacketListener};
use argo_guest::stream::{ConnectError, ListenOptions, Stream, StreamListener};
use argo_guest::{BindOptions, Datagram, Domain, Port, SendError};
use argo_stream::wire::{self, Flags};
use futures::executor::block_on;

use crate::book::{only_with_reply, under};
use crate::support::{PATIENCE, at, domain};

const PORT: Port = Port(7);

/// A client, a server and a third, under rules for the first two.
fn world() -> [Domain; 3] {
    let host = under(only_with_reply(1, 2, PORT));
    [1, 2, 3].map(|raw| domain(&host, raw))
}

#[test]
fn streams_work() {
    for options in [ListenOptions::port(PORT), ListenOptions::port(PORT).memory(0)] {
        let [near, far, _third] = world();
        let listener = StreamListener::bind_blocking(&far, options).unwrap();
        let client = Stream::connect_blocking(&near, at(2, 7)).unwrap();
        let (server, _) = listener.accept_blocking(None).unwrap();
        assert!(client.is_extended());
        block_on(async {
            let mut buffer = [0; 16];
            client.write(b"question").await.unwrap();
            assert_eq!(server.read(&mut buffer).await.unwrap(), 8);
            server.write(b"answer").await.unwrap();
            server.shutdown(Shutdown::Write).await.unwrap();
            assert_eq!(client.read(&mut buffer).await.unwrap(), 6);
            assert_eq!(client.read(&mut buffer).await.unwrap(), 0);
        });
    }
}

/// A client on the plain wire, by hand.
#[test]
fn the_plain_wire_works() {
    let [near, far, _third] = world();
    let listener = StreamListener::bind_blocking(&far, PORT).unwrap();
    let how = BindOptions::any_port().partner(far.id()).message_type(wire::STREAM);
    let plain = Datagram::bind_blocking(&near, how).unwrap();
    let say = |message: &[u8]| plain.blocking().send_to(message, at(2, 7)).unwrap();
    let hear = || plain.blocking_for(PATIENCE).recv_bytes().unwrap();
    say(&wire::head(Flags::SYN, 5));
    let (server, _) = listener.accept_blocking(Some(PATIENCE)).unwrap();
    assert_eq!(hear(), (wire::head(Flags::ACK, 5).to_vec().into(), at(2, 7)));
    let data = |bytes: &[u8]| [&wire::head(Flags::empty(), 5)[..], bytes].concat();
    say(&data(b"question"));
    block_on(async {
        let mut buffer = [0; 16];
        assert_eq!(server.read(&mut buffer).await.unwrap(), 8);
        server.write(b"answer").await.unwrap();
    });
    assert_eq!(hear(), (data(b"answer").into(), at(2, 7)));
}

#[test]
fn seqpackets_work() {
    let [near, far, _third] = world();
    let listener = SeqpacketListener::bind_blocking(&far, PORT).unwrap();
    let client = Seqpacket::connect_blocking(&near, at(2, 7)).unwrap();
    let (server, _) = listener.accept_blocking(None).unwrap();
    block_on(async {
        client.send(b"question").await.unwrap();
        assert_eq!(server.recv_bytes().await.unwrap().unwrap().len(), 8);
        server.send(b"answer").await.unwrap();
        assert_eq!(client.recv_bytes().await.unwrap().unwrap().len(), 6);
    });
}

#[test]
fn datagrams_work_one_way_and_are_answered() {
    let [near, far, third] = world();
    let [client, stranger] =
        [&near, &third].map(|domain| Datagram::bind_blocking(domain, Port(50)).unwrap());
    let [server, other] = [PORT, Port(8)].map(|port| Datagram::bind_blocking(&far, port).unwrap());
    client.blocking().send_to(b"question", at(2, 7)).unwrap();
    let (_, from) = server.blocking().recv_bytes().unwrap();
    server.blocking().send_to(b"answer", from).unwrap();
    assert_eq!(&client.blocking().recv_bytes().unwrap().0[..], b"answer");
    for (socket, to) in
        [(&client, at(2, 8)), (&stranger, at(2, 7)), (&other, from), (&server, at(3, 50))]
    {
        assert_eq!(socket.blocking().send_to(b"no", to), Err(SendError::Denied { to }));
    }
}

#[test]
fn a_connection_that_is_refused_is_denied_at_once() {
    let [near, far, third] = world();
    let _listeners = [PORT, Port(8)].map(|port| StreamListener::bind_blocking(&far, port).unwrap());
    let _back = StreamListener::bind_blocking(&near, PORT).unwrap();
    for (domain, to) in [(&near, at(2, 8)), (&third, at(2, 7)), (&far, at(1, 7))] {
        let error = Stream::connect_blocking(domain, to).unwrap_err();
        assert_eq!(error, ConnectError::Send(SendError::Denied { to }));
    }
}
