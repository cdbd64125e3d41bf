//! Channels over a whole platform: data, limits, timeouts, halves.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test")]

mod world;

use std::thread;

use argo_mem::Memory;
use vchan::inprocess::Domain;
use vchan::platform::{Access, GrantRef, Platform, Wake};
use vchan::{
    Channel, Client, Geometry, Presence, ReadError, ReadHalf, RecvError, Role, SendError, Server,
    WriteError, WriteHalf,
};
use world::{LONG, NOW, SHORT, World, bytes, id};

fn read_all(reader: &mut ReadHalf<Domain>, len: usize) -> Vec<u8> {
    let (mut all, mut part) = (Vec::new(), vec![0; 70_000]);
    while all.len() < len {
        let read = reader.read(&mut part, LONG).unwrap();
        all.extend(&part[..read]);
    }
    all
}

/// Both ways at once, more than the rings hold, each half with a thread of its own.
fn exchange(server: Channel<Domain>, client: Channel<Domain>) {
    let ends = [server, client].map(Channel::into_split);
    let [(server_reads, server_writes), (client_reads, client_writes)] = ends;
    thread::scope(|scope| {
        let writes = |mut half: WriteHalf<Domain>, seed| {
            scope.spawn(move || half.write_all(&bytes(2 * half.size() + 77, seed), LONG).unwrap())
        };
        let reads = |mut half: ReadHalf<Domain>, seed| {
            scope.spawn(move || {
                let data = bytes(2 * half.size() + 77, seed);
                assert!(read_all(&mut half, data.len()) == data, "{} bytes", data.len());
            })
        };
        writes(server_writes, 1);
        reads(client_reads, 1);
        writes(client_writes, 2);
        reads(server_reads, 2);
    });
}

#[test]
fn every_legal_pair_of_orders_moves_data_both_ways() {
    let mut legal = 0;
    for (left, right) in (10..=20).flat_map(|left| (10..=20).map(move |right| (left, right))) {
        let Ok(rings) = Geometry::new(left, right) else { continue };
        legal += 1;
        let (server, client) = World::new().pair_of(rings);
        assert_eq!((server.geometry(), client.geometry()), (rings, rings));
        exchange(server, client);
    }
    // Of 121: not both in the same place, and not order 10 beside order 20.
    assert_eq!(legal, 121 - 2 - 2);
}

#[test]
fn packets_go_whole_or_not_at_all() {
    let (mut server, mut client) = World::new().pair();
    client.send(&[1; 1000], LONG).unwrap();
    assert_eq!(client.try_send(&[2; 25]), Err(SendError::WouldBlock { needed: 25, free: 24 }));
    assert_eq!(client.send(&[2; 25], SHORT), Err(SendError::TimedOut { needed: 25, free: 24 }));
    assert_eq!(client.send(&[0; 1025], LONG), Err(SendError::TooBig { len: 1025, size: 1024 }));
    let mut packet = [0; 1000];
    server.recv(&mut packet, LONG).unwrap();
    assert_eq!(packet, [1; 1000]);
    let none = RecvError::TimedOut { needed: 1, ready: 0 };
    assert_eq!(server.recv(&mut [0], SHORT), Err(none));
    let too_big = RecvError::TooBig { len: 1025, size: 1024 };
    assert_eq!(server.recv(&mut [0; 1025], LONG), Err(too_big));
    client.send(&[2; 25], LONG).unwrap();
    assert_eq!(server.try_recv(&mut [0; 25]), Ok(()));
}

#[test]
fn a_stream_takes_what_there_is_and_what_fits() {
    let (mut server, mut client) = World::new().pair();
    assert_eq!(server.write(&[3; 5000], LONG), Ok(2048));
    assert_eq!(server.write(&[3; 1], NOW), Err(WriteError::TimedOut { size: 2048 }));
    assert_eq!(server.try_write(&[3; 1]), Err(WriteError::WouldBlock { size: 2048 }));
    let error = server.write_all(&[3; 1], SHORT).unwrap_err();
    assert_eq!((error.written, error.error), (0, WriteError::TimedOut { size: 2048 }));
    assert_eq!(client.data_ready(), Ok(2048));
    assert_eq!(client.read(&mut [0; 48], LONG), Ok(48));
    assert_eq!(server.buffer_space(), Ok(48));
    let error = server.write_all(&[3; 50], SHORT).unwrap_err();
    assert_eq!((error.written, error.error), (48, WriteError::TimedOut { size: 2048 }));
    assert_eq!(server.read(&mut [0], SHORT), Err(ReadError::TimedOut));
    assert_eq!(server.try_read(&mut [0]), Err(ReadError::WouldBlock));
}

