//! The peer writes anything anywhere, while data flows: no panic, no wait beyond its time, and an
//! error that says what was seen.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test")]

mod world;

use std::sync::Barrier;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

use argo_mem::Memory;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use vchan::inprocess::{self, Domain, Pages};
use vchan::layout::LIVE_GONE;
use vchan::platform::{Access, EventChannel, GrantRef, Platform, Wake};
use vchan::{
    AcceptError, Channel, Client, Flag, Geometry, LyingIndex, Meeting, ReadError, Ring, Server,
    Word, WriteError,
};
use world::{LONG, World, id};

/// What one call may wait, and how much longer it may take on a busy machine.
const TIMEOUT: Duration = Duration::from_millis(2);
const SLACK: Duration = Duration::from_secs(5);

/// Peers of each side in a run.
const PEERS: u32 = 60;

/// One thing that a hostile peer does.
#[derive(Clone, Debug)]
enum Attack {
    Word(u16, u32),
    Byte(u16, u8),
    Signal,
    /// Zeros, as after a hole was punched.
    Hole,
}

fn attack() -> impl Strategy<Value = Attack> {
    let value = prop_oneof![any::<u32>(), 0..5000u32, Just(u32::MAX)];
    prop_oneof![
        6 => (0..6u16, value.clone()).prop_map(|(at, value)| Attack::Word(4 * at, value)),
        2 => (0..1024u16, value).prop_map(|(at, value)| Attack::Word(4 * at, value)),
        4 => (20..24u16, prop_oneof![Just(1u8), any::<u8>()]).prop_map(|(at, value)| Attack::Byte(at, value)),
        2 => Just(Attack::Signal),
        1 => Just(Attack::Hole),
    ]
}

/// A client that knows the shared page and holds to nothing.
struct Hostile {
    page: Pages,
    port: inprocess::Channel,
}

impl Hostile {
    fn of(world: &World, server: &Channel<Domain>, page: GrantRef) -> Hostile {
        let port = world.two.bind_interdomain(id(1), server.port()).unwrap();
        Hostile { page: world.two.map(id(1), &[page], None).unwrap(), port }
    }

    fn does(&self, attack: &Attack) {
        let view = self.page.view();
        match *attack {
            Attack::Word(at, value) => view.store_u32(at.into(), value, Relaxed).unwrap(),
            Attack::Byte(at, value) => view.store_u8(at.into(), value, Relaxed).unwrap(),
            Attack::Signal => self.port.notify().unwrap(),
            Attack::Hole => view.write(0, &[0; 4096]).unwrap(),
        }
    }
}

/// One call of each kind, each within its time. Lies are told to both halves for ever.
fn call_all(server: &mut Channel<Domain>, lie: &mut Option<LyingIndex>) {
    let timeout = Some(TIMEOUT);
    let start = Instant::now();
    let mut buffer = [0; 3000];
    let lies = [
        server.read(&mut buffer, timeout).err().and_then(read_lie),
        server.peek(timeout).err().and_then(read_lie),
        server.write(&buffer, timeout).err().and_then(write_lie),
        server.write_all(&buffer, timeout).err().and_then(|error| write_lie(error.error)),
    ];
    let _count = (server.recv(&mut buffer[..1500], timeout), server.send(&buffer[..1500], timeout));
    let _event = (server.consume(10), server.wait(timeout), server.accept(timeout));
    assert!(start.elapsed() < TIMEOUT * 10 + SLACK, "a call hung");
    for seen in lies.into_iter().flatten() {
        let used = seen.indexes.prod.wrapping_sub(seen.indexes.cons);
        assert!(used > seen.size, "{seen} is no lie");
        assert_eq!(*lie.get_or_insert(seen), seen);
    }
}

fn read_lie(error: ReadError) -> Option<LyingIndex> {
    match error {
        ReadError::Broken(lie) => Some(lie),
        _ => None,
    }
}

fn write_lie(error: WriteError) -> Option<LyingIndex> {
    match error {
        WriteError::Broken(lie) => Some(lie),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(effort::cases(PEERS)))]

    fn servers_survive(
        attacks in prop::collection::vec(attack(), 1..12),
        left in 10..14u16, right in 10..14u16,
    ) {
        let Ok(rings) = Geometry::new(left, right) else { return Ok(()) };
        let world = World::new();
        let (mut server, meeting) = Server::new(id(2)).rings(rings).share(&world.one).unwrap();
        let hostile = Hostile::of(&world, &server, meeting.page);
        let mut lie = None;
        for attack in &attacks {
            hostile.does(attack);
            call_all(&mut server, &mut lie);
        }
    }

    fn clients_survive(attacks in prop::collection::vec(attack(), 1..20)) {
        let world = World::new();
        let port = world.one.alloc_unbound(id(2)).unwrap();
        let mut page = [GrantRef::default()];
        let pages = world.one.share(id(2), Access::Write, &mut page, None).unwrap();
        let hostile = Hostile { page: pages, port };
        hostile.does(&Attack::Word(16, 11 << 16 | 10));
        hostile.does(&Attack::Byte(21, 1));
        let (early, late) = attacks.split_at(attacks.len() / 3);
        early.iter().for_each(|attack| hostile.does(attack));
        let meeting = Meeting { page: page[0], port: hostile.port.port() };
        let Ok(mut client) = Client::new(id(1)).join(&world.two, meeting) else { return Ok(()) };
        let mut lie = None;
        for attack in late {
            hostile.does(attack);
            call_all(&mut client, &mut lie);
        }
    }
}

