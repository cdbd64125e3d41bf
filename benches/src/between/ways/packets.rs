//! Unix packets: the kernel keeps the boundaries.

use std::fs::File;
use std::io::{self, Read, Write};
use std::ops::Range;

use super::Mover;
use crate::case::Failure;
use crate::payload;

/// A packet a message, a system call a packet.
pub struct Packets {
    socket: File,
    message: Vec<u8>,
}

impl Packets {
    /// On this socket.
    pub fn new(socket: File) -> Self {
        Self { socket, message: Vec::new() }
    }
}

impl Mover for Packets {
    fn send(&mut self, len: usize, numbers: Range<u64>) -> Result<(), Failure> {
        self.message.resize(len, 0);
        for number in numbers {
            payload::write(&mut self.message, number);
            self.socket.write_all(&self.message)?;
        }
        Ok(())
    }

    fn receive(&mut self, len: usize, count: u64) -> Result<u64, Failure> {
        self.message.resize(len, 0);
        let mut total = 0u64;
        for _ in 0..count {
            if self.socket.read(&mut self.message)? != len {
                return Err(io::Error::from(io::ErrorKind::InvalidData).into());
            }
            total = total.wrapping_add(payload::sum(&self.message));
        }
        Ok(total)
    }
}
