//! A soft reset by an administrator heals itself: sockets and listeners go on, connections end.

use std::pin::pin;
use std::task::Poll;
use std::thread;

use argo_guest::stream::{ListenOptions, Stream, StreamListener};
use argo_guest::{BindOptions, Datagram, Domain, Port, SendError};
use futures::executor::block_on;

use crate::book::{all, inside, is_end, look_around, registrations, under};
use crate::support::{PATIENCE, Slow, at, domain, id, local, poll_once, system};

const PORT: Port = Port(7);

/// Sends until it is received: until its owner has dealt with the news, the ring is not there.
fn send(client: &Datagram, message: &[u8]) {
    while let Err(error) = client.blocking().send_to(message, at(2, 7)) {
        assert_eq!(error, SendError::ConnectionRefused { to: at(2, 7) });
        thread::yield_now();
    }
}

#[test]
fn a_socket_goes_on_with_what_is_in_its_ring() {
    let bind = [BindOptions::port(PORT), BindOptions::port(PORT).partner(id(1))];
    for (how, reset) in bind.into_iter().flat_map(|how| [(how, 1), (how, 2)]) {
        let host = under(all());
        let (near, far) = (domain(&host, 1), domain(&host, 2));
        let client = Datagram::bind_blocking(&near, PORT).unwrap();
        let server = Datagram::bind_blocking(&far, how).unwrap();
        client.blocking().send_to(b"before", at(2, 7)).unwrap();
        host.engine().soft_reset(id(reset)).unwrap();
        host.engine().soft_reset(id(reset)).unwrap();
        thread::scope(|scope| {
            let receive = || server.blocking_for(PATIENCE).recv_bytes().unwrap().0;
            let receiver = scope.spawn(move || (receive(), receive()));
            send(&client, b"after");
            let (before, after) = receiver.join().unwrap();
            assert_eq!((&before[..], &after[..]), (&b"before"[..], &b"after"[..]));
        });
        assert!(registrations(&host) < 20, "{}", registrations(&host));
    }
}

#[test]
fn a_listener_goes_on_and_connections_end_at_both_ends() {
    let options = [ListenOptions::port(PORT), ListenOptions::port(PORT).memory(0)];
    for (how, reset) in options.into_iter().flat_map(|how| [(how, 1), (how, 2)]) {
        let host = under(all());
        let (near, far) = (domain(&host, 1), domain(&host, 2));
        let listener = StreamListener::bind_blocking(&far, how).unwrap();
        let connect = || Stream::connect_blocking(&near, at(2, 7)).unwrap();
        let (client, (server, _)) = (connect(), listener.accept_blocking(None).unwrap());
        thread::scope(|scope| {
            let read = |end: &Stream| inside(&block_on(end.read(&mut [0])).unwrap_err());
            let ends = [&client, &server].map(|end| scope.spawn(move || read(end)));
            host.engine().soft_reset(id(reset)).unwrap();
            for end in ends {
                assert!(is_end(end.join().unwrap()));
            }
        });
        look_around(&far);
        let (client, (server, _)) = (connect(), listener.accept_blocking(None).unwrap());
        block_on(async {
            client.write(b"again").await.unwrap();
            assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 5);
        });
    }
}

/// Takes all the RAM that there is.
fn fill(domain: &Domain) -> Vec<argo_guest::Buffer> {
    let mut taken = Vec::new();
    for len in [4096, 512, 64, 1] {
        while let Ok(buffer) = domain.buffer(len) {
            taken.push(buffer);
        }
    }
    taken
}

#[test]
fn without_memory_the_question_is_put_later() {
    let host = under(all());
    let (near, far) = (domain(&host, 1), domain(&host, 2));
    let client = Datagram::bind_blocking(&near, PORT).unwrap();
    let server = Datagram::bind_blocking(&far, PORT).unwrap();
    let full = fill(&far);
    host.engine().soft_reset(id(2)).unwrap();
    thread::scope(|scope| {
        let receiver = scope.spawn(|| server.blocking_for(PATIENCE).recv_bytes().unwrap().0);
        let to = at(2, 7);
        let refused = client.blocking().send_to(b"too early", to);
        assert_eq!(refused, Err(SendError::ConnectionRefused { to }));
        drop(full);
        send(&client, b"later");
        assert_eq!(&receiver.join().unwrap()[..], b"later");
    });
}

/// The question registers the ring, whose memory must not be another's by then.
#[test]
fn a_socket_dropped_during_the_question_leaves_nothing() {
    let system = system();
    let slow = Slow::new(local(&system, 2), 64);
    let (domain, mut driver) = Domain::without_thread(slow.clone(), 1);
    let rings = || system.engine().stat(id(2)).unwrap().rings.len();
    let socket = {
        let mut bind = pin!(Datagram::bind(&domain, PORT));
        assert!(poll_once(bind.as_mut()).is_pending());
        assert!(slow.step());
        let _ = driver.turn().unwrap();
        poll_once(bind)
    };
    let Poll::Ready(Ok(socket)) = socket else { panic!("not bound") };
    system.engine().soft_reset(id(2)).unwrap();
    let _ = driver.turn().unwrap();
    assert_eq!((slow.queued(), rings()), (1, 0), "the question is under way");
    drop(socket);
    assert_eq!(slow.queued(), 1, "the ring's memory is not given back yet");
    assert!(slow.step());
    assert_eq!(rings(), 1);
    let _ = driver.turn().unwrap();
    assert!(slow.step());
    assert_eq!((slow.queued(), rings()), (0, 0));
}
