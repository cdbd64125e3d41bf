//! One side of a vchan, whose peer writes anything into the shared page between any two operations.
//! It writes its own index, its flags and the free part of its own ring, nothing else; what it moves
//! is what its index says; and it calls an index a lie exactly if that claims more than the ring holds.
#![no_main]

use std::sync::atomic::Ordering::Relaxed;

use arbitrary::Arbitrary;
use argo_fuzz::page::{Image, SharedMemory};
use libfuzzer_sys::fuzz_target;
use vchan::{
    Flag, Geometry, LyingIndex, ReadError, Reader, RecvError, Ring, Role, SendError, SharedPage,
    Word, WriteError, Writer, read_geometry, start_client, start_server,
};

#[derive(Arbitrary, Debug)]
struct Input<'b> {
    orders: u32,
    is_client: bool,
    start: u32,
    steps: Vec<Step<'b>>,
}

#[derive(Arbitrary, Debug)]
enum Step<'b> {
    Read(u16),
    Recv(u16),
    Front,
    Consume(u16),
    Write(u16),
    Send(u16),
    /// What an honest peer would do: it reads, or writes, so many bytes.
    PeerReads(u16),
    PeerWrites(u16),
    Index {
        cons: bool,
        left: bool,
        value: u32,
    },
    /// The ring that is read, or written, is as full as it can be, and so many bytes more.
    Edge {
        reads: bool,
        by: i8,
    },
    Flag {
        which: u8,
        value: u8,
    },
    Orders(u32),
    Bytes {
        left: bool,
        at: u16,
        bytes: &'b [u8],
    },
}

fuzz_target!(|input: Input| {
    let seen = SharedMemory::of_page();
    seen.store(Word::ORDERS, input.orders, Relaxed);
    let Ok(geometry) = read_geometry(&seen).or_else(|_| Geometry::new(10, 11)) else { return };
    if [Ring::Left, Ring::Right].iter().any(|ring| geometry.order(*ring).size() > 1 << 13) {
        return;
    }
    let memory = SharedMemory::zeroed(geometry);
    start_server(&memory, geometry);
    let _asked = start_client(&memory);
    for ring in [Ring::Left, Ring::Right] {
        memory.store(Word::cons(ring), input.start, Relaxed);
        memory.store(Word::prod(ring), input.start, Relaxed);
    }
    let role = if input.is_client { Role::Client } else { Role::Server };
    let mut side = Side {
        memory: &memory,
        role,
        reader: Reader::new(&memory, role, geometry),
        writer: Writer::new(&memory, role, geometry),
        cons: input.start,
        prod: input.start,
        read_lie: None,
        write_lie: None,
    };
    input.steps.iter().for_each(|step| side.take(step));
});

struct Side<'m> {
    memory: &'m SharedMemory,
    role: Role,
    reader: Reader<&'m SharedMemory>,
    writer: Writer<&'m SharedMemory>,
    /// How far it has read and written, by our own reckoning.
    cons: u32,
    prod: u32,
    /// The first lie about what there is to read, and about what room there is.
    read_lie: Option<LyingIndex>,
    write_lie: Option<LyingIndex>,
}

