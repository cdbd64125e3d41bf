//! How the two sides find each other, in any order and with anything in the way; and how they part.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test")]

mod world;

use std::thread;

use argo_core::policy::Query;
use argo_mem::Memory;
use std::sync::atomic::Ordering::Relaxed;
use vchan::inprocess::{self, AllowAll, Domain, Hub, Limits, Pages, Policy, StoreAccess};
use vchan::layout::{LIVE_AWAITED, LIVE_CONNECTED, LIVE_GONE};
use vchan::platform::{
    Access, Cause, EventChannel, Fault, GrantRef, Platform, Store, Transaction, Wake,
};
use vchan::{
    AcceptError, Address, Channel, Client, ConnectError, DomainId, Flag, Geometry, GeometryError,
    ListenError, Meeting, Presence, ReadError, RecvError, SendError, Server, Word, WriteError,
};
use world::{LONG, NOW, SHORT, World, id};

const PATH: &str = "/local/domain/1/data/vchan/2/7";

fn refused<T>(result: Result<T, ConnectError>) -> ConnectError {
    result.err().unwrap()
}

fn key(domain: &Domain, name: &str) -> Result<Option<Vec<u8>>, Cause> {
    let value = domain.read(Transaction::NONE, &format!("{PATH}/{name}"));
    value.map_err(|fault: Fault| fault.cause)
}

#[test]
fn the_keys_are_decimal_and_for_the_client_only() {
    let world = World::new();
    assert_eq!(Address::from(7).path(id(1), id(2)), PATH);
    let server = world.server();
    let port = server.port().0.to_string().into_bytes();
    assert_eq!(key(&world.two, "event-channel"), Ok(Some(port)));
    let reference = key(&world.two, "ring-ref").unwrap().unwrap();
    assert!(String::from_utf8(reference).unwrap().parse::<u32>().unwrap() > 0);
    assert_eq!(key(&world.hub.domain(id(3)), "ring-ref"), Err(Cause::Refused));
    drop(server);
    assert_eq!(key(&world.one, "ring-ref"), Ok(None));
    assert_eq!(key(&world.one, "event-channel"), Ok(None));
}

#[test]
fn a_server_that_withdraws_is_found_by_nobody_else_and_leaves_the_next_ones_keys() {
    let world = World::new();
    let mut server = world.server();
    let client = Client::new(id(1));
    let mut first = client.connect(&world.two, 7).unwrap();
    server.withdraw();
    let missing = ConnectError::NoServer { path: PATH.into() };
    assert_eq!(client.connect(&world.two, 7).err(), Some(missing));
    let next = world.server();
    first.send(b"x", LONG).unwrap();
    assert_eq!(server.recv(&mut [0], LONG), Ok(()));
    drop(server);
    assert_eq!(client.connect(&world.two, 7).unwrap().peer_domain(), id(1));
    drop(next);
}

#[test]
fn any_path_will_do_that_the_server_may_write() {
    let world = World::new();
    let mut server = Server::new(id(2)).listen(&world.one, "data/my/place").unwrap();
    let at = "/local/domain/1/data/my/place";
    let mut client = Client::new(id(1)).connect(&world.two, at).unwrap();
    client.send(b"x", LONG).unwrap();
    assert_eq!(server.recv(&mut [0], LONG), Ok(()));
    let refused = Server::new(id(2)).listen(&world.one, "/local/domain/2/data/x").err().unwrap();
    assert!(matches!(refused, ListenError::Store(fault) if fault.cause == Cause::Refused));
}

#[test]
fn a_client_before_its_server_is_told_so_or_waits() {
    let world = World::new();
    let client = Client::new(id(1));
    let missing = ConnectError::NoServer { path: PATH.into() };
    assert_eq!(refused(client.connect(&world.two, 7)), missing);
    assert_eq!(refused(client.connect_within(&world.two, 7, SHORT)), missing);
    thread::scope(|scope| {
        let waiting = scope.spawn(|| client.connect_within(&world.two, 7, LONG).unwrap());
        let mut server = world.server();
        server.accept(LONG).unwrap();
        assert_eq!(waiting.join().unwrap().peer(), Presence::Connected);
    });
}

