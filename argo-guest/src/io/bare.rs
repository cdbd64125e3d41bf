//! The part of `std::io` that streams use, with its names and its meaning.

mod error;
mod slice;

pub use error::{Error, ErrorKind, Result};
pub use slice::{IoSlice, IoSliceMut};

/// Which ways of a connection to shut down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// The reading side.
    Read,
    /// The writing side.
    Write,
    /// Both.
    Both,
}

/// Reading bytes.
pub trait Read {
    /// Reads some bytes into `out`; how many. 0: the end, or an empty `out`.
    ///
    /// # Errors
    /// Why nothing was read.
    fn read(&mut self, out: &mut [u8]) -> Result<usize>;

    /// Reads into several buffers, one after the other.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    fn read_vectored(&mut self, out: &mut [IoSliceMut<'_>]) -> Result<usize> {
        match out.iter_mut().find(|part| !part.is_empty()) {
            Some(part) => self.read(part),
            None => Ok(0),
        }
    }

    /// Reads until `out` is full.
    ///
    /// # Errors
    /// As for [`read`](Self::read), or [`UnexpectedEof`](ErrorKind::UnexpectedEof): the end came
    /// first. What was read before is lost.
    fn read_exact(&mut self, mut out: &mut [u8]) -> Result<()> {
        while !out.is_empty() {
            match self.read(out)? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                read => out = &mut out[read..],
            }
        }
        Ok(())
    }
}

/// Writing bytes.
pub trait Write {
    /// Writes some of the bytes; how many.
    ///
    /// # Errors
    /// Why nothing was written.
    fn write(&mut self, bytes: &[u8]) -> Result<usize>;

    /// Writes some bytes of several buffers, one after the other.
    ///
    /// # Errors
    /// As for [`write`](Self::write).
    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> Result<usize> {
        match parts.iter().find(|part| !part.is_empty()) {
            Some(part) => self.write(part),
            None => Ok(0),
        }
    }

    /// Waits until what was written has arrived.
    ///
    /// # Errors
    /// Why some of it will not.
    fn flush(&mut self) -> Result<()>;

    /// Writes all of the bytes.
    ///
    /// # Errors
    /// As for [`write`](Self::write). Some may have been written before.
    fn write_all(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            match self.write(bytes)? {
                0 => return Err(ErrorKind::WriteZero.into()),
                written => bytes = &bytes[written..],
            }
        }
        Ok(())
    }
}
