//! Any sequence of operations on a ring does what a queue of bytes would do.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test")]

mod support;

use std::collections::VecDeque;
use std::sync::Arc;

use proptest::prelude::*;
use support::{TestMemory, ends_at};
use vchan::{Geometry, ReadError, Reader, RecvError, Role, SendError, WriteError, Writer};

const SIZE: usize = 1024;

#[derive(Clone, Copy, Debug)]
enum Step {
    Send(usize),
    Write(usize),
    Recv(usize),
    Read(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let len = 0..SIZE + 50;
    prop_oneof![
        len.clone().prop_map(Step::Send),
        len.clone().prop_map(Step::Write),
        len.clone().prop_map(Step::Recv),
        len.prop_map(Step::Read),
    ]
}

/// A ring of 1 KiB beside the queue that it is compared with.
struct Twin {
    writer: Writer<Arc<TestMemory>>,
    reader: Reader<Arc<TestMemory>>,
    queue: VecDeque<u8>,
    written: u8,
}

impl Twin {
    fn new(role: Role, index: u32) -> Twin {
        let geometry = match role {
            Role::Server => Geometry::new(11, 10).unwrap(),
            Role::Client => Geometry::new(10, 11).unwrap(),
        };
        let memory = TestMemory::started(geometry);
        let (writer, reader) = ends_at(&memory, geometry, role, index);
        Twin { writer, reader, queue: VecDeque::new(), written: 0 }
    }

    fn free(&self) -> usize {
        SIZE - self.queue.len()
    }

    fn fresh(&mut self, len: usize) -> Vec<u8> {
        let bytes = (0..len).map(|at| self.written.wrapping_add(at as u8)).collect();
        self.written = self.written.wrapping_add(len as u8);
        bytes
    }

    fn send(&mut self, len: usize) {
        let data = self.fresh(len);
        let sent = self.writer.send(&data).map(drop);
        if len > SIZE {
            assert_eq!(sent, Err(SendError::TooBig { len, size: SIZE as u32 }));
        } else if len > self.free() {
            let (needed, free) = (len as u32, self.free() as u32);
            assert_eq!(sent, Err(SendError::WouldBlock { needed, free }));
        } else {
            assert_eq!(sent, Ok(()));
            self.queue.extend(data);
        }
    }

    fn write(&mut self, len: usize) {
        let data = self.fresh(len);
        let wrote = self.writer.write(&data).map(|transfer| transfer.bytes);
        if len > 0 && self.free() == 0 {
            assert_eq!(wrote, Err(WriteError::WouldBlock { size: SIZE as u32 }));
        } else {
            let room = len.min(self.free());
            assert_eq!(wrote, Ok(room));
            self.queue.extend(&data[..room]);
        }
    }

    fn recv(&mut self, len: usize) {
        let mut buffer = vec![0; len];
        let received = self.reader.recv(&mut buffer).map(drop);
        if len > SIZE {
            assert_eq!(received, Err(RecvError::TooBig { len, size: SIZE as u32 }));
        } else if len > self.queue.len() {
            let (needed, ready) = (len as u32, self.queue.len() as u32);
            assert_eq!(received, Err(RecvError::WouldBlock { needed, ready }));
        } else {
            assert_eq!(received, Ok(()));
            assert_eq!(buffer, self.queue.drain(..len).collect::<Vec<_>>());
        }
    }

    fn read(&mut self, len: usize) {
        let mut buffer = vec![0; len];
        let read = self.reader.read(&mut buffer).map(|transfer| transfer.bytes);
        if len > 0 && self.queue.is_empty() {
            assert_eq!(read, Err(ReadError::WouldBlock));
        } else {
            let there = len.min(self.queue.len());
            assert_eq!(read, Ok(there));
            assert_eq!(buffer[..there], self.queue.drain(..there).collect::<Vec<_>>());
        }
    }
}

proptest! {
    #[test]
    fn a_ring_is_a_queue(
        index: u32,
        role in prop_oneof![Just(Role::Server), Just(Role::Client)],
        steps in prop::collection::vec(step(), 1..200),
    ) {
        let mut twin = Twin::new(role, index);
        for step in steps {
            match step {
                Step::Send(len) => twin.send(len),
                Step::Write(len) => twin.write(len),
                Step::Recv(len) => twin.recv(len),
                Step::Read(len) => twin.read(len),
            }
            prop_assert_eq!(twin.reader.data_ready(), Ok(twin.queue.len() as u32));
            prop_assert_eq!(twin.writer.buffer_space(), Ok(twin.free() as u32));
        }
    }
}
