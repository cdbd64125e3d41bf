//! Every async operation of streams dropped at each of its awaits.
#![allow(clippy::unwrap_used, clippy::panic, reason = "the helpers of tests may panic, too")]

mod support;

use std::future::Future;
use std::net::Shutdown;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake};
use std::thread::Thread;

use argo_guest::seqpacket::{Seqpacket, SeqpacketListener};
use argo_guest::stream::{ListenOptions, Stream, StreamListener, StreamOptions};
use argo_guest::{BindError, BindOptions, Datagram, Domain, Interest, Port};
use futures::executor::block_on;
use support::{Slow, at, domain, local, poll_once, system};

/// Rings so large that a session's RAM holds few of them: a leak is met soon.
const SMALL: StreamOptions = StreamOptions::new().ring_len(100 << 10).send_buffer(8 << 10);

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Polls the future, each time after it was woken, and drops it at its `awaits`-th wait.
fn drop_at<T>(awaits: usize, future: impl Future<Output = T>) -> Option<T> {
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let mut future = pin!(future);
    for wait in 0..=awaits {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Some(output);
        }
        if wait < awaits {
            std::thread::park();
        }
    }
    None
}

/// Drops what `operation` makes at each of its waits, until one has no more; returns its output.
fn drop_everywhere<T, F: Future<Output = T>>(mut operation: impl FnMut() -> F) -> (usize, T) {
    (0..).find_map(|awaits| Some((awaits, drop_at(awaits, operation())?))).unwrap()
}

/// A domain whose calls another thread executes, one by one, and a plain one.
fn domains() -> (Domain, Domain) {
    let system = system();
    let slow = Slow::new(local(&system, 1), 64);
    slow.serve();
    (Domain::new(slow), domain(&system, 2))
}

fn connected() -> (Stream, Stream) {
    let (near, far) = domains();
    let how = ListenOptions::port(Port(7)).stream(SMALL);
    let listener = StreamListener::bind_blocking(&far, how).unwrap();
    let client = Stream::connect_blocking_with(&near, at(2, 7), &SMALL).unwrap();
    (client, listener.accept_blocking(None).unwrap().0)
}

fn read_exact(stream: &Stream, len: usize) -> Vec<u8> {
    let mut all = vec![0; len];
    let mut filled = 0;
    while filled < len {
        match block_on(stream.read(&mut all[filled..])).unwrap() {
            0 => panic!("the end after {filled} of {len} bytes"),
            some => filled += some,
        }
    }
    all
}

/// Binds as soon as the port and its memory are free: a ring is taken down without a wait.
async fn bind_again(domain: &Domain, how: ListenOptions) -> StreamListener {
    loop {
        match StreamListener::bind(domain, how).await {
            Err(BindError::InUse { .. } | BindError::OutOfMemory(_)) => {
                // Somebody has to take the answers: an operation that waits does.
                let _ = Datagram::bind(domain, BindOptions::any_port().ring_len(48)).await;
            }
            answer => return answer.unwrap(),
        }
    }
}

#[test]
fn a_dropped_bind_leaves_the_port_free() {
    let (near, _far) = domains();
    let mut waits = 0;
    for _ in 0..20 {
        let how = ListenOptions::port(Port(7)).partner(support::id(2)).stream(SMALL);
        let (awaits, listener) = drop_everywhere(|| bind_again(&near, how));
        waits += awaits;
        drop(listener);
    }
    assert!(waits >= 1);
}

#[test]
fn a_dropped_connect_gives_everything_back() {
    let (near, far) = domains();
    let how = ListenOptions::port(Port(7)).backlog(64).stream(SMALL);
    let listener = StreamListener::bind_blocking(&far, how).unwrap();
    let mut waits = 0;
    for round in 0..20u8 {
        let connect = || Stream::connect_with(&near, at(2, 7), &SMALL);
        let (awaits, client) = drop_everywhere(connect);
        let client = client.unwrap();
        waits += awaits;
        // Those that were given up may be accepted, too, and are at their end.
        let server = loop {
            let (stream, from) = listener.accept_blocking(None).unwrap();
            if from == client.local_addr() {
                break stream;
            }
            let ended = block_on(stream.read(&mut [0; 4]));
            assert!(ended.is_err() || ended.is_ok_and(|read| read == 0));
        };
        block_on(client.write(&[round])).unwrap();
        assert_eq!(read_exact(&server, 1), [round]);
    }
    assert!(waits >= 1);
}

