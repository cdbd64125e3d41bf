//! Messages in a stream, each behind its length: reads as large as they come, messages looked at
//! where they were read to.

use std::io::{self, Read, Write};
use std::ops::Range;

use super::{Mover, in_groups};
use crate::case::Failure;
use crate::payload;

/// Bytes of a frame's header.
pub const HEADER: usize = 4;
/// Bytes that a reader has room for: several of the largest messages.
pub const READ: usize = 256 << 10;

/// How many frames go into a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writes {
    /// One.
    Each,
    /// As many as there are calls of ours in flight.
    Gathered,
}

/// Frames on a stream or in a pipe.
pub struct Framed<S> {
    stream: S,
    writes: Writes,
    frames: Vec<u8>,
    read: Box<[u8]>,
    /// What of `read` has not been looked at.
    unseen: Range<usize>,
}

impl<S> Framed<S> {
    /// Frames on this stream.
    pub fn new(stream: S, writes: Writes) -> Self {
        let read = vec![0; READ].into_boxed_slice();
        Self { stream, writes, frames: Vec::new(), read, unseen: 0..0 }
    }
}

impl<S: Read + Write> Mover for Framed<S> {
    fn send(&mut self, len: usize, numbers: Range<u64>) -> Result<(), Failure> {
        match self.writes {
            Writes::Gathered => in_groups(len, numbers, |group| self.write(len, group)),
            Writes::Each => numbers.into_iter().try_for_each(|one| self.write(len, one..one + 1)),
        }
    }

    fn receive(&mut self, len: usize, count: u64) -> Result<u64, Failure> {
        let mut total = 0u64;
        for _ in 0..count {
            while self.unseen.len() < HEADER + len {
                self.fill(HEADER + len)?;
            }
            let payload = self.unseen.start + HEADER..self.unseen.start + HEADER + len;
            if frame(&self.read[self.unseen.clone()]) != Some(HEADER + len) {
                return Err(io::Error::from(io::ErrorKind::InvalidData).into());
            }
            total = total.wrapping_add(payload::sum(&self.read[payload.clone()]));
            self.unseen.start = payload.end;
        }
        Ok(total)
    }
}

impl<S: Read + Write> Framed<S> {
    /// Writes frames with these messages, all at once.
    fn write(&mut self, len: usize, numbers: Range<u64>) -> Result<(), Failure> {
        let count = (numbers.end - numbers.start) as usize;
        self.frames.resize((HEADER + len) * count, 0);
        for (frame, number) in self.frames.chunks_exact_mut(HEADER + len).zip(numbers) {
            let (header, message) = frame.split_at_mut(HEADER);
            header.copy_from_slice(&(len as u32).to_le_bytes());
            payload::write(message, number);
        }
        Ok(self.stream.write_all(&self.frames)?)
    }

    /// Reads what comes, with room for at least a frame.
    fn fill(&mut self, frame: usize) -> io::Result<()> {
        if self.read.len() < self.unseen.start + frame {
            self.read.copy_within(self.unseen.clone(), 0);
            self.unseen = 0..self.unseen.len();
        }
        let read = self.stream.read(&mut self.read[self.unseen.end..])?;
        self.unseen.end += read;
        if read == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }
}

/// Bytes of the frame that these begin with, if its header is there.
pub fn frame(bytes: &[u8]) -> Option<usize> {
    let (header, _) = bytes.split_first_chunk()?;
    Some(HEADER + u32::from_le_bytes(*header) as usize)
}

/// Bytes of the whole frames that these begin with.
pub fn whole_frames(bytes: &[u8]) -> usize {
    let mut whole = 0;
    while let Some(len) = frame(&bytes[whole..]).filter(|len| *len <= bytes.len() - whole) {
        whole += len;
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is written can be read, seven bytes at a time.
    #[derive(Default)]
    struct Slow(Vec<u8>);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Read for Slow {
        fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
            let len = bytes.len().min(self.0.len()).min(7);
            bytes[..len].copy_from_slice(&self.0[..len]);
            self.0.drain(..len);
            Ok(len)
        }
    }

    #[test]
    fn frames_in_pieces_are_the_messages_that_were_sent() {
        for writes in [Writes::Each, Writes::Gathered] {
            let mut framed = Framed::new(Slow::default(), writes);
            framed.send(64, 0..300).unwrap();
            assert_eq!(framed.receive(64, 300).unwrap(), payload::expected(64, 300));
            assert!(framed.receive(64, 1).is_err(), "there are no more");
        }
    }

    #[test]
    fn only_whole_frames_are_passed_on() {
        let bytes = [3, 0, 0, 0, 7, 7, 7, 0, 0, 0, 0, 2, 0, 0, 0, 1];
        assert_eq!(whole_frames(&bytes), 11);
        assert_eq!(whole_frames(&bytes[..10]), 7);
        assert_eq!(whole_frames(&bytes[..6]), 0);
    }
}
