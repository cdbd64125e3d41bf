//! How streams and listeners live and end: limits, deaths, restarts, many of them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "the helpers of tests may panic, too")]

mod support;

use std::net::Shutdown;
use std::time::{Duration, Instant};

use argo_guest::stream::{ConnectError, ListenOptions, Stream, StreamListener, StreamOptions};
use argo_guest::{BindOptions, Datagram, Domain, Port};
use argo_hypervisor::Quotas;
use argo_hypervisor::inprocess::{AllowAll, InProcess};
use argo_stream::wire;
use futures::executor::block_on;
use support::{PATIENCE, RAM_PAGES, at, domain, id, system};

const PORT: Port = Port(7);
const SMALL: StreamOptions = StreamOptions::new().ring_len(32_800).send_buffer(64 << 10);

fn listening() -> ListenOptions {
    ListenOptions::port(PORT).stream(SMALL)
}

fn domain_with(system: &InProcess<AllowAll>, raw: u16, pages: usize, rings: u32) -> Domain {
    let quotas = Quotas { rings, ..Quotas::default() };
    Domain::new(system.domain_with(id(raw), pages, quotas).unwrap())
}

async fn read_all(stream: &Stream) -> std::io::Result<Vec<u8>> {
    let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Ok(all),
            some => all.extend_from_slice(&buffer[..some]),
        }
    }
}

async fn write_all(stream: &Stream, mut bytes: &[u8]) -> std::io::Result<()> {
    while !bytes.is_empty() {
        bytes = &bytes[stream.write(bytes).await?..];
    }
    Ok(())
}

async fn connect(domain: &Domain) -> Result<Stream, ConnectError> {
    Stream::connect_with(domain, at(2, 7), &SMALL).await
}

#[test]
fn what_was_written_before_a_drop_is_read_by_who_accepts_later() {
    let system = system();
    let (near, far) = (domain(&system, 1), domain(&system, 2));
    block_on(async {
        let listener = StreamListener::bind(&far, listening()).await.unwrap();
        let client = connect(&near).await.unwrap();
        write_all(&client, &[7; 30_000]).await.unwrap();
        drop(client);
        drop(near);
        let (server, _) = listener.accept().await.unwrap();
        assert_eq!(read_all(&server).await.unwrap(), vec![7; 30_000]);
    });
}

#[test]
fn nobody_listens_or_exists() {
    let system = system();
    let (near, _far) = (domain(&system, 1), domain(&system, 2));
    block_on(async {
        let to = at(2, 7);
        assert_eq!(connect(&near).await.unwrap_err(), ConnectError::Refused { to });
        let nowhere = Stream::connect_with(&near, at(9, 7), &SMALL).await.unwrap_err();
        assert!(matches!(nowhere, ConnectError::Bind(_)), "{nowhere:?}");
    });
}

#[test]
fn the_backlog_is_each_domains_own() {
    let system = system();
    let (near, far, third) = (domain(&system, 1), domain(&system, 2), domain(&system, 3));
    block_on(async {
        let listener = StreamListener::bind(&far, listening().backlog(2)).await.unwrap();
        let first = connect(&near).await.unwrap();
        let _second = connect(&near).await.unwrap();
        let refused = ConnectError::Refused { to: at(2, 7) };
        assert_eq!(connect(&near).await.unwrap_err(), refused);
        let other = connect(&third).await.unwrap();
        let (accepted, from) = listener.accept().await.unwrap();
        assert_eq!(from, first.local_addr());
        let _again = connect(&near).await.unwrap();
        other.write(b"x").await.unwrap();
        drop(accepted);
        assert_eq!(read_all(&first).await.unwrap(), b"");
    });
}

#[test]
fn as_many_connections_as_the_limit_and_no_more() {
    let system = system();
    let (near, far) = (domain(&system, 1), domain(&system, 2));
    block_on(async {
        let listener = StreamListener::bind(&far, listening().connections(1)).await.unwrap();
        let client = connect(&near).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        let refused = ConnectError::Refused { to: at(2, 7) };
        assert_eq!(connect(&near).await.unwrap_err(), refused);
        drop(server);
        assert_eq!(read_all(&client).await.unwrap(), b"");
        // Its place is free as soon as its end is delivered; that was just read.
        let mut tries = 0;
        while let Err(error) = connect(&near).await {
            assert_eq!(error, refused);
            tries += 1;
            assert!(tries < 1000, "the place of an ended connection stays taken");
        }
    });
}