#[test]
fn two_clients_for_one_server() {
    let world = World::new();
    let (mut server, mut first) = world.pair();
    let other = world.hub.domain(id(2));
    let busy = refused(Client::new(id(1)).connect(&other, 7));
    assert!(matches!(busy, ConnectError::Busy(_)), "{busy}");
    first.send(b"still here", LONG).unwrap();
    assert_eq!(server.recv(&mut [0; 10], LONG), Ok(()));
    let stranger = refused(Client::new(id(1)).connect(&world.hub.domain(id(3)), PATH));
    assert_eq!(stranger, ConnectError::NoServer { path: PATH.into() });
}

#[test]
fn a_path_is_one_living_servers() {
    let world = World::new();
    let first = world.server();
    let again = Server::new(id(2)).listen(&world.hub.domain(id(1)), 7).err().unwrap();
    assert_eq!(again, ListenError::Taken { path: PATH.into(), port: first.port() });
    assert_eq!(world.client().peer(), Presence::Connected);
}

#[test]
fn keys_that_a_killed_server_left_are_replaced_and_not_removed_by_it() {
    let world = World::new();
    let dead = world.server();
    world.one.kill();
    assert_eq!(refused(Client::new(id(1)).connect(&world.two, 7)), ConnectError::ServerGone);
    let alive = world.hub.domain(id(1));
    let server = Server::new(id(2)).listen(&alive, 7).unwrap();
    drop(dead);
    let client = world.client();
    assert_eq!((client.peer(), server.peer()), (Presence::Connected, Presence::Connected));
}

#[test]
fn without_a_store() {
    let world = World::new();
    let (mut server, meeting) = Server::new(id(2)).share(&world.one).unwrap();
    assert_eq!(key(&world.one, "ring-ref"), Ok(None));
    let mut client = Client::new(id(1)).join(&world.two, meeting).unwrap();
    server.send(b"x", LONG).unwrap();
    assert_eq!(client.recv(&mut [0], LONG), Ok(()));
}

/// Says no to what it is told to, once told.
struct Denies(fn(Query) -> bool, fn(&str) -> bool);

impl Policy for Denies {
    fn allows(&self, query: Query) -> bool {
        !self.0(query)
    }

    fn allows_path(&self, _domain: DomainId, path: &str, _access: StoreAccess) -> bool {
        !self.1(path)
    }
}

#[test]
fn each_refusal_says_what_was_refused() {
    let nothing: fn(&str) -> bool = |_| false;
    let listen = |policy| Server::new(id(2)).listen(&Hub::new(policy).domain(id(1)), 7).err();
    let no_grant = listen(Denies(|query| matches!(query, Query::Grant { .. }), nothing));
    assert!(matches!(no_grant, Some(ListenError::Grant(fault)) if fault.cause == Cause::Refused));
    let no_port = listen(Denies(|query| matches!(query, Query::EventChannel { .. }), nothing));
    assert!(matches!(no_port, Some(ListenError::EventChannel(_))));
    let no_key = listen(Denies(|_| false, |path| path.ends_with("event-channel")));
    assert!(matches!(no_key, Some(ListenError::Store(fault)) if fault.cause == Cause::Refused));
}

#[test]
fn a_full_platform_says_so_and_keeps_nothing() {
    let mut limits = Limits::default();
    limits.grants.pages = 3;
    limits.ports = 1;
    let hub = Hub::with_limits(AllowAll, limits);
    let one = hub.domain(id(1));
    let too_large = Server::new(id(2)).rings(Geometry::new(12, 13).unwrap());
    let full = too_large.listen(&one, 7).err().unwrap();
    assert!(matches!(full, ListenError::Grant(fault) if fault.cause == Cause::Full));
    let server = Server::new(id(2)).rings(Geometry::new(12, 12).unwrap()).listen(&one, 7).unwrap();
    let full = Server::new(id(2)).listen(&one, 8).err().unwrap();
    assert!(matches!(full, ListenError::EventChannel(fault) if fault.cause == Cause::Full));
    drop(server);
    let mut nodes = Limits::default();
    nodes.store.nodes = 0;
    let full = Server::new(id(2)).listen(&Hub::with_limits(AllowAll, nodes).domain(id(1)), 7);
    assert!(matches!(full, Err(ListenError::Store(fault)) if fault.cause == Cause::Full));
}

