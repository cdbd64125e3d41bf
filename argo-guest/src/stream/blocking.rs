//! The blocking forms.

use core::time::Duration;

use super::inbox::Reading;
use super::read_half::{OwnedReadHalf, read_vectored};
use super::socket::Stream;
use super::write_half::OwnedWriteHalf;
use crate::io::{self, IoSlice, IoSliceMut, Read, Shutdown, Write};

/// A stream, or one of its halves, whose operations block the calling thread: [`Read`] and
/// [`Write`].
///
/// It is a `Copy` view: one thread may read while another writes. A timeout counts for each
/// operation anew; what timed out was not read, or not written (of a flush: it goes on in the
/// background).
#[derive(Debug)]
pub struct Blocking<'s, S = Stream> {
    socket: &'s S,
    timeout: Option<Duration>,
}

impl<'s, S> Blocking<'s, S> {
    pub(super) fn new(socket: &'s S, timeout: Option<Duration>) -> Self {
        Self { socket, timeout }
    }
}

impl Stream {
    /// The blocking forms, without a timeout: `stream.blocking().read(&mut buffer)`.
    pub fn blocking(&self) -> Blocking<'_> {
        Blocking::new(self, None)
    }

    /// The blocking forms, each of which gives up after `timeout`.
    pub fn blocking_for(&self, timeout: Duration) -> Blocking<'_> {
        Blocking::new(self, Some(timeout))
    }
}

impl OwnedReadHalf {
    /// See [`Stream::blocking`].
    pub fn blocking(&self) -> Blocking<'_, Self> {
        Blocking::new(self, None)
    }

    /// See [`Stream::blocking_for`].
    pub fn blocking_for(&self, timeout: Duration) -> Blocking<'_, Self> {
        Blocking::new(self, Some(timeout))
    }
}

impl OwnedWriteHalf {
    /// See [`Stream::blocking`].
    pub fn blocking(&self) -> Blocking<'_, Self> {
        Blocking::new(self, None)
    }

    /// See [`Stream::blocking_for`].
    pub fn blocking_for(&self, timeout: Duration) -> Blocking<'_, Self> {
        Blocking::new(self, Some(timeout))
    }
}

impl<S: AsRef<OwnedReadHalf>> Blocking<'_, S> {
    /// See [`Stream::peek`].
    ///
    /// # Errors
    /// As there, or `TimedOut`.
    pub fn peek(&self, out: &mut [u8]) -> io::Result<usize> {
        let half = self.socket.as_ref();
        half.side.block_on(self.timeout, || half.conn().try_read(out, Reading::Peek))
    }
}

impl<S: AsRef<OwnedReadHalf>> Read for Blocking<'_, S> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let half = self.socket.as_ref();
        half.side.block_on(self.timeout, || half.conn().try_read(out, Reading::Take))
    }

    fn read_vectored(&mut self, out: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let half = self.socket.as_ref();
        half.side.block_on(self.timeout, || read_vectored(half.conn(), out))
    }
}

impl<S: AsRef<OwnedWriteHalf>> Write for Blocking<'_, S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let half = self.socket.as_ref();
        half.side.block_on(self.timeout, || half.conn().try_write(parts))
    }

    fn flush(&mut self) -> io::Result<()> {
        let half = self.socket.as_ref();
        half.side.block_on(self.timeout, || half.conn().try_flush())
    }
}

impl Blocking<'_, Stream> {
    /// See [`Stream::shutdown`].
    ///
    /// # Errors
    /// As there, or `TimedOut`.
    pub fn shutdown(mut self, how: Shutdown) -> io::Result<()> {
        self.socket.conn().shut_down(how);
        match how {
            Shutdown::Read => Ok(()),
            Shutdown::Write | Shutdown::Both => self.flush(),
        }
    }
}

impl Blocking<'_, OwnedWriteHalf> {
    /// See [`OwnedWriteHalf::shutdown`].
    ///
    /// # Errors
    /// As there, or `TimedOut`.
    pub fn shutdown(mut self) -> io::Result<()> {
        self.socket.conn().finish();
        self.flush()
    }
}

impl<S> Clone for Blocking<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Blocking<'_, S> {}