#[test]
fn a_listener_that_goes_refuses_and_can_be_bound_again() {
    let system = system();
    let (near, far) = (domain(&system, 1), domain(&system, 2));
    block_on(async {
        let listener = StreamListener::bind(&far, listening()).await.unwrap();
        let accepted = connect(&near).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        let queued = connect(&near).await.unwrap();
        drop(listener);
        assert_eq!(read_all(&queued).await.unwrap(), b"");
        let to = at(2, 7);
        assert_eq!(connect(&near).await.unwrap_err(), ConnectError::Refused { to });
        write_all(&accepted, b"lives on").await.unwrap();
        accepted.shutdown(Shutdown::Write).await.unwrap();
        assert_eq!(read_all(&server).await.unwrap(), b"lives on");

        let listener = StreamListener::bind(&far, listening()).await.unwrap();
        let client = connect(&near).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        write_all(&client, b"again").await.unwrap();
        drop(client);
        assert_eq!(read_all(&server).await.unwrap(), b"again");
    });
}

#[test]
fn a_peer_that_dies_is_noticed_after_its_last_bytes() {
    let system = system();
    let (near, far) = (domain(&system, 1), domain(&system, 2));
    block_on(async {
        let listener = StreamListener::bind(&far, listening()).await.unwrap();
        let client = connect(&near).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        client.write(b"last words").await.unwrap();
        client.flush().await.unwrap();
        // As argod does when a process is killed.
        system.engine().destroy_domain(id(1)).unwrap();
        let mut buffer = [0; 16];
        assert_eq!(server.read(&mut buffer).await.unwrap(), 10);
        let error = server.read(&mut buffer).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        let error = server.write(b"anybody?").await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
        drop(client);
    });
}

#[test]
fn a_slow_reader_stalls_nobody_else() {
    let system = system();
    let (near, far, third) = (domain(&system, 1), domain(&system, 2), domain(&system, 3));
    // Without rings of their own, the connections of a domain share one.
    let memory = listening().memory(0);
    block_on(async {
        let listener = StreamListener::bind(&far, memory).await.unwrap();
        let slow = connect(&near).await.unwrap();
        let (_unread, _) = listener.accept().await.unwrap();
        let full = vec![1; 1 << 20];
        let mut written = 0;
        // Until nothing moves any more.
        while let Some(some) = settled(&slow, &full) {
            written += some;
        }
        assert!((32_000..400_000).contains(&written), "{written}");

        let other = connect(&third).await.unwrap();
        let (server, from) = listener.accept().await.unwrap();
        assert_eq!(from.domain, id(3));
        write_all(&other, &[3; 10_000]).await.unwrap();
        drop(other);
        assert_eq!(read_all(&server).await.unwrap(), vec![3; 10_000]);
    });
}

/// What can be written now, or soon.
fn settled(stream: &Stream, bytes: &[u8]) -> Option<usize> {
    let soon = stream.domain().clone();
    for _ in 0..50 {
        if let Ok(some) = stream.try_write(bytes) {
            return Some(some);
        }
        // A moment for the background, on the domain's own clock.
        let never = argo_guest::Datagram::bind_blocking(&soon, Port(0x99)).unwrap();
        let _ = never.blocking_for(Duration::from_millis(1)).recv(&mut []);
    }
    None
}

#[test]
fn connections_without_rings_share_their_peers_and_keep_apart() {
    let system = system();
    let near = domain_with(&system, 1, 1024, 128);
    // The listener's ring, the peer's, and one connection's.
    let far = domain_with(&system, 2, 1024, 3);
    block_on(async {
        let listener = StreamListener::bind(&far, listening()).await.unwrap();
        let mut ends = Vec::new();
        for number in 0..5u8 {
            let client = connect(&near).await.unwrap();
            let (server, _) = listener.accept().await.unwrap();
            assert!(server.is_extended());
            write_all(&client, &[number; 3000]).await.unwrap();
            write_all(&server, &[number + 100; 2000]).await.unwrap();
            ends.push((client, server));
        }
        for (number, (client, server)) in ends.into_iter().enumerate() {
            client.shutdown(Shutdown::Write).await.unwrap();
            assert_eq!(read_all(&server).await.unwrap(), vec![number as u8; 3000]);
            drop(server);
            assert_eq!(read_all(&client).await.unwrap(), vec![number as u8 + 100; 2000]);
        }
    });
}

