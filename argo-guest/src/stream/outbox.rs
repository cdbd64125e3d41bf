//! The sending side of a connection: what was written and does not yet lie in the peer's ring.
//!
//! Writes fill pieces in the domain's RAM; a chore sends them, as many as there are in one chain of
//! linked calls, so that they arrive in order or, from the first refused one on, not at all. What
//! is written meanwhile makes up the next chain. A full ring is waited out there, not by the writer,
//! who waits only when the send buffer is full.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

use argo_core::abi::{Addr, SendAddr};
use argo_core::platform::{Call, Link};
use argo_stream::wire;

use crate::arena::OutOfMemory;
use crate::buffer::Buffer;
use crate::datagram::SendError;
use crate::domain::{Chunk, Inner};
use crate::io::IoSlice;

/// The longest payload of a message on the extended wire, in bytes: a write of 64 KiB is one
/// message.
const PIECE_EXTENDED: usize = 64 << 10;
/// Bytes set aside for a piece that waits behind others: small writes that follow join it.
const PIECE_WAITING: usize = 4 << 10;

/// What a message with boundaries counts beside its bytes, so that empty and small ones are
/// bounded, too: what the shortest takes of the RAM.
const MESSAGE_COST: usize = 128;

/// A message that is not sent yet.
struct Piece {
    buffer: Buffer,
    /// Bytes of it that count against the send buffer.
    payload: usize,
    /// Whether further bytes may join it.
    open: bool,
    /// Where it says it comes from, if not from where all others do.
    source: Option<Addr>,
}

pub(super) struct Outbox {
    pieces: VecDeque<Piece>,
    /// Payload of the pieces that are in flight.
    in_flight: Vec<Sent>,
    /// Payload in pieces and in flight, in bytes.
    unsent: usize,
    limit: usize,
    /// The longest payload of a message.
    piece_max: usize,
    /// Set aside for the last message, so that saying goodbye never fails for want of memory.
    farewell: Option<Buffer>,
    /// A chore sends.
    pumped: bool,
    /// Memory was lacking.
    starved: bool,
    /// The last chain was refused: one message goes ahead until there is room again, so that each
    /// try costs one call.
    refused: bool,
    /// Whether data was written at all.
    used: bool,
    pub(super) state: Sending,
}

/// Whether more can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sending {
    Open,
    /// The end was written: nothing follows it.
    Finished,
    /// What was written can not be delivered.
    Failed(SendError),
}

/// What a piece in flight was.
struct Sent {
    len: usize,
    payload: usize,
    source: Option<Addr>,
}

/// What to send in one chain.
pub(super) struct Batch {
    pub(super) calls: Vec<Call>,
    pub(super) memory: Vec<Chunk>,
}

impl Outbox {
    pub(super) fn new(inner: &Arc<Inner>, limit: usize) -> Result<Self, OutOfMemory> {
        let farewell = Buffer::with_capacity(inner, wire::HEAD_EXTENDED as usize)?;
        Ok(Self {
            pieces: VecDeque::new(),
            in_flight: Vec::new(),
            unsent: 0,
            limit: limit.max(1),
            piece_max: wire::PIECE_PLAIN as usize,
            farewell: Some(farewell),
            pumped: false,
            starved: false,
            refused: false,
            used: false,
            state: Sending::Open,
        })
    }

    /// Whether a chore has to be begun that sends; from then on there is one.
    pub(super) fn wants_pump(&mut self) -> bool {
        !self.pieces.is_empty() && !core::mem::replace(&mut self.pumped, true)
    }

    /// Whether data was ever written.
    pub(super) fn is_used(&self) -> bool {
        self.used
    }