#[test]
fn data_from_before_a_close_is_read_and_then_it_is_closed() {
    for killed in [false, true] {
        let world = World::new();
        let (mut server, mut client) = world.pair();
        client.send(b"last words", LONG).unwrap();
        if killed {
            world.two.kill();
        }
        drop(client);
        assert_eq!(server.wait(LONG), Ok(Wake::Event));
        assert_eq!(server.recv(&mut [0; 11], LONG), Err(RecvError::Closed { ready: 10 }));
        assert_eq!(server.read(&mut [0; 64], LONG), Ok(10));
        assert_eq!(server.read(&mut [0; 64], LONG), Err(ReadError::Closed));
        assert_eq!(server.send(b"x", LONG), Err(SendError::Closed));
        assert_eq!(server.write(b"x", LONG), Err(WriteError::Closed));
        assert_eq!(server.accept(LONG), Err(AcceptError::Closed));
    }
}

#[test]
fn who_waits_hears_of_the_end() {
    for (by_server, killed) in [(true, false), (true, true), (false, false), (false, true)] {
        let world = World::new();
        let (server, client) = world.pair();
        let (waits, goes) = if by_server { (client, server) } else { (server, client) };
        let domain = if by_server { &world.one } else { &world.two };
        let (mut reader, mut writer) = waits.into_split();
        let size = writer.size();
        writer.try_write(&vec![0; size]).unwrap();
        thread::scope(|scope| {
            let reads = scope.spawn(move || reader.read(&mut [0], LONG));
            let writes = scope.spawn(move || writer.write(&[0], LONG));
            if killed {
                domain.kill();
            }
            drop(goes);
            assert_eq!(reads.join().unwrap(), Err(ReadError::Closed));
            assert_eq!(writes.join().unwrap(), Err(WriteError::Closed));
        });
    }
}

#[test]
fn closing_one_half_ends_the_wait_of_the_other() {
    let (server, mut client) = World::new().pair();
    client.send(b"before", LONG).unwrap();
    let (mut reader, writer) = server.into_split();
    thread::scope(|scope| {
        let reads = scope.spawn(move || {
            reader.read(&mut [0; 6], LONG).unwrap();
            reader.read(&mut [0; 6], LONG)
        });
        while client.data_ready().is_ok() && client.buffer_space() != Ok(1024) {}
        writer.close();
        assert_eq!(reads.join().unwrap(), Err(ReadError::Closed));
    });
    assert_eq!(client.peer(), Presence::Gone);
}

#[test]
fn what_came_before_the_own_close_can_still_be_read() {
    let (mut server, mut client) = World::new().pair();
    client.send(b"before", LONG).unwrap();
    server.close();
    assert_eq!(server.try_send(b"x"), Err(SendError::Closed));
    assert_eq!(server.read(&mut [0; 64], LONG), Ok(6));
    assert_eq!(server.read(&mut [0; 64], LONG), Err(ReadError::Closed));
    assert_eq!(server.recv(&mut [0; 1], LONG), Err(RecvError::Closed { ready: 0 }));
}

/// A server that is no more than its page and port.
fn bare_server(world: &World) -> (Pages, inprocess::Channel, Meeting) {
    let port = world.one.alloc_unbound(id(2)).unwrap();
    let mut page = [GrantRef::default()];
    let pages = world.one.share(id(2), Access::Write, &mut page, None).unwrap();
    let view = pages.view();
    view.store_u32(Word::ORDERS.offset(), Geometry::IN_PAGE.to_word(), Relaxed).unwrap();
    view.store_u8(Flag::CliLive.offset(), LIVE_AWAITED, Relaxed).unwrap();
    view.store_u8(Flag::SrvLive.offset(), LIVE_CONNECTED, Relaxed).unwrap();
    let meeting = Meeting { page: page[0], port: port.port() };
    (pages, port, meeting)
}

#[test]
fn a_port_that_ended_though_the_peer_seems_alive_is_an_error() {
    let world = World::new();
    let (_page, port, meeting) = bare_server(&world);
    let mut client = Client::new(id(1)).join(&world.two, meeting).unwrap();
    let thread = thread::spawn(move || (client.read(&mut [0], LONG), client));
    drop(port);
    let (read, mut client) = thread.join().unwrap();
    assert_eq!(read, Err(ReadError::Lost(Cause::Ended)));
    assert_eq!(client.peer(), Presence::Connected);
    assert_eq!(client.write(&[0; 1024], LONG), Ok(1024));
    assert_eq!(client.write(&[0], LONG), Err(WriteError::Lost(Cause::Ended)));
}

