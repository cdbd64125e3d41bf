//! The ways that are compared, each as a sender and a receiver in two processes.

use std::io::{self, BufReader, Read, Write};
use std::ops::Range;
use std::os::unix::net::UnixStream;

use argo_core::{DomainId, Port};
use argo_guest::{Address, BindOptions, Datagram, Domain};

use crate::payload;

/// Anything that can go wrong on a way.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Moves messages of one length from here.
pub trait Sender {
    /// Sends the first `count` messages of `len` bytes.
    fn send(&mut self, len: usize, count: u64) -> Result<(), Failure>;
}

/// Takes messages.
pub trait Receiver {
    /// Receives that many messages and returns the sum of all.
    fn receive(&mut self, len: usize, count: u64) -> Result<u64, Failure>;
}

/// Messages in a stream, each behind its length: one write a message, reads as large as they come.
pub struct Framed {
    stream: BufReader<UnixStream>,
    message: Vec<u8>,
}

/// Bytes of a frame's header.
const HEADER: usize = 4;
/// What a reader takes from the socket at once, at most: the largest message and some.
const READ: usize = 256 << 10;

impl Framed {
    /// Frames on this stream.
    pub fn new(stream: UnixStream) -> Self {
        Self { stream: BufReader::with_capacity(READ, stream), message: Vec::new() }
    }
}

impl Sender for Framed {
    fn send(&mut self, len: usize, count: u64) -> Result<(), Failure> {
        self.message.resize(HEADER + len, 0);
        for number in 0..count {
            self.message[..HEADER].copy_from_slice(&(len as u32).to_le_bytes());
            payload::write(&mut self.message[HEADER..], number);
            self.stream.get_mut().write_all(&self.message)?;
        }
        Ok(())
    }
}

impl Receiver for Framed {
    fn receive(&mut self, len: usize, count: u64) -> Result<u64, Failure> {
        self.message.resize(len, 0);
        let mut total = 0u64;
        for _ in 0..count {
            let mut header = [0; HEADER];
            self.stream.read_exact(&mut header)?;
            if u32::from_le_bytes(header) as usize != len {
                return Err(io::Error::from(io::ErrorKind::InvalidData).into());
            }
            self.stream.read_exact(&mut self.message)?;
            total = total.wrapping_add(payload::sum(&self.message));
        }
        Ok(total)
    }
}

/// Datagrams through argod: many sends in flight, received in place.
pub struct Argo {
    socket: Datagram,
    to: Address,
    batch: Vec<u8>,
}

/// Where the receiver listens.
const PORT: Port = Port(7);
/// Bytes of the receiver's ring.
const RING: u32 = 2 << 20;
/// Bytes of payload that are written before they are submitted.
const BATCH: usize = 256 << 10;
/// Messages that are submitted at once, at most.
const BATCH_MESSAGES: usize = 128;
/// Below this length a message is copied once more rather than given a buffer of its own.
const COPIED: usize = 1024;

impl Argo {
    /// In this domain. Messages go to `receiver`.
    pub fn bind(domain: &Domain, receiver: DomainId) -> Result<Self, Failure> {
        let socket = match domain.id() == receiver {
            true => Datagram::bind_blocking(domain, BindOptions::port(PORT).ring_len(RING))?,
            false => Datagram::bind_blocking(domain, BindOptions::any_port())?,
        };
        Ok(Self { socket, to: Address::new(receiver, PORT), batch: Vec::new() })
    }
}

impl Sender for Argo {
    fn send(&mut self, len: usize, count: u64) -> Result<(), Failure> {
        let at_once = (BATCH / len).clamp(1, BATCH_MESSAGES) as u64;
        let mut sent = 0;
        while sent < count {
            let numbers = sent..count.min(sent + at_once);
            sent = numbers.end;
            match len < COPIED {
                true => self.send_copied(len, numbers)?,
                false => self.send_written(len, numbers)?,
            }
        }
        Ok(())
    }
}

impl Argo {
    /// Writes the messages into memory of this process, from where the library copies them.
    fn send_copied(&mut self, len: usize, numbers: Range<u64>) -> Result<(), Failure> {
        self.batch.resize(len * (numbers.end - numbers.start) as usize, 0);
        for (message, number) in self.batch.chunks_exact_mut(len).zip(numbers) {
            payload::write(message, number);
        }
        let messages: Vec<&[u8]> = self.batch.chunks_exact(len).collect();
        Ok(self.socket.blocking().send_batch_to(&messages, self.to)?)
    }

    /// Writes the messages where argod copies them from.
    fn send_written(&mut self, len: usize, numbers: Range<u64>) -> Result<(), Failure> {
        let mut buffers = Vec::new();
        for number in numbers {
            let mut buffer = self.socket.domain().buffer(len)?;
            buffer.fill(|bytes| payload::write(bytes, number));
            buffers.push(buffer);
        }
        Ok(self.socket.blocking().send_buffers_to(&mut buffers, self.to)?)
    }
}

impl Receiver for Argo {
    fn receive(&mut self, _len: usize, count: u64) -> Result<u64, Failure> {
        let mut total = 0u64;
        for _ in 0..count {
            let received = self.socket.blocking().receive()?;
            let (head, tail) = received.parts();
            total = total.wrapping_add(payload::sum(head)).wrapping_add(payload::sum(tail));
        }
        Ok(total)
    }
}
