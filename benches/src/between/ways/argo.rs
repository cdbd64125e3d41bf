//! Argo through argod: datagrams, many sends in flight, received in place; and a stream.

use std::io::{self, Read, Write};
use std::ops::Range;

use argo_core::Port;
use argo_guest::stream::{Stream, StreamListener};
use argo_guest::{Address, BindOptions, Datagram};

use super::{Mover, in_groups};
use crate::between::end::{End, Home};
use crate::case::Failure;
use crate::payload;

/// Where both ends receive datagrams.
const PORT: Port = Port(7);
/// Where the receiver accepts streams.
const STREAMS: Port = Port(8);
/// Bytes of a ring.
const RING: u32 = 2 << 20;
/// Below this length a message is copied once more rather than given a buffer of its own.
const COPIED: usize = 1024;

/// Datagrams.
pub struct Argo {
    socket: Datagram,
    to: Address,
    batch: Vec<u8>,
}

impl Argo {
    /// This end.
    pub fn meet(home: &mut Home, ready: impl FnOnce()) -> Result<Self, Failure> {
        let options = BindOptions::port(PORT).ring_len(RING);
        let socket = Datagram::bind_blocking(&home.domain()?, options)?;
        if home.end == End::Receiver {
            ready();
        }
        let to = Address::new(home.end.other().domain()?, PORT);
        Ok(Self { socket, to, batch: Vec::new() })
    }

    /// Writes the messages into memory of this process, from where the library copies them.
    fn send_copied(&mut self, len: usize, numbers: Range<u64>) -> Result<(), Failure> {
        self.batch.resize(len * (numbers.end - numbers.start) as usize, 0);
        for (message, number) in self.batch.chunks_exact_mut(len).zip(numbers) {
            payload::write(message, number);
        }
        let messages: Vec<&[u8]> = self.batch.chunks_exact(len).collect();
        match messages[..] {
            [message] => drop(self.socket.blocking().send_to(message, self.to)?),
            _ => self.socket.blocking().send_batch_to(&messages, self.to)?,
        }
        Ok(())
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

impl Mover for Argo {
    fn send(&mut self, len: usize, numbers: Range<u64>) -> Result<(), Failure> {
        in_groups(len, numbers, |group| match len < COPIED {
            true => self.send_copied(len, group),
            false => self.send_written(len, group),
        })
    }

    fn receive(&mut self, len: usize, count: u64) -> Result<u64, Failure> {
        let mut total = 0u64;
        for _ in 0..count {
            let received = self.socket.blocking().receive()?;
            let (head, tail) = received.parts();
            if head.len() + tail.len() != len {
                return Err(io::Error::from(io::ErrorKind::InvalidData).into());
            }
            total = total.wrapping_add(payload::sum(head)).wrapping_add(payload::sum(tail));
        }
        Ok(total)
    }
}

/// A stream whose calls block.
pub struct ArgoStream(Stream);

impl ArgoStream {
    /// This end.
    pub fn meet(home: &mut Home, ready: impl FnOnce()) -> Result<Self, Failure> {
        let domain = home.domain()?;
        Ok(Self(match home.end {
            End::Receiver => {
                let listener = StreamListener::bind_blocking(&domain, STREAMS)?;
                ready();
                listener.accept_blocking(None)?.0
            }
            End::Sender => {
                let receiver = home.end.other().domain()?;
                Stream::connect_blocking(&domain, Address::new(receiver, STREAMS))?
            }
        }))
    }
}

impl Read for ArgoStream {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.blocking().read(bytes)
    }
}

impl Write for ArgoStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.blocking().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.blocking().flush()
    }
}