#[test]
fn a_server_survives_any_client() {
    servers_survive();
    effort::ran(effort::cases(PEERS).into(), "hostile clients of a vchan");
}

#[test]
fn a_client_survives_any_server() {
    clients_survive();
    effort::ran(effort::cases(PEERS).into(), "hostile servers of a vchan");
}

#[test]
fn a_lie_closes_the_channel_and_is_told_by_both_halves() {
    let world = World::new();
    let (mut server, meeting) = Server::new(id(2)).share(&world.one).unwrap();
    let hostile = Hostile::of(&world, &server, meeting.page);
    hostile.does(&Attack::Word(Word::prod(Ring::Left).offset() as u16, 5000));
    let lie = server.read(&mut [0], LONG).err().and_then(read_lie).unwrap();
    assert_eq!(
        (lie.ring, lie.size, lie.indexes.prod, lie.indexes.cons),
        (Ring::Left, 1024, 5000, 0)
    );
    assert_eq!(server.write(b"x", LONG), Err(WriteError::Broken(lie)));
    assert_eq!(server.accept(LONG), Err(AcceptError::Broken(lie)));
    let left = hostile.page.view().load_u8(Flag::SrvLive.offset(), Relaxed).unwrap();
    assert_eq!((left, hostile.port.wait(1, LONG)), (LIVE_GONE, Ok(Wake::Event)));
}

#[test]
fn of_two_lies_at_the_same_moment_both_halves_tell_one() {
    let moments = effort::cases(1000);
    for _ in 0..moments {
        let world = World::new();
        let (mut server, meeting) = Server::new(id(2)).share(&world.one).unwrap();
        let hostile = Hostile::of(&world, &server, meeting.page);
        hostile.does(&Attack::Word(Word::prod(Ring::Left).offset() as u16, 5000));
        hostile.does(&Attack::Word(Word::cons(Ring::Right).offset() as u16, 9));
        let (reader, writer) = server.halves();
        let start = Barrier::new(2);
        let (read, written) = thread::scope(|scope| {
            let reads = scope.spawn(|| {
                start.wait();
                reader.try_read(&mut [0])
            });
            start.wait();
            let written = writer.try_write(b"x");
            (reads.join().unwrap(), written)
        });
        let lie = read.err().and_then(read_lie).unwrap();
        assert_eq!(written, Err(WriteError::Broken(lie)));
    }
    effort::ran(moments.into(), "pairs of lies of a vchan's peer at one moment");
}

/// A peer that keeps to the protocol with one hand.
fn follow(page: &Pages) {
    let view = page.view();
    let copy = |from: Word, to: Word| {
        let index = view.load_u32(from.offset(), Relaxed).unwrap();
        view.store_u32(to.offset(), index, Relaxed).unwrap();
    };
    copy(Word::prod(Ring::Right), Word::cons(Ring::Right));
    copy(Word::cons(Ring::Left), Word::prod(Ring::Left));
    let prod = Word::prod(Ring::Left).offset();
    view.increment_u32(prod, Relaxed).unwrap();
}

#[test]
fn halves_in_threads_while_the_page_is_attacked() {
    let mut runner = TestRunner::deterministic();
    let peers = effort::cases(30);
    for _ in 0..peers {
        let attacks = prop::collection::vec(attack(), 40).new_tree(&mut runner).unwrap().current();
        let world = World::new();
        let (mut server, meeting) = Server::new(id(2)).share(&world.one).unwrap();
        let hostile = Hostile::of(&world, &server, meeting.page);
        let (reader, writer) = server.halves();
        let start = Instant::now();
        thread::scope(|scope| {
            scope.spawn(|| {
                for attack in &attacks {
                    (0..100).for_each(|_| follow(&hostile.page));
                    hostile.does(attack);
                }
            });
            let (mut out, data) = ([0; 500], [7; 300]);
            scope.spawn(move || {
                (0..50).filter(|_| reader.read(&mut out, Some(TIMEOUT)).is_ok()).count()
            });
            scope.spawn(move || {
                (0..50).filter(|_| writer.write(&data, Some(TIMEOUT)).is_ok()).count()
            });
        });
        assert!(start.elapsed() < TIMEOUT * 100 + SLACK, "a call hung");
    }
    effort::ran(peers.into(), "vchans attacked while both halves ran");
}
