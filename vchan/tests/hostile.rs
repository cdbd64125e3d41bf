//! The peer writes what it likes into the shared page, closes, or is not there yet.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test")]

mod support;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use proptest::prelude::*;
use support::{TestMemory, ends_at};
use vchan::{
    Flag, Geometry, GeometryError, Indexes, LyingIndex, Order, Presence, ReadError, Reader,
    RecvError, Ring, Role, SendError, SharedPage, Signal, Word, WriteError, Writer, leave,
    read_geometry, start_client, start_server,
};

fn small() -> Geometry {
    Geometry::new(10, 11).unwrap()
}

#[test]
fn counts_of_a_snapshot() {
    let count = |cons, prod| {
        let indexes = Indexes { cons, prod };
        let ring = Ring::Left;
        (indexes.data_ready(ring, Order::SMALL), indexes.buffer_space(ring, Order::SMALL))
    };
    assert_eq!(count(7, 7), (Ok(0), Ok(1024)));
    assert_eq!(count(u32::MAX, 4), (Ok(5), Ok(1019)));
    assert_eq!(count(u32::MAX - 1000, 23), (Ok(1024), Ok(0)));
    let indexes = Indexes { cons: 8, prod: 7 };
    let lie = LyingIndex { ring: Ring::Left, indexes, size: 1024 };
    assert_eq!(count(8, 7), (Err(lie), Err(lie)));
}

#[test]
fn a_producer_that_lies_is_a_protocol_error_for_ever() {
    let memory = TestMemory::started(small());
    let (_writer, mut reader) = ends_at(&memory, small(), Role::Client, 100);
    memory.store(Word::prod(Ring::Left), 100 + 1025, Relaxed);
    let indexes = Indexes { cons: 100, prod: 1125 };
    let lie = LyingIndex { ring: Ring::Left, indexes, size: 1024 };
    assert_eq!(reader.recv(&mut [0; 1]), Err(RecvError::Broken(lie)));
    memory.store(Word::prod(Ring::Left), 100, Relaxed);
    assert_eq!(reader.read(&mut [0; 1]), Err(ReadError::Broken(lie)));
    assert_eq!(reader.data_ready(), Err(lie));
}

#[test]
fn a_consumer_that_lies_is_a_protocol_error_for_ever() {
    let memory = TestMemory::started(small());
    let (mut writer, _reader) = ends_at(&memory, small(), Role::Server, 100);
    memory.store(Word::cons(Ring::Right), 101, Relaxed);
    let indexes = Indexes { cons: 101, prod: 100 };
    let lie = LyingIndex { ring: Ring::Right, indexes, size: 2048 };
    assert_eq!(writer.send(&[0; 1]), Err(SendError::Broken(lie)));
    memory.store(Word::cons(Ring::Right), 100, Relaxed);
    assert_eq!(writer.write(&[0; 1]), Err(WriteError::Broken(lie)));
    assert_eq!(writer.buffer_space(), Err(lie));
}

#[test]
fn a_side_trusts_its_own_index_only_in_private() {
    let memory = TestMemory::started(small());
    let (mut writer, mut reader) = ends_at(&memory, small(), Role::Client, 0);
    memory.store(Word::prod(Ring::Left), 900, Relaxed);
    let _ = writer.send(b"abc").unwrap();
    memory.store(Word::cons(Ring::Left), 900, Relaxed);
    let mut buffer = [0; 3];
    let _ = reader.recv(&mut buffer).unwrap();
    assert_eq!(&buffer, b"abc");
    assert_eq!(writer.buffer_space(), Ok(1024));
}

#[test]
fn orders_changed_after_the_start_change_nothing() {
    let memory = TestMemory::started(small());
    let (mut writer, mut reader) = ends_at(&memory, small(), Role::Client, 0);
    memory.store(Word::ORDERS, u32::MAX, Relaxed);
    assert_eq!((writer.size(), reader.size()), (1024, 1024));
    let _ = writer.send(&[7; 1024]).unwrap();
    assert_eq!(reader.read(&mut [0; 2000]).unwrap().bytes, 1024);
    let refused = GeometryError::Order { ring: Ring::Left, order: u16::MAX };
    assert_eq!(read_geometry(&*memory), Err(refused));
}

#[test]
fn data_from_before_a_close_can_be_read() {
    let memory = TestMemory::started(small());
    let (mut writer, mut reader) = ends_at(&memory, small(), Role::Client, 0);
    let _ = writer.send(b"last words").unwrap();
    assert_eq!(leave(&*memory, Role::Client), Signal::Needed);
    assert_eq!(reader.recv(&mut [0; 11]), Err(RecvError::Closed { ready: 10 }));
    let mut buffer = [0; 64];
    assert_eq!(reader.read(&mut buffer).unwrap().bytes, 10);
    assert_eq!(&buffer[..10], b"last words");
    assert_eq!(reader.read(&mut buffer), Err(ReadError::Closed));
    assert_eq!(reader.peer(), Presence::Gone);
}

