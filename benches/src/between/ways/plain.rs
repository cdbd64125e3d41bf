//! Streams of bytes without frames, whatever carries them.

use std::io::{self, Read, Write};
use std::ops::Range;

use super::Mover;
use crate::case::Failure;
use crate::payload;

/// Bytes that the receiver takes from a stream at once, at most.
const READ: usize = 256 << 10;

/// Writes of one length, one behind the other; reads as large as they come.
pub struct Plain<S> {
    stream: S,
    message: Vec<u8>,
    buffer: Vec<u8>,
}

impl<S> Plain<S> {
    /// On this stream.
    pub fn new(stream: S) -> Self {
        Self { stream, message: Vec::new(), buffer: vec![0; READ] }
    }
}

impl<S: Read + Write> Mover for Plain<S> {
    fn send(&mut self, len: usize, numbers: Range<u64>) -> Result<(), Failure> {
        self.message.resize(len, 0);
        for number in numbers {
            payload::write(&mut self.message, number);
            self.stream.write_all(&self.message)?;
        }
        Ok(self.stream.flush()?)
    }

    fn receive(&mut self, len: usize, count: u64) -> Result<u64, Failure> {
        let mut missing = len as u64 * count;
        let (mut total, mut kept) = (0u64, 0);
        while missing > 0 {
            let room = READ.min(kept + usize::try_from(missing).unwrap_or(READ));
            let read = self.stream.read(&mut self.buffer[kept..room])?;
            if read == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            missing -= read as u64;
            let filled = kept + read;
            let whole = filled - filled % size_of::<u64>();
            total = total.wrapping_add(payload::sum(&self.buffer[..whole]));
            self.buffer.copy_within(whole..filled, 0);
            kept = filled - whole;
        }
        Ok(total)
    }
}