#[test]
fn a_thousand_at_once() {
    let system = system();
    const AT_ONCE: usize = 1000;
    let pages = AT_ONCE * 12 + 4096;
    let (near, far) = (domain_with(&system, 1, pages, 4000), domain_with(&system, 2, pages, 4000));
    let listen = listening().memory(usize::MAX);
    block_on(async {
        let listener = StreamListener::bind(&far, listen).await.unwrap();
        let mut ends = Vec::new();
        for number in 0..AT_ONCE {
            let client = connect(&near).await.unwrap();
            let (server, _) = listener.accept().await.unwrap();
            client.write(&number.to_le_bytes()).await.unwrap();
            ends.push((client, server));
        }
        let rings = |raw| system.engine().stat(id(raw)).unwrap().rings.len();
        assert_eq!((rings(1), rings(2)), (AT_ONCE, AT_ONCE + 2));
        for (number, (client, server)) in ends.into_iter().enumerate() {
            drop(client);
            assert_eq!(read_all(&server).await.unwrap(), number.to_le_bytes());
        }
        drop(listener);
        for domain in [&near, &far] {
            until_free(domain, argo_guest::datagram::RING_LEN_MAX);
        }
        assert_eq!((rings(1), rings(2)), (0, 0));
    });
}

#[test]
fn ten_thousand_after_another() {
    let system = system();
    let (near, far) = (domain(&system, 1), domain(&system, 2));
    block_on(async {
        let listener = StreamListener::bind(&far, listening()).await.unwrap();
        for number in 0..10_000usize {
            let client = connect(&near).await.unwrap();
            let (server, _) = listener.accept().await.unwrap();
            client.write(&number.to_le_bytes()).await.unwrap();
            drop(client);
            assert_eq!(read_all(&server).await.unwrap(), number.to_le_bytes());
        }
    });
    // All but the page that is never used, and two for the ring's header and the registration.
    let nearly_all = (RAM_PAGES as u32 - 3) * 4096;
    for domain in [&near, &far] {
        until_free(domain, nearly_all);
    }
}

#[test]
fn a_reset_is_no_regular_end() {
    let system = system();
    let (near, far) = (domain(&system, 1), domain(&system, 2));
    block_on(async {
        let listener = StreamListener::bind(&far, listening()).await.unwrap();
        let client = connect(&near).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        write_all(&client, b"part").await.unwrap();
        client.flush().await.unwrap();
        client.reset();
        let mut buffer = [0; 8];
        assert_eq!(server.read(&mut buffer).await.unwrap(), 4);
        let error = server.read(&mut buffer).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        assert_eq!(client.write(b"x").await.unwrap_err().kind(), std::io::ErrorKind::BrokenPipe);
    });
}

#[test]
fn every_acceptor_is_woken() {
    let system = system();
    let (near, far) = (domain(&system, 1), domain(&system, 2));
    let listener = StreamListener::bind_blocking(&far, listening()).unwrap();
    std::thread::scope(|scope| {
        let accept = || block_on(async { listener.accept().await.unwrap().1 });
        let acceptors = [(); 4].map(|()| scope.spawn(accept));
        let clients: Vec<_> = (0..4).map(|_| block_on(connect(&near)).unwrap()).collect();
        let mut accepted = acceptors.map(|acceptor| acceptor.join().unwrap());
        let mut connected: Vec<_> = clients.iter().map(Stream::local_addr).collect();
        accepted.sort();
        connected.sort();
        assert_eq!(accepted[..], connected[..]);
    });
}

/// A peer whose ring is too small for streams asks again and again: nothing is kept of it.
#[test]
fn requests_that_cannot_be_granted_leave_nothing() {
    let system = system();
    let (near, far) = (domain(&system, 1), domain(&system, 2));
    let listener = StreamListener::bind_blocking(&far, listening().memory(3 * 32_800)).unwrap();
    let tiny = BindOptions::port(Port(9)).ring_len(48).message_type(wire::STREAM);
    let stranger = Datagram::bind_blocking(&near, tiny).unwrap();
    for conid in 0..1000u32 {
        let syn = wire::head(wire::Flags::SYN | wire::Flags::EXTENDED, conid);
        stranger.blocking_for(PATIENCE).send_to(&syn, at(2, 7)).unwrap();
        let mut reset = [0; 16];
        let len = stranger.blocking_for(PATIENCE).recv(&mut reset).unwrap();
        assert_eq!(reset[..len], wire::head(wire::Flags::RST, conid));
    }
    // Had they left anything, there would be no ring for this one.
    let client = block_on(connect(&near)).unwrap();
    let (server, _) = listener.accept_blocking(Some(PATIENCE)).unwrap();
    assert_eq!(system.engine().stat(id(2)).unwrap().rings.len(), 3);
    drop((client, server));
}

/// Until that much of the RAM is in one piece: once the last farewells are delivered, which happens
/// in the background.
fn until_free(domain: &Domain, ring_len: u32) {
    let how = BindOptions::port(Port(0x77)).ring_len(ring_len);
    let deadline = Instant::now() + PATIENCE;
    while let Err(error) = Datagram::bind_blocking(domain, how) {
        assert!(Instant::now() < deadline, "{error}");
    }
}
