//! The Rust crate on one side, Debian's library or ours on the other.

use std::time::Duration;

use argo_core::DomainId;
use vchan::host::Host;
use vchan::{Channel, Client, Geometry, Presence, Server};

use crate::argod;
use crate::common::Argod;
use crate::libraries::{Built, Library};
use crate::party::Party;

const PATIENCE: Option<Duration> = Some(Duration::from_secs(60));
const MUCH: usize = 100_000_000;
const LIBRARIES: [Library; 2] = [Library::Debian, Library::Ours];

/// The bytes that the C program sends and expects.
fn pattern(at: usize) -> u8 {
    at.wrapping_mul(167).wrapping_add((at >> 8).wrapping_mul(13)).wrapping_add(at >> 16) as u8
}

fn bytes(from: usize, len: usize) -> Vec<u8> {
    (from..from + len).map(pattern).collect()
}

fn id(number: u16) -> DomainId {
    DomainId::new(number).unwrap()
}

/// A Rust server and a C client, connected.
fn serve(
    argod: &Argod,
    built: &Built,
    library: Library,
    rings: Geometry,
) -> (Channel<Host>, Party) {
    let host = Host::attach(argod.socket("server")).unwrap();
    let path = "/local/domain/1/data/vchan/2/7";
    let mut server = Server::new(id(2)).rings(rings).listen(&host, path).unwrap();
    let mut client = Party::start(built, library, &argod.socket("client"));
    assert_eq!(client.call(&format!("connect 1 {path}")), "connect -> a channel");
    client.call("blocking 1");
    server.accept(PATIENCE).unwrap();
    (server, client)
}

/// A C server and a Rust client, connected.
fn connect(
    argod: &Argod,
    built: &Built,
    library: Library,
    minimums: (usize, usize),
) -> (Party, Channel<Host>) {
    let mut server = Party::start(built, library, &argod.socket("server"));
    let listen = format!("listen 2 data/vchan/2/8 {} {}", minimums.0, minimums.1);
    assert_eq!(server.call(&listen), "listen -> a channel");
    server.call("blocking 1");
    let host = Host::attach(argod.socket("client")).unwrap();
    let client = Client::new(id(1)).connect(&host, "/local/domain/1/data/vchan/2/8").unwrap();
    assert_eq!(server.call("until_open 1"), "open is 1");
    (server, client)
}

/// `total` bytes each way, as a stream and then as packets.
fn exchange(rust: &mut Channel<Host>, c: &mut Party, total: usize) {
    let mut at = 0;
    c.begin(&format!("reads {total} 60000"));
    while at < total {
        let part = bytes(at, 65536.min(total - at));
        rust.write_all(&part, PATIENCE).unwrap();
        at += part.len();
    }
    assert_eq!(c.end("reads"), format!("reads {total} moved right"));

    let mut buffer = vec![0; 65536];
    let mut at = 0;
    c.begin(&format!("writes {total} 60000"));
    while at < total {
        let read = rust.read(&mut buffer, PATIENCE).unwrap();
        assert!(buffer[..read] == bytes(at, read), "wrong bytes after {at}");
        at += read;
    }
    assert_eq!(c.end("writes"), format!("writes {total} moved"));
    packets(rust, c, total);
}

/// A hundred packets of 1000 bytes each way.
fn packets(rust: &mut Channel<Host>, c: &mut Party, at: usize) {
    c.begin("recvs 100000 1000");
    for packet in 0..100 {
        rust.send(&bytes(at + packet * 1000, 1000), PATIENCE).unwrap();
    }
    assert_eq!(c.end("recvs"), "recvs 100000 moved right");
    c.begin("sends 100000 1000");
    for packet in 0..100 {
        let mut received = [0; 1000];
        rust.recv(&mut received, PATIENCE).unwrap();
        assert!(received[..] == bytes(at + packet * 1000, 1000), "wrong packet {packet}");
    }
    assert_eq!(c.end("sends"), "sends 100000 moved");
}

#[test]
fn a_rust_server_serves_c_clients() {
    let Some(built) = Built::once() else { return };
    for library in LIBRARIES {
        for (left, right) in [(10, 11), (11, 10), (12, 11), (10, 12), (12, 12), (16, 20)] {
            let rings = Geometry::new(left, right).unwrap();
            let argod = argod();
            let (mut server, mut client) = serve(&argod, built, library, rings);
            exchange(&mut server, &mut client, 1_000_000);
            assert_eq!(client.call("close"), "closed");
            assert!(server.read(&mut [0], PATIENCE).is_err(), "{library:?}");
        }
    }
}

#[test]
fn a_rust_client_is_served_by_c_servers() {
    let Some(built) = Built::once() else { return };
    for library in LIBRARIES {
        for minimums in [(1, 1), (2048, 1024), (4096, 100), (100, 4096), (65536, 1 << 20)] {
            let argod = argod();
            let (mut server, mut client) = connect(&argod, built, library, minimums);
            exchange(&mut client, &mut server, 1_000_000);
            assert_eq!(server.call("close"), "closed");
            assert!(client.read(&mut [0], PATIENCE).is_err(), "{library:?}");
        }
    }
}

#[test]
fn a_hundred_megabytes_each_way() {
    let Some(built) = Built::once() else { return };
    let argod = argod();
    let rings = Geometry::new(16, 16).unwrap();
    let (mut server, mut client) = serve(&argod, built, Library::Debian, rings);
    exchange(&mut server, &mut client, MUCH);
    drop((server, client));
    let (mut server, mut client) = connect(&argod, built, Library::Debian, (65536, 65536));
    exchange(&mut client, &mut server, MUCH);
}

#[test]
fn a_hundred_megabytes_through_an_echo_of_our_library() {
    let Some(built) = Built::once() else { return };
    let argod = argod();
    let (mut server, client) = connect(&argod, built, Library::Ours, (65536, 65536));
    server.begin(&format!("echo {MUCH} 50000"));
    let (mut reader, mut writer) = client.into_split();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for at in (0..MUCH).step_by(50_000) {
                writer.write_all(&bytes(at, 50_000), PATIENCE).unwrap();
            }
        });
        let mut buffer = vec![0; 50_000];
        for at in (0..MUCH).step_by(50_000) {
            reader.recv(&mut buffer, PATIENCE).unwrap();
            assert!(buffer == bytes(at, 50_000), "wrong bytes after {at}");
        }
    });
    assert_eq!(server.end("echo"), format!("echo {MUCH} moved"));
}

#[test]
fn a_persistent_rust_server_has_one_c_client_after_another() {
    let Some(built) = Built::once() else { return };
    let argod = argod();
    let host = Host::attach(argod.socket("server")).unwrap();
    let path = "/local/domain/1/data/vchan/2/9";
    let mut server = Server::new(id(2)).persistent().listen(&host, path).unwrap();
    for library in [Library::Debian, Library::Ours, Library::Debian] {
        let mut client = Party::start(built, library, &argod.socket("client"));
        assert_eq!(client.call(&format!("connect 1 {path}")), "connect -> a channel");
        server.accept(PATIENCE).unwrap();
        client.call("blocking 1");
        packets(&mut server, &mut client, 0);
        client.call("close");
        crate::common::wait_until("the client has gone", || server.peer() == Presence::Gone);
    }
}