    /// Whether everything lies in the peer's ring.
    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty() && self.in_flight.is_empty()
    }

    /// Whether something can be written.
    pub(super) fn has_room(&self) -> bool {
        self.unsent < self.limit && !self.starved
    }

    /// There was no memory for what was to be written: there is room when something was delivered.
    pub(super) fn starve(&mut self) {
        self.starved = true;
    }

    pub(super) fn piece_max(&self) -> usize {
        self.piece_max
    }

    /// The peer's ring takes messages of `max_message` bytes, of which a head takes `head`.
    /// `None`: not even one byte fits.
    pub(super) fn fit(&mut self, max_message: u32, head: u32) -> Option<()> {
        let longest = match head {
            wire::HEAD => wire::PIECE_PLAIN as usize,
            _ => PIECE_EXTENDED,
        };
        let room = max_message.checked_sub(head).filter(|room| *room > 0)? as usize;
        self.piece_max = room.min(longest);
        Some(())
    }

    /// Takes as many of these bytes as the send buffer has room for, in messages that begin with
    /// `head`; how many.
    pub(super) fn write(
        &mut self,
        inner: &Arc<Inner>,
        head: &[u8],
        parts: &[IoSlice<'_>],
    ) -> Result<usize, OutOfMemory> {
        let mut written = 0;
        for part in parts {
            let mut rest: &[u8] = part;
            while !rest.is_empty() && self.has_room() {
                match self.take(inner, head, rest) {
                    Ok(taken) => rest = &rest[taken..],
                    // What was taken is a success; the next write meets the lack again.
                    Err(_) if written + part.len() > rest.len() => {
                        return Ok(written + part.len() - rest.len());
                    }
                    Err(error) => return Err(error),
                }
            }
            written += part.len() - rest.len();
        }
        Ok(written)
    }

    /// One message with these bytes, which are at most [`piece_max`](Self::piece_max).
    pub(super) fn write_message(
        &mut self,
        inner: &Arc<Inner>,
        head: &[u8],
        parts: &[IoSlice<'_>],
    ) -> Result<(), OutOfMemory> {
        let payload: usize = parts.iter().map(|part| part.len()).sum();
        let mut buffer = Buffer::with_capacity(inner, head.len() + payload)?;
        buffer.append(head, usize::MAX);
        for part in parts {
            buffer.append(part, usize::MAX);
        }
        self.push(buffer, payload + MESSAGE_COST, false);
        Ok(())
    }

    fn take(
        &mut self,
        inner: &Arc<Inner>,
        head: &[u8],
        bytes: &[u8],
    ) -> Result<usize, OutOfMemory> {
        let limit = head.len() + self.piece_max;
        let bytes = &bytes[..bytes.len().min(self.limit - self.unsent)];
        if let Some(last) = self.pieces.back_mut().filter(|last| last.open) {
            let joined = last.buffer.append(bytes, limit);
            if joined > 0 {
                last.payload += joined;
                self.unsent += joined;
                return Ok(joined);
            }
        }
        let now = bytes.len().min(self.piece_max);
        let waits = !self.is_empty();
        let capacity = if waits { now.max(PIECE_WAITING.min(self.piece_max)) } else { now };
        let mut buffer = Buffer::with_capacity(inner, head.len() + capacity)?;
        buffer.append(head, limit);
        let taken = buffer.append(&bytes[..now], limit);
        self.push(buffer, taken, true);
        Ok(taken)
    }

    /// A message without data, that says it comes from `source`.
    pub(super) fn write_control(
        &mut self,
        inner: &Arc<Inner>,
        message: &[u8],
        source: Addr,
    ) -> Result<(), OutOfMemory> {
        let mut buffer = Buffer::with_capacity(inner, message.len())?;
        buffer.append(message, usize::MAX);
        let source = Some(source);
        self.pieces.push_back(Piece { buffer, payload: 0, open: false, source });
        Ok(())
    }

    /// The last message, once.
    pub(super) fn write_farewell(&mut self, head: &[u8]) {
        let Some(mut buffer) = self.farewell.take() else { return };
        buffer.append(head, usize::MAX);
        self.pieces.push_back(Piece { buffer, payload: 0, open: false, source: None });
    }

    fn push(&mut self, buffer: Buffer, payload: usize, open: bool) {
        self.used = true;
        self.unsent += payload;
        self.pieces.push_back(Piece { buffer, payload, open, source: None });
    }

    /// The next messages to send, linked; from then on they are in flight. `None`: there are none,
    /// and the chore that asks ends.
    pub(super) fn batch(&mut self, addresses: &SendAddr) -> Option<Batch> {
        let most = if self.refused { 1 } else { Inner::CHAIN_MAX };
        let count = self.pieces.len().min(most);
        self.pumped = count > 0;
        if count == 0 {
            return None;
        }
        let (mut calls, mut memory) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for (index, piece) in self.pieces.drain(..count).enumerate() {
            let link = if index + 1 == count { Link::None } else { Link::Next };
            let Piece { buffer, payload, source, .. } = piece;
            let addresses = SendAddr { src: source.unwrap_or(addresses.src), ..*addresses };
            calls.push(buffer.call(&addresses, wire::STREAM, link));
            self.in_flight.push(Sent { len: buffer.len(), payload, source });
            memory.push(buffer.into_chunk());
        }
        Some(Batch { calls, memory })
    }

    /// The first `delivered` messages in flight lie in the peer's ring, the others are to be sent
    /// again. Returns the length of the first of these.
    pub(super) fn settle(&mut self, delivered: usize, memory: Vec<Chunk>) -> usize {
        self.starved = false;
        let mut left = Vec::new();
        for (index, (sent, chunk)) in self.in_flight.drain(..).zip(memory).enumerate() {
            if index < delivered {
                self.unsent = self.unsent.saturating_sub(sent.payload);
            } else {
                let buffer = Buffer::again(chunk, sent.len);
                let Sent { payload, source, .. } = sent;
                left.push(Piece { buffer, payload, open: false, source });
            }
        }
        self.refused = !left.is_empty();
        let first = left.first().map_or(0, |piece| piece.buffer.len());
        left.into_iter().rev().for_each(|piece| self.pieces.push_front(piece));
        first
    }

    /// Payload that does not yet lie in the peer's ring, in bytes.
    pub(super) fn unsent(&self) -> usize {
        self.unsent
    }

    /// Throws away what is not in flight; whether there was something.
    pub(super) fn discard(&mut self) -> bool {
        let any = !self.pieces.is_empty();
        let payload: usize = self.pieces.drain(..).map(|piece| piece.payload).sum();
        self.unsent = self.unsent.saturating_sub(payload);
        any
    }
}
