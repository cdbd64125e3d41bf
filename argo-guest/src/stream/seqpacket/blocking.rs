//! The blocking forms.

use core::time::Duration;

use bytes::Bytes;

use super::socket::{Seqpacket, into_buffer};
use crate::io::{self, Shutdown};

/// A connection whose operations block the calling thread: the same names as the async ones.
///
/// A timeout counts for each operation anew; what timed out was not sent and nothing was received.
#[derive(Clone, Copy, Debug)]
pub struct Blocking<'s> {
    socket: &'s Seqpacket,
    timeout: Option<Duration>,
}

impl Seqpacket {
    /// The blocking forms, without a timeout: `socket.blocking().recv(&mut buffer)`.
    pub fn blocking(&self) -> Blocking<'_> {
        Blocking { socket: self, timeout: None }
    }

    /// The blocking forms, each of which gives up after `timeout`.
    pub fn blocking_for(&self, timeout: Duration) -> Blocking<'_> {
        Blocking { socket: self, timeout: Some(timeout) }
    }
}

impl Blocking<'_> {
    /// See [`Seqpacket::send`].
    ///
    /// # Errors
    /// As there, or `TimedOut`.
    pub fn send(&self, message: &[u8]) -> io::Result<()> {
        self.socket.writing.block_on(self.timeout, || self.socket.attempt(message))
    }

    /// See [`Seqpacket::recv`].
    ///
    /// # Errors
    /// As there, or `TimedOut`.
    pub fn recv(&self, out: &mut [u8]) -> io::Result<usize> {
        Ok(into_buffer(self.recv_bytes()?, out))
    }

    /// See [`Seqpacket::recv_bytes`].
    ///
    /// # Errors
    /// As there, or `TimedOut`.
    pub fn recv_bytes(&self) -> io::Result<Option<Bytes>> {
        let reading = &self.socket.reading;
        reading.block_on(self.timeout, || reading.conn().try_read_message())
    }

    /// See [`Seqpacket::flush`].
    ///
    /// # Errors
    /// As there, or `TimedOut`: then it goes on in the background.
    pub fn flush(&self) -> io::Result<()> {
        let writing = &self.socket.writing;
        writing.block_on(self.timeout, || writing.conn().try_flush())
    }

    /// See [`Seqpacket::shutdown`].
    ///
    /// # Errors
    /// As there, or `TimedOut`: then it goes on in the background.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.socket.reading.conn().shut_down(how);
        if how == Shutdown::Read { Ok(()) } else { self.flush() }
    }
}