impl Side<'_> {
    fn take(&mut self, step: &Step) {
        match *step {
            Step::Read(len) => self.read(len.into()),
            Step::Recv(len) => self.recv(len.into()),
            Step::Front => self.front(),
            Step::Consume(len) => self.consume(len.into()),
            Step::Write(len) => self.write(len.into()),
            Step::Send(len) => self.send(len.into()),
            Step::PeerReads(len) => self.bump(Word::cons(self.role.write_ring()), len),
            Step::PeerWrites(len) => self.bump(Word::prod(self.role.read_ring()), len),
            Step::Index { cons, left, value } => {
                let ring = if left { Ring::Left } else { Ring::Right };
                let word = if cons { Word::cons(ring) } else { Word::prod(ring) };
                self.memory.store(word, value, Relaxed);
            }
            Step::Edge { reads: true, by } => {
                let full = self.cons.wrapping_add(self.reader.size());
                let prod = Word::prod(self.role.read_ring());
                self.memory.store(prod, full.wrapping_add_signed(by.into()), Relaxed);
            }
            Step::Edge { reads: false, by } => {
                let full = self.prod.wrapping_sub(self.writer.size());
                let cons = Word::cons(self.role.write_ring());
                self.memory.store(cons, full.wrapping_add_signed(by.into()), Relaxed);
            }
            Step::Flag { which, value } => {
                let flags = [Flag::CliLive, Flag::SrvLive, Flag::CliNotify, Flag::SrvNotify];
                self.memory.store_flag(flags[usize::from(which % 4)], value, Relaxed);
            }
            Step::Orders(orders) => self.memory.store(Word::ORDERS, orders, Relaxed),
            Step::Bytes { left, at, bytes } => {
                let ring = if left { Ring::Left } else { Ring::Right };
                self.memory.scribble(ring, at.into(), bytes);
            }
        }
    }

    fn bump(&self, word: Word, by: u16) {
        let index = self.memory.load(word, Relaxed);
        self.memory.store(word, index.wrapping_add(by.into()), Relaxed);
    }

    fn read(&mut self, len: usize) {
        let (ready, before) = (self.ready(), self.memory.image());
        let mut buffer = vec![0; len];
        match self.reader.read(&mut buffer) {
            Ok(moved) => {
                let expected = (ready.unwrap_or(0) as usize).min(len);
                assert_eq!(moved.bytes, expected);
                self.has_read(&buffer[..moved.bytes]);
            }
            Err(ReadError::Broken(lie)) => self.reads_lie(lie, ready),
            Err(_) => assert!(len > 0 && ready == Some(0)),
        }
        self.look(&before);
    }

    fn recv(&mut self, len: usize) {
        let (ready, before) = (self.ready(), self.memory.image());
        let mut buffer = vec![0; len];
        match self.reader.recv(&mut buffer) {
            Ok(_) => {
                assert!(ready.is_some_and(|ready| len <= ready as usize));
                self.has_read(&buffer);
            }
            Err(RecvError::Broken(lie)) => self.reads_lie(lie, ready),
            Err(RecvError::TooBig { .. }) => assert!(len > self.reader.size() as usize),
            Err(_) => assert!(ready.is_some_and(|ready| (ready as usize) < len)),
        }
        self.look(&before);
    }

    fn front(&mut self) {
        let (ready, before) = (self.ready(), self.memory.image());
        match self.reader.front() {
            Ok(range) => {
                assert!(!range.is_empty() && range.end <= self.reader.size());
                assert_eq!(range.start, self.cons % self.reader.size());
                assert!(ready.is_some_and(|ready| range.end - range.start <= ready));
            }
            Err(ReadError::Broken(lie)) => self.reads_lie(lie, ready),
            Err(_) => assert_eq!(ready, Some(0)),
        }
        self.look(&before);
    }

    fn consume(&mut self, bytes: u32) {
        let before = self.memory.image();
        let moved = self.reader.consume(bytes);
        assert!(moved.bytes <= bytes as usize && moved.bytes <= self.reader.size() as usize);
        self.cons = self.cons.wrapping_add(moved.bytes as u32);
        self.look(&before);
    }

    fn write(&mut self, len: usize) {
        let (space, before) = (self.space(), self.memory.image());
        let data = vec![0x5A; len];
        match self.writer.write(&data) {
            Ok(moved) => {
                assert_eq!(moved.bytes, (space.unwrap_or(0) as usize).min(len));
                self.has_written(moved.bytes);
            }
            Err(WriteError::Broken(lie)) => self.writes_lie(lie, space),
            Err(WriteError::WouldBlock { .. }) => assert!(len > 0 && space == Some(0)),
            Err(_) => assert!(len > 0),
        }
        self.look_after_write(&before, space);
    }

    fn send(&mut self, len: usize) {
        let (space, before) = (self.space(), self.memory.image());
        let data = vec![0x5A; len];
        match self.writer.send(&data) {
            Ok(_) => {
                assert!(space.is_some_and(|space| len <= space as usize));
                self.has_written(len);
            }
            Err(SendError::Broken(lie)) => self.writes_lie(lie, space),
            Err(SendError::TooBig { .. }) => assert!(len > self.writer.size() as usize),
            Err(SendError::WouldBlock { .. }) => {
                assert!(space.is_some_and(|space| (space as usize) < len));
            }
            Err(_) => assert!(len > 0),
        }
        self.look_after_write(&before, space);
    }

    /// What was read lies in the ring, and counts as read.
    fn has_read(&mut self, bytes: &[u8]) {
        let ring = self.memory.ring(self.role.read_ring());
        let lies = |(at, byte): (usize, &u8)| ring[(self.cons as usize + at) % ring.len()] == *byte;
        assert!(bytes.iter().enumerate().all(lies), "other bytes than the ring's");
        self.cons = self.cons.wrapping_add(bytes.len() as u32);
    }

    fn has_written(&mut self, bytes: usize) {
        let ring = self.memory.ring(self.role.write_ring());
        let lies = |at| ring[(self.prod as usize + at) % ring.len()] == 0x5A;
        assert!((0..bytes).all(lies), "what was written is not there");
        self.prod = self.prod.wrapping_add(bytes as u32);
        assert_eq!(self.memory.load(Word::prod(self.role.write_ring()), Relaxed), self.prod);
    }

    /// Bytes to read; `None`: the peer's index lies, or has lied.
    fn ready(&self) -> Option<u32> {
        let prod = self.memory.load(Word::prod(self.role.read_ring()), Relaxed);
        let ready = Some(prod.wrapping_sub(self.cons)).filter(|_| self.read_lie.is_none());
        ready.filter(|ready| *ready <= self.reader.size())
    }

    /// Room to write; `None`: the peer's index lies, or has lied.
    fn space(&self) -> Option<u32> {
        let cons = self.memory.load(Word::cons(self.role.write_ring()), Relaxed);
        let used = Some(self.prod.wrapping_sub(cons)).filter(|_| self.write_lie.is_none());
        self.writer.size().checked_sub(used?)
    }

    fn reads_lie(&mut self, lie: LyingIndex, truth: Option<u32>) {
        let prod = self.memory.load(Word::prod(self.role.read_ring()), Relaxed);
        assert!(self.read_lie.is_some() || lie.indexes.prod == prod, "{lie}");
        is_lie(lie, truth, self.read_lie.get_or_insert(lie));
    }

    fn writes_lie(&mut self, lie: LyingIndex, truth: Option<u32>) {
        let cons = self.memory.load(Word::cons(self.role.write_ring()), Relaxed);
        assert!(self.write_lie.is_some() || lie.indexes.cons == cons, "{lie}");
        is_lie(lie, truth, self.write_lie.get_or_insert(lie));
    }

    /// Nothing is written but its index of the ring that it reads, and flags.
    fn look(&self, before: &Image) {
        let mut allowed = before.clone();
        let cons = Word::cons(self.role.read_ring());
        let now = self.memory.image();
        // An index that does not move is not written, whatever the peer has put there.
        let stored = now.words[cons.offset() / 4];
        assert!(stored == before.words[cons.offset() / 4] || stored == self.cons);
        allowed.words[cons.offset() / 4] = stored;
        assert!(now == allowed, "more was written than its index");
    }

    fn look_after_write(&self, before: &Image, space: Option<u32>) {
        let mut allowed = before.clone();
        let (ring, now) = (self.role.write_ring(), self.memory.image());
        let prod = Word::prod(ring).offset() / 4;
        assert!(now.words[prod] == before.words[prod] || now.words[prod] == self.prod);
        allowed.words[prod] = now.words[prod];
        let (old, new) = (allowed.ring_mut(ring), now.ring(ring));
        // The bytes that may have been written end where the peer has not read yet.
        let cons = self.memory.load(Word::cons(ring), Relaxed);
        for at in 0..space.unwrap_or(0) {
            let place = cons.wrapping_add(old.len() as u32).wrapping_sub(1).wrapping_sub(at);
            let place = place as usize % old.len();
            old[place] = new[place];
        }
        assert!(now == allowed, "more was written than the free part of its ring");
    }
}

/// It was none that was told, and every later call tells the first.
fn is_lie(lie: LyingIndex, truth: Option<u32>, first: &LyingIndex) {
    assert_eq!((truth, lie), (None, *first));
    assert!(lie.indexes.prod.wrapping_sub(lie.indexes.cons) > lie.size, "{lie}");
}