#[test]
fn nothing_is_written_to_a_peer_that_has_gone() {
    let memory = TestMemory::started(small());
    let (mut writer, mut reader) = ends_at(&memory, small(), Role::Client, 0);
    let _ = leave(&*memory, Role::Server);
    assert_eq!(writer.send(b"x"), Err(SendError::Closed));
    assert_eq!(writer.write(b"x"), Err(WriteError::Closed));
    assert_eq!(reader.data_ready(), Ok(0));
}

#[test]
fn a_server_can_write_before_its_client_comes() {
    let memory = Arc::new(TestMemory::zeroed(small()));
    start_server(&*memory, small());
    let mut writer = Writer::new(Arc::clone(&memory), Role::Server, small());
    let mut left = Reader::new(Arc::clone(&memory), Role::Server, small());
    assert_eq!(writer.peer(), Presence::Awaited);
    assert_eq!(left.read(&mut [0]), Err(ReadError::WouldBlock));
    let _ = writer.send(b"hello").unwrap();

    assert_eq!(start_client(&*memory), Signal::Needed);
    assert_eq!(writer.peer(), Presence::Connected);
    let mut reader = Reader::new(&*memory, Role::Client, read_geometry(&*memory).unwrap());
    let mut buffer = [0; 5];
    let _ = reader.recv(&mut buffer).unwrap();
    assert_eq!(&buffer, b"hello");
}

#[test]
fn the_server_fills_the_page_as_the_c_library() {
    let memory = TestMemory::zeroed(small());
    start_server(&memory, small());
    let flags = [Flag::CliLive, Flag::SrvLive, Flag::CliNotify, Flag::SrvNotify];
    let bytes = || flags.map(|flag| memory.load_flag(flag, Relaxed));
    assert_eq!(memory.load(Word::ORDERS, Relaxed), 11 << 16 | 10);
    assert_eq!(bytes(), [2, 1, 1, 0]);
    let _ = start_client(&memory);
    assert_eq!(bytes(), [1, 1, 1, 1]);
    let _ = leave(&memory, Role::Server);
    assert_eq!(bytes(), [1, 0, 1, 1]);
}

#[test]
fn a_later_client_goes_on_where_the_first_stopped() {
    let memory = TestMemory::started(small());
    let (mut first, mut server) = ends_at(&memory, small(), Role::Client, 0);
    let _ = first.send(b"one").unwrap();
    let _ = server.recv(&mut [0; 3]).unwrap();
    let _ = leave(&*memory, Role::Client);
    let _ = start_client(&*memory);
    let mut second = Writer::new(&*memory, Role::Client, small());
    let _ = second.send(b"two").unwrap();
    let mut buffer = [0; 3];
    let _ = server.recv(&mut buffer).unwrap();
    assert_eq!(&buffer, b"two");
}

/// What a peer claims in one step: how full both rings are, and its live byte.
type Claim = (u32, u32, u8, usize);

fn claim() -> impl Strategy<Value = Claim> {
    let live = prop_oneof![4 => Just(1u8), 1 => any::<u8>()];
    (0..2100u32, 0..1050u32, live, 0..3000usize)
}

/// What must come of moving up to `len` bytes when so many are `available`.
fn expected<E>(available: u32, len: usize, none: E) -> Result<usize, E> {
    match (len, available) {
        (0, _) => Ok(0),
        (_, 0) => Err(none),
        _ => Ok(len.min(available as usize)),
    }
}

proptest! {
    /// `TestMemory` fails the test if a copy leaves its ring.
    #[test]
    fn any_claim_of_the_peer_is_answered(claims in prop::collection::vec(claim(), 1..20)) {
        let memory = TestMemory::started(small());
        let mut writer = Writer::new(&*memory, Role::Server, small());
        let mut reader = Reader::new(&*memory, Role::Server, small());
        let (mut written, mut taken) = (0u32, 0u32);
        for (used, ready, live, len) in claims {
            memory.store(Word::cons(Ring::Right), written.wrapping_sub(used), Relaxed);
            memory.store(Word::prod(Ring::Left), taken.wrapping_add(ready), Relaxed);
            memory.store_flag(Flag::CliLive, live, Relaxed);
            let mut buffer = vec![0; len];
            let wrote = writer.write(&buffer).map(|transfer| transfer.bytes);
            let read = reader.read(&mut buffer).map(|transfer| transfer.bytes);
            if live == 0 {
                prop_assert_eq!(wrote, Err(WriteError::Closed));
            } else if used > 2048 && len > 0 {
                prop_assert!(matches!(wrote, Err(WriteError::Broken(_))));
                return Ok(());
            } else {
                let full = WriteError::WouldBlock { size: 2048 };
                prop_assert_eq!(wrote, expected(2048u32.saturating_sub(used), len, full));
            }
            if ready > 1024 && len > 0 {
                prop_assert!(matches!(read, Err(ReadError::Broken(_))));
                return Ok(());
            }
            let empty = if live == 0 { ReadError::Closed } else { ReadError::WouldBlock };
            prop_assert_eq!(read, expected(ready, len, empty));
            written = written.wrapping_add(wrote.unwrap_or(0) as u32);
            taken = taken.wrapping_add(read.unwrap_or(0) as u32);
        }
    }
}
