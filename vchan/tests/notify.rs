//! Wake-ups: asked for by a bit, given once, never lost, and fenced as the format demands.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test")]

mod support;

use std::cell::RefCell;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::Ordering::{self, Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use support::{TestMemory, ends_at};
use vchan::{
    Flag, Geometry, Notify, ReadError, Reader, Ring, Role, SharedPage, SharedRings, Signal, Word,
    WriteError, Writer,
};

fn small() -> Geometry {
    Geometry::new(10, 11).unwrap()
}

/// What `role` has been asked to signal.
fn asked(memory: &TestMemory, role: Role) -> u8 {
    memory.load_flag(role.notify(), Relaxed)
}

#[test]
fn the_first_write_signals_and_the_next_does_not() {
    for role in [Role::Client, Role::Server] {
        let memory = TestMemory::started(small());
        let (mut writer, mut reader) = ends_at(&memory, small(), role, 0);
        assert_eq!(asked(&memory, role), Notify::Write.bit());
        assert_eq!(writer.send(b"a"), Ok(Signal::Needed));
        assert_eq!(asked(&memory, role), 0);
        assert_eq!(writer.send(b"b"), Ok(Signal::NotNeeded));
        assert_eq!(reader.recv(&mut [0; 2]), Ok(Signal::NotNeeded));
        assert_eq!(asked(&memory, role), 0);
    }
}

#[test]
fn a_reader_that_finds_nothing_asks_for_writes() {
    let memory = TestMemory::started(small());
    let (mut writer, mut reader) = ends_at(&memory, small(), Role::Client, 0);
    let _ = writer.send(b"a").unwrap();
    let _ = reader.recv(&mut [0]).unwrap();
    assert_eq!(reader.read(&mut [0]), Err(ReadError::WouldBlock));
    assert_eq!(asked(&memory, Role::Client), Notify::Write.bit());
    assert_eq!(writer.write(b"b").unwrap().signal, Signal::Needed);
}

#[test]
fn a_writer_that_finds_no_room_asks_for_reads() {
    let memory = TestMemory::started(small());
    let (mut writer, mut reader) = ends_at(&memory, small(), Role::Client, 0);
    let _ = writer.send(&[0; 1024]).unwrap();
    assert_eq!(asked(&memory, Role::Server), Notify::Write.bit());
    assert_eq!(writer.write(b"a"), Err(WriteError::WouldBlock { size: 1024 }));
    assert_eq!(asked(&memory, Role::Server), Notify::Write.bit() | Notify::Read.bit());
    assert_eq!(reader.read(&mut [0]).unwrap().signal, Signal::Needed);
    assert_eq!(asked(&memory, Role::Server), Notify::Write.bit());
    assert_eq!(reader.read(&mut [0]).unwrap().signal, Signal::NotNeeded);
}

#[test]
fn counting_asks_for_a_signal_too() {
    let memory = TestMemory::started(small());
    let (mut writer, mut reader) = ends_at(&memory, small(), Role::Server, 0);
    let _ = writer.send(b"a").unwrap();
    assert_eq!(reader.data_ready(), Ok(1));
    assert_eq!(writer.send(b"b"), Ok(Signal::Needed));
    assert_eq!(writer.buffer_space(), Ok(2046));
    assert_eq!(reader.recv(&mut [0; 2]), Ok(Signal::Needed));
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    Load(Word, Ordering),
    Store(Word, Ordering),
    Test(Flag),
    Or(Flag),
    And(Flag),
    Fence,
    In,
    Out,
}

/// Writes down each access before it is done.
struct Recorder {
    memory: Arc<TestMemory>,
    seen: RefCell<Vec<Access>>,
}

impl Recorder {
    fn new(memory: Arc<TestMemory>) -> Recorder {
        Recorder { memory, seen: RefCell::new(Vec::new()) }
    }

    fn note(&self, access: Access) -> &TestMemory {
        self.seen.borrow_mut().push(access);
        &self.memory
    }
}

impl SharedPage for Recorder {
    fn load(&self, word: Word, ordering: Ordering) -> u32 {
        self.note(Access::Load(word, ordering)).load(word, ordering)
    }
    fn store(&self, word: Word, value: u32, ordering: Ordering) {
        self.note(Access::Store(word, ordering)).store(word, value, ordering);
    }
    fn load_flag(&self, flag: Flag, ordering: Ordering) -> u8 {
        self.note(Access::Test(flag)).load_flag(flag, ordering)
    }
    fn store_flag(&self, flag: Flag, value: u8, ordering: Ordering) {
        self.memory.store_flag(flag, value, ordering);
    }
    fn fetch_or_flag(&self, flag: Flag, bits: u8, ordering: Ordering) -> u8 {
        self.note(Access::Or(flag)).fetch_or_flag(flag, bits, ordering)
    }
    fn fetch_and_flag(&self, flag: Flag, bits: u8, ordering: Ordering) -> u8 {
        self.note(Access::And(flag)).fetch_and_flag(flag, bits, ordering)
    }
    fn fence_seq_cst(&self) {
        self.note(Access::Fence).fence_seq_cst();
    }
}

impl SharedRings for Recorder {
    fn copy_in(&self, ring: Ring, offset: u32, from: &[u8]) {
        self.note(Access::In).copy_in(ring, offset, from);
    }
    fn copy_out(&self, ring: Ring, offset: u32, to: &mut [u8]) {
        self.note(Access::Out).copy_out(ring, offset, to);
    }
}

#[test]
fn a_write_publishes_then_fences_then_tests_the_bit() {
    let recorder = Recorder::new(TestMemory::started(small()));
    let mut writer = Writer::new(&recorder, Role::Client, small());
    recorder.seen.borrow_mut().clear();
    assert_eq!(writer.send(b"x"), Ok(Signal::Needed));
    let expected = [
        Access::Test(Flag::SrvLive),
        Access::Load(Word::cons(Ring::Left), Ordering::Acquire),
        Access::In,
        Access::Store(Word::prod(Ring::Left), Ordering::Release),
        Access::Fence,
        Access::Test(Flag::CliNotify),
        Access::And(Flag::CliNotify),
    ];
    assert_eq!(*recorder.seen.borrow(), expected);
}

#[test]
fn a_wait_sets_the_bit_then_fences_then_looks_again() {
    let recorder = Recorder::new(TestMemory::started(small()));
    let mut reader = Reader::new(&recorder, Role::Client, small());
    recorder.seen.borrow_mut().clear();
    assert_eq!(reader.read(&mut [0]), Err(ReadError::WouldBlock));
    let prod = Access::Load(Word::prod(Ring::Right), Ordering::Acquire);
    let expected =
        [prod, Access::Or(Flag::SrvNotify), Access::Fence, Access::Test(Flag::SrvLive), prod];
    assert_eq!(*recorder.seen.borrow(), expected);
}

/// An event channel's two ends: what one side signals, the other side waits for.
struct Event {
    signal: Sender<()>,
    pending: Receiver<()>,
}

impl Event {
    fn pair() -> (Event, Event) {
        let (to_right, right) = channel();
        let (to_left, left) = channel();
        (Event { signal: to_right, pending: left }, Event { signal: to_left, pending: right })
    }

    fn deliver(&self, signal: Signal) {
        if signal == Signal::Needed {
            // The other thread is done once it has all its bytes.
            let _gone = self.signal.send(());
        }
    }

    /// The limit only ends a failed test: a lost wake-up would wait for ever.
    fn wait(&self) -> Result<(), RecvTimeoutError> {
        self.pending.recv_timeout(Duration::from_secs(30))
    }
}

fn write_all(
    mut writer: Writer<Arc<TestMemory>>,
    event: Event,
    data: &[u8],
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut left = data;
    while !left.is_empty() {
        match writer.write(left) {
            Ok(done) => {
                event.deliver(done.signal);
                left = &left[done.bytes..];
            }
            Err(WriteError::WouldBlock { .. }) => event.wait()?,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn read_all(
    mut reader: Reader<Arc<TestMemory>>,
    event: Event,
    len: usize,
) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
    let (mut all, mut part) = (Vec::new(), [0; 700]);
    while all.len() < len {
        match reader.read(&mut part) {
            Ok(done) => {
                event.deliver(done.signal);
                all.extend(&part[..done.bytes]);
            }
            Err(ReadError::WouldBlock) => event.wait()?,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(all)
}

#[test]
fn two_threads_that_sleep_lose_no_wake_up() {
    let memory = TestMemory::started(small());
    let (writer, reader) = ends_at(&memory, small(), Role::Client, u32::MAX - 1_000_000);
    let (writers, readers) = Event::pair();
    let data: Vec<u8> = (0..4_000_000u32).map(|at| (at % 251) as u8).collect();
    let got = thread::scope(|scope| {
        let written = scope.spawn(|| write_all(writer, writers, &data));
        let got = read_all(reader, readers, data.len());
        written.join().unwrap().unwrap();
        got.unwrap()
    });
    assert!(got == data);
}
