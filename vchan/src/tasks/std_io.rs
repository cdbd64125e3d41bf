//! The I/O traits of std, and what the errors are in their words.
//!
//! A channel that was closed reads as an end of file and writes as a broken pipe.

use std::io::{self, ErrorKind, Read, Write};

use crate::cause::Cause;
use crate::channel::{Channel, ReadHalf, WriteHalf};
use crate::platform::Platform;
use crate::reader::ReadError;
use crate::writer::WriteError;

impl From<ReadError> for io::Error {
    fn from(error: ReadError) -> io::Error {
        let kind = match error {
            ReadError::WouldBlock => ErrorKind::WouldBlock,
            ReadError::TimedOut => ErrorKind::TimedOut,
            ReadError::Closed => ErrorKind::UnexpectedEof,
            ReadError::Broken(_) => ErrorKind::InvalidData,
            ReadError::Lost(cause) => lost(cause),
        };
        io::Error::new(kind, error)
    }
}

impl From<WriteError> for io::Error {
    fn from(error: WriteError) -> io::Error {
        let kind = match error {
            WriteError::WouldBlock { .. } => ErrorKind::WouldBlock,
            WriteError::TimedOut { .. } => ErrorKind::TimedOut,
            WriteError::Closed => ErrorKind::BrokenPipe,
            WriteError::Broken(_) => ErrorKind::InvalidData,
            WriteError::Lost(cause) => lost(cause),
        };
        io::Error::new(kind, error)
    }
}

fn lost(cause: Cause) -> ErrorKind {
    match cause {
        Cause::Ended => ErrorKind::ConnectionReset,
        _ => ErrorKind::ConnectionAborted,
    }
}

/// A read, in the words of the traits: an end of file is no error.
pub(super) fn ended(read: Result<usize, ReadError>) -> io::Result<usize> {
    match read {
        Err(ReadError::Closed) => Ok(0),
        read => Ok(read?),
    }
}

/// Waits without limit; [`ReadHalf::read`](ReadHalf::read) with a timeout does not.
impl<P: Platform> Read for ReadHalf<P> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        ended(ReadHalf::read(self, buffer, None))
    }
}

/// Waits without limit; [`WriteHalf::write`](WriteHalf::write) with a timeout does not. What is
/// written is with the peer, so there is nothing to flush.
impl<P: Platform> Write for WriteHalf<P> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        Ok(WriteHalf::write(self, data, None)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// As for [`ReadHalf`].
impl<P: Platform> Read for Channel<P> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Read::read(self.halves().0, buffer)
    }
}

/// As for [`WriteHalf`].
impl<P: Platform> Write for Channel<P> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        Write::write(self.halves().1, data)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
