//! Streams between two domains of an engine in this process.
#![allow(clippy::unwrap_used, reason = "the helpers of tests may panic, too")]

mod support;

use std::net::Shutdown;

use argo_guest::Port;
use argo_guest::stream::{Stream, StreamListener, StreamOptions};
use futures::executor::block_on;
use support::{at, domain, system};

const SMALL: StreamOptions = StreamOptions::new().ring_len(64 << 10);

#[test]
fn bytes_go_both_ways_and_end() {
    let system = system();
    let (near, far) = (domain(&system, 1), domain(&system, 2));
    block_on(async {
        let listener = StreamListener::bind(&far, Port(7)).await.unwrap();
        let client = Stream::connect_with(&near, at(2, 7), &SMALL).await.unwrap();
        let (server, from) = listener.accept().await.unwrap();
        assert_eq!(from, client.local_addr());
        assert!(client.is_extended() && server.is_extended());

        assert_eq!(client.write(b"hello").await.unwrap(), 5);
        let mut buffer = [0; 16];
        assert_eq!(server.read(&mut buffer).await.unwrap(), 5);
        assert_eq!(&buffer[..5], b"hello");

        client.shutdown(Shutdown::Write).await.unwrap();
        assert_eq!(server.read(&mut buffer).await.unwrap(), 0);
        assert_eq!(server.write(b"and back").await.unwrap(), 8);
        drop(server);
        assert_eq!(client.read(&mut buffer).await.unwrap(), 8);
        assert_eq!(client.read(&mut buffer).await.unwrap(), 0);
    });
}

#[test]
fn much_data_arrives_whole_and_in_order() {
    let system = system();
    let (near, far) = (domain(&system, 1), domain(&system, 2));
    let listener = block_on(StreamListener::bind(&far, Port(7))).unwrap();
    let sent: Vec<u8> = (0..3_000_000u32).map(|at| (at * 7 + at / 1000) as u8).collect();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            block_on(async {
                let client = Stream::connect_with(&near, at(2, 7), &SMALL).await.unwrap();
                let mut rest = &sent[..];
                while !rest.is_empty() {
                    let step = rest.len().min(10_000);
                    let written = client.write(&rest[..step]).await.unwrap();
                    rest = &rest[written..];
                }
            });
        });
        block_on(async {
            let (server, _) = listener.accept().await.unwrap();
            let mut received = Vec::new();
            let mut buffer = vec![0; 5000];
            loop {
                match server.read(&mut buffer).await.unwrap() {
                    0 => break,
                    some => received.extend_from_slice(&buffer[..some]),
                }
            }
            assert!(received == sent, "{} of {}", received.len(), sent.len());
        });
    });
}

#[test]
fn pairs_talk() {
    let system = system();
    let near = domain(&system, 1);
    let (left, right) = Stream::pair(&near).unwrap();
    block_on(async {
        left.write(b"ping").await.unwrap();
        let mut buffer = [0; 4];
        right.read(&mut buffer).await.unwrap();
        assert_eq!(&buffer, b"ping");
        drop(left);
        assert_eq!(right.read(&mut buffer).await.unwrap(), 0);
    });
}
