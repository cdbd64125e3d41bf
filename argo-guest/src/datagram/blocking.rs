//! The blocking forms.

use alloc::vec::Vec;
use core::time::Duration;

use bytes::Bytes;

use super::{BatchError, Datagram, Received, RecvError, SendError};
use crate::address::Address;
use crate::buffer::Buffer;
use crate::domain::Patience;
use crate::io::IoSlice;

/// A datagram socket whose operations block the calling thread: the same names as the async ones.
///
/// A timeout counts for each operation anew, and only for messages and room: what timed out was
/// not sent and nothing was received. The answer to a hypercall is always waited for (it ends when
/// the hypervisor does).
#[derive(Clone, Copy, Debug)]
pub struct Blocking<'s> {
    socket: &'s Datagram,
    timeout: Option<Duration>,
}

impl Datagram {
    /// The blocking forms, without a timeout: `socket.blocking().recv(&mut buffer)`.
    pub fn blocking(&self) -> Blocking<'_> {
        Blocking { socket: self, timeout: None }
    }

    /// The blocking forms, each of which gives up after `timeout`.
    pub fn blocking_for(&self, timeout: Duration) -> Blocking<'_> {
        Blocking { socket: self, timeout: Some(timeout) }
    }
}

impl<'s> Blocking<'s> {
    /// See [`Datagram::send`].
    ///
    /// # Errors
    /// See [`SendError`].
    pub fn send(&self, message: &[u8]) -> Result<usize, SendError> {
        self.send_to(message, self.socket.connected()?)
    }

    /// See [`Datagram::send_to`].
    ///
    /// # Errors
    /// See [`SendError`].
    pub fn send_to(&self, message: &[u8], to: Address) -> Result<usize, SendError> {
        self.send_buffer_to(self.socket.gathered(&[message])?, to)
    }

    /// See [`Datagram::send_vectored_to`].
    ///
    /// # Errors
    /// See [`SendError`].
    pub fn send_vectored_to(
        &self,
        pieces: &[IoSlice<'_>],
        to: Address,
    ) -> Result<usize, SendError> {
        self.send_buffer_to(self.socket.gathered(pieces)?, to)
    }

    /// See [`Datagram::send_buffer_to`].
    ///
    /// # Errors
    /// See [`SendError`].
    pub fn send_buffer_to(&self, buffer: Buffer, to: Address) -> Result<usize, SendError> {
        self.run(|socket, patience| socket.deliver(buffer, to, patience))
    }

    /// See [`Datagram::send_batch_to`].
    ///
    /// # Errors
    /// See [`BatchError`].
    pub fn send_batch_to(&self, messages: &[&[u8]], to: Address) -> Result<(), BatchError> {
        self.run(|socket, patience| socket.deliver_batch(messages, to, patience))
    }

    /// See [`Datagram::send_buffers_to`].
    ///
    /// # Errors
    /// See [`BatchError`].
    pub fn send_buffers_to(
        &self,
        buffers: &mut Vec<Buffer>,
        to: Address,
    ) -> Result<(), BatchError> {
        self.run(|socket, patience| socket.deliver_buffers(buffers, to, patience))
    }

    /// See [`Datagram::recv`].
    ///
    /// # Errors
    /// See [`RecvError`].
    pub fn recv(&self, out: &mut [u8]) -> Result<usize, RecvError> {
        Ok(self.recv_from(out)?.0)
    }

    /// See [`Datagram::recv_from`].
    ///
    /// # Errors
    /// See [`RecvError`].
    pub fn recv_from(&self, out: &mut [u8]) -> Result<(usize, Address), RecvError> {
        Ok(self.receive()?.take(out))
    }

    /// See [`Datagram::recv_bytes`].
    ///
    /// # Errors
    /// See [`RecvError`].
    pub fn recv_bytes(&self) -> Result<(Bytes, Address), RecvError> {
        let message = self.receive()?;
        Ok((message.to_bytes(), message.source()))
    }

    /// See [`Datagram::peek`].
    ///
    /// # Errors
    /// See [`RecvError`].
    pub fn peek(&self, out: &mut [u8]) -> Result<usize, RecvError> {
        Ok(self.peek_from(out)?.0)
    }

    /// See [`Datagram::peek_from`].
    ///
    /// # Errors
    /// See [`RecvError`].
    pub fn peek_from(&self, out: &mut [u8]) -> Result<(usize, Address), RecvError> {
        Ok(self.receive()?.look(out))
    }

    /// See [`Datagram::receive`].
    ///
    /// # Errors
    /// See [`RecvError`].
    pub fn receive(&self) -> Result<Received<'s>, RecvError> {
        // What has come already costs no preparation to wait.
        if let Some(message) = self.socket.take()? {
            return Ok(message);
        }
        self.run(|socket, patience| socket.next(patience))
    }

    fn run<F: Future>(&self, operation: impl FnOnce(&'s Datagram, Patience) -> F) -> F::Output {
        let inner = self.socket.domain.inner();
        let patience = self.timeout.map_or(Patience::ENDLESS, |after| Patience::new(inner, after));
        inner.block_on(operation(self.socket, patience))
    }
}