#[test]
fn a_dropped_accept_loses_no_connection() {
    let (near, far) = domains();
    let listener = StreamListener::bind_blocking(&far, Port(7)).unwrap();
    for _ in 0..20 {
        let mut first = Box::pin(listener.accept());
        let mut second = Box::pin(listener.accept());
        assert!(poll_once(first.as_mut()).is_pending());
        assert!(poll_once(second.as_mut()).is_pending());
        let client = Stream::connect_blocking_with(&near, at(2, 7), &SMALL).unwrap();
        drop(first);
        assert_eq!(block_on(second).unwrap().1, client.local_addr());
    }
}

#[test]
fn dropped_reads_and_waits_lose_no_byte() {
    let (client, server) = connected();
    let mut buffer = [0; 8];
    for round in 0..20u8 {
        assert!(drop_at(0, server.read(&mut buffer)).is_none());
        assert!(drop_at(0, server.peek(&mut buffer)).is_none());
        assert!(drop_at(0, server.readable()).is_none());
        assert!(drop_at(0, server.ready(Interest::READABLE)).is_none());
        // Woken, then dropped before it looked.
        let mut woken = Box::pin(server.read(&mut buffer));
        assert!(poll_once(woken.as_mut()).is_pending());
        block_on(client.write(&[round; 3])).unwrap();
        block_on(server.readable()).unwrap();
        drop(woken);
        assert_eq!(read_exact(&server, 3), [round; 3]);
    }
}

#[test]
fn dropped_writes_write_nothing() {
    let (client, server) = connected();
    let chunk: Vec<u8> = (0..1000u32).map(|at| at as u8).collect();
    let mut written = Vec::new();
    // Until the peer's ring and the send buffer are full, and a while longer.
    let mut refused = 0;
    while refused < 200 {
        match drop_at(0, client.write(&chunk)) {
            Some(some) => written.extend_from_slice(&chunk[..some.unwrap()]),
            None => {
                refused += 1;
                assert!(drop_at(0, client.flush()).is_none_or(|flushed| flushed.is_ok()));
                std::thread::yield_now();
            }
        }
    }
    assert!(read_exact(&server, written.len()) == written);
    block_on(client.flush()).unwrap();
    assert_eq!(server.try_read(&mut [0]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    block_on(client.write(b"goes on")).unwrap();
    assert_eq!(read_exact(&server, 7), b"goes on");
}

#[test]
fn a_dropped_shutdown_shuts_down() {
    for awaits in 0..4 {
        let (client, server) = connected();
        block_on(client.write(b"before")).unwrap();
        let _ = drop_at(awaits, client.shutdown(Shutdown::Write));
        assert_eq!(read_exact(&server, 6), b"before");
        assert_eq!(block_on(server.read(&mut [0; 4])).unwrap(), 0);
        block_on(server.write(b"after")).unwrap();
        assert_eq!(read_exact(&client, 5), b"after");
    }
}

#[test]
fn dropped_sends_and_receives_of_messages_are_whole_or_nothing() {
    let (near, far) = domains();
    let how = ListenOptions::port(Port(7)).stream(SMALL);
    let listener = SeqpacketListener::bind_blocking(&far, how).unwrap();
    let client = Seqpacket::connect_blocking_with(&near, at(2, 7), &SMALL).unwrap();
    let (server, _) = listener.accept_blocking(None).unwrap();
    let mut sent = 0u8;
    for _ in 0..400 {
        if sent < 200 && drop_at(0, client.send(&[sent; 900])).is_some() {
            sent += 1;
        }
    }
    let mut received = 0;
    while received < sent {
        if let Some(message) = drop_at(0, server.recv_bytes()) {
            assert_eq!(message.unwrap().unwrap(), vec![received; 900]);
            received += 1;
        }
    }
    block_on(client.shutdown(Shutdown::Write)).unwrap();
    assert_eq!(server.blocking().recv_bytes().unwrap(), None);
}