#[test]
fn a_client_takes_no_page_that_makes_no_sense() {
    let world = World::new();
    let join = |meeting| refused(Client::new(id(1)).join(&world.two, meeting));
    let (page, _port, meeting) = bare_server(&world);
    page.view().store_u32(Word::ORDERS.offset(), 10 << 16 | 10, Relaxed).unwrap();
    let same = GeometryError::SamePlace { order: 10, offset: 1024 };
    assert_eq!(join(meeting), ConnectError::Geometry(same));
    // Granted rings whose references mean nothing.
    page.view().store_u32(Word::ORDERS.offset(), 13 << 16 | 12, Relaxed).unwrap();
    assert_eq!(join(meeting), ConnectError::ServerGone);
    // The client's own page as both of a ring's.
    let slot = |slot| Word::grant(slot).unwrap().offset();
    for at in 0..3 {
        page.view().store_u32(slot(at), meeting.page.0, Relaxed).unwrap();
    }
    assert!(matches!(join(meeting), ConnectError::Map(_)));
    page.view().store_u8(Flag::SrvLive.offset(), LIVE_GONE, Relaxed).unwrap();
    assert_eq!(join(meeting), ConnectError::ServerGone);
}

fn next_client(world: &World, server: &mut Channel<Domain>) -> Channel<Domain> {
    let client = Client::new(id(1)).connect(&world.two, 7).unwrap();
    server.accept(LONG).unwrap();
    client
}

#[test]
fn a_persistent_server_has_one_client_after_the_other() {
    let world = World::new();
    let server = Server::new(id(2)).persistent();
    let mut server = server.listen(&world.one, 7).unwrap();
    assert_eq!(server.accept(NOW), Err(AcceptError::TimedOut));
    for round in 0..5u8 {
        let mut client = next_client(&world, &mut server);
        client.send(&[round; 700], LONG).unwrap();
        server.send(&[round; 900], LONG).unwrap();
        let (mut up, mut down) = ([9; 700], [9; 900]);
        server.recv(&mut up, LONG).unwrap();
        client.recv(&mut down, LONG).unwrap();
        assert_eq!((up, down), ([round; 700], [round; 900]));
        drop(client);
        assert_eq!(server.read(&mut [0], LONG), Err(ReadError::Closed));
        assert_eq!(server.accept(SHORT), Err(AcceptError::TimedOut));
    }
}

#[test]
fn unread_bytes_wait_for_the_next_client_and_from_the_last_one() {
    let world = World::new();
    let mut server = Server::new(id(2)).persistent().listen(&world.one, 7).unwrap();
    let mut first = next_client(&world, &mut server);
    first.send(b"from the first", LONG).unwrap();
    server.send(b"to the first", LONG).unwrap();
    drop(first);
    let mut second = next_client(&world, &mut server);
    second.send(b", from the second", LONG).unwrap();
    let mut buffer = [0; 64];
    assert_eq!(server.read(&mut buffer, LONG), Ok(31));
    assert_eq!(&buffer[..31], b"from the first, from the second");
    assert_eq!(second.read(&mut buffer, LONG), Ok(12));
    assert_eq!(&buffer[..12], b"to the first");
    second.send(b"unread", LONG).unwrap();
    drop(second);
    assert_eq!(server.halves().0.discard(), Ok(6));
    let mut third = next_client(&world, &mut server);
    third.send(b"fresh", LONG).unwrap();
    assert_eq!(server.read(&mut buffer, LONG), Ok(5));
    assert_eq!(&buffer[..5], b"fresh");
}

#[test]
fn a_signal_to_nobody_is_no_error() {
    let world = World::new();
    let (server, client) = world.pair();
    drop(client);
    assert_eq!(server.event_channel().notify(), Ok(()));
}

#[test]
fn keys_from_before_a_domain_was_there_are_not_for_it() {
    let hub = Hub::new(AllowAll);
    let one = hub.domain(id(1));
    let early = Server::new(id(2)).listen(&one, 7).unwrap();
    let two = hub.domain(id(2));
    let missing = ConnectError::NoServer { path: PATH.into() };
    assert_eq!(refused(Client::new(id(1)).connect(&two, 7)), missing);
    drop(early);
    let _server = Server::new(id(2)).listen(&one, 7).unwrap();
    assert_eq!(Client::new(id(1)).connect(&two, 7).unwrap().peer(), Presence::Connected);
}