#[test]
fn bytes_are_read_in_place_as_far_as_the_ring_goes() {
    let (mut server, mut client) = World::new().pair();
    let data = bytes(1024, 9);
    client.write_all(&data[..1000], LONG).unwrap();
    assert_eq!(server.recv(&mut [0; 900], LONG), Ok(()));
    client.write_all(&data[1000..], LONG).unwrap();
    client.write_all(&data[..50], LONG).unwrap();
    let seen = |server: &mut Channel<Domain>| {
        let view = server.peek(LONG).unwrap();
        let mut seen = vec![0; view.len()];
        view.read(0, &mut seen).unwrap();
        seen
    };
    assert_eq!(seen(&mut server), data[900..]);
    assert_eq!(server.consume(24), 24);
    assert_eq!(seen(&mut server), data[924..]);
    assert_eq!(server.consume(usize::MAX), 100);
    assert_eq!(server.consume(1), 0);
    assert_eq!(seen(&mut server), data[..50]);
    assert_eq!(server.consume(50), 50);
    assert_eq!(server.peek(NOW).err(), Some(ReadError::TimedOut));
    assert_eq!(client.buffer_space(), Ok(1024));
}

#[test]
fn what_both_sides_know_of_each_other() {
    let world = World::new();
    let server = world.server();
    assert_eq!((server.role(), server.peer()), (Role::Server, Presence::Awaited));
    let client = world.client();
    assert_eq!((client.role(), client.peer()), (Role::Client, Presence::Connected));
    assert_eq!((server.peer_domain(), client.peer_domain()), (id(2), id(1)));
    assert_eq!(server.peer(), Presence::Connected);
    drop(client);
    assert_eq!(server.peer(), Presence::Gone);
}

#[test]
fn an_event_is_told_once() {
    let world = World::new();
    let mut server = world.server();
    assert_eq!(server.wait(NOW), Ok(Wake::TimedOut));
    let mut client = world.client();
    assert_eq!(server.wait(LONG), Ok(Wake::Event));
    assert_eq!(server.try_read(&mut [0]), Err(ReadError::WouldBlock));
    assert_eq!(server.wait(NOW), Ok(Wake::TimedOut));
    client.try_send(b"x").unwrap();
    assert_eq!(server.wait(LONG), Ok(Wake::Event));
    assert_eq!(server.wait(SHORT), Ok(Wake::TimedOut));
}

#[test]
fn a_busy_pair_signals_nobody() {
    let (mut server, mut client) = World::new().pair();
    client.try_send(b"first").unwrap();
    server.try_recv(&mut [0; 5]).unwrap();
    while server.wait(NOW) == Ok(Wake::Event) {}
    while client.wait(NOW) == Ok(Wake::Event) {}
    for _ in 0..100 {
        client.try_send(b"again").unwrap();
        server.try_recv(&mut [0; 5]).unwrap();
    }
    assert_eq!(server.wait(NOW), Ok(Wake::TimedOut));
    assert_eq!(client.wait(NOW), Ok(Wake::TimedOut));
}

#[test]
fn many_channels_at_once() {
    let world = World::new();
    let pair = |number: u32| {
        let server = Server::new(id(2)).listen(&world.one, number).unwrap();
        (server, Client::new(id(1)).connect(&world.two, number).unwrap())
    };
    let pairs: Vec<_> = (0..40).map(pair).collect();
    thread::scope(|scope| {
        for (server, client) in pairs {
            scope.spawn(|| exchange(server, client));
        }
    });
}

#[test]
fn memory_of_the_platform_is_zero_when_it_is_shared() {
    let world = World::new();
    let mut references = [GrantRef::default(); 3];
    let pages = world.one.share(id(2), Access::Read, &mut references, None).unwrap();
    assert_eq!(pages.view().len(), 3 * 4096);
    let mapped = world.two.map_to_read(id(1), &references[1..]).unwrap();
    pages.view().write(4096, b"second").unwrap();
    let mut seen = [1; 8];
    mapped.view().read(0, &mut seen).unwrap();
    assert_eq!(&seen, b"second\0\0");
}
