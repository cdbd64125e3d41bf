//! Sending one message.

use argo_core::abi::SendAddr;
use argo_core::errno::decode_ret;
use argo_core::platform::Link;
use bytes::Bytes;

use super::{Datagram, SendError};
use crate::address::Address;
use crate::buffer::Buffer;
use crate::domain::{Patience, TimedOut};
use crate::io::IoSlice;

impl Datagram {
    /// Sends a message to the connected peer; waits while its ring is full. Returns its length.
    ///
    /// # Errors
    /// See [`SendError`].
    ///
    /// # Cancel safety
    /// Dropped before it is ready, the message may or may not have been sent; never a part of it.
    pub async fn send(&self, message: &[u8]) -> Result<usize, SendError> {
        self.send_to(message, self.connected()?).await
    }

    /// Sends a message; waits while the receiver's ring is full. Returns its length.
    ///
    /// # Errors
    /// See [`SendError`].
    ///
    /// # Cancel safety
    /// As for [`send`](Self::send).
    pub async fn send_to(&self, message: &[u8], to: Address) -> Result<usize, SendError> {
        let buffer = self.gathered(&[message])?;
        self.send_buffer_to(buffer, to).await
    }

    /// Sends several pieces, any number of them, as one message.
    ///
    /// # Errors
    /// See [`SendError`].
    ///
    /// # Cancel safety
    /// As for [`send`](Self::send).
    pub async fn send_vectored_to(
        &self,
        pieces: &[IoSlice<'_>],
        to: Address,
    ) -> Result<usize, SendError> {
        let buffer = self.gathered(pieces)?;
        self.send_buffer_to(buffer, to).await
    }

    /// Sends `Bytes` as a message.
    ///
    /// # Errors
    /// See [`SendError`].
    ///
    /// # Cancel safety
    /// As for [`send`](Self::send).
    pub async fn send_bytes_to(&self, message: Bytes, to: Address) -> Result<usize, SendError> {
        self.send_to(&message, to).await
    }

    /// Sends a payload that was written straight into RAM ([`Domain::buffer`]).
    ///
    /// [`Domain::buffer`]: crate::Domain::buffer
    ///
    /// # Errors
    /// See [`SendError`].
    ///
    /// # Cancel safety
    /// As for [`send`](Self::send).
    pub async fn send_buffer_to(&self, buffer: Buffer, to: Address) -> Result<usize, SendError> {
        self.domain.inner().driven(self.deliver(buffer, to, Patience::ENDLESS)).await
    }

    /// [`try_send_to`](Self::try_send_to) the connected peer.
    ///
    /// # Errors
    /// See [`SendError`].
    pub fn try_send(&self, message: &[u8]) -> Result<usize, SendError> {
        self.try_send_to(message, self.connected()?)
    }

    /// Sends a message if there is room now. It waits for the hypervisor's answer, which takes one
    /// hypercall, but never for room.
    ///
    /// # Errors
    /// [`SendError::WouldBlock`]: no room now; some event of the session will follow when there
    /// is. See [`SendError`] for the others.
    pub fn try_send_to(&self, message: &[u8], to: Address) -> Result<usize, SendError> {
        let buffer = self.gathered(&[message])?;
        let attempt = async { self.attempt(buffer, to).await.map_err(|(error, _)| error) };
        self.domain.inner().block_on(attempt)
    }

    /// The longest message that the ring at `to` can ever take, in bytes.
    ///
    /// # Errors
    /// See [`SendError`].
    ///
    /// # Cancel safety
    /// Asks only; may be dropped at any time.
    pub async fn max_message_to(&self, to: Address) -> Result<u32, SendError> {
        let inner = self.domain.inner();
        inner.driven(inner.max_message(to)).await
    }

    pub(super) fn connected(&self) -> Result<Address, SendError> {
        self.peer_addr().ok_or(SendError::NotConnected)
    }

    pub(super) fn gathered(&self, pieces: &[impl AsSlice]) -> Result<Buffer, SendError> {
        Buffer::gather(self.domain.inner(), pieces.iter().map(AsSlice::as_slice))
    }

    /// Sends, waiting for room as often as it takes.
    pub(super) async fn deliver(
        &self,
        mut buffer: Buffer,
        to: Address,
        patience: Patience,
    ) -> Result<usize, SendError> {
        loop {
            let mark = self.domain.inner().mark_space();
            let refusal = match self.attempt(buffer, to).await {
                Err((refusal, Some(back))) => {
                    buffer = back;
                    refusal
                }
                Err((error, None)) => return Err(error),
                Ok(sent) => return Ok(sent),
            };
            self.domain.inner().wait_for_room(refusal, mark, patience).await?;
        }
    }

    /// Sends once. What was not delivered comes back, unless the session has ended.
    async fn attempt(
        &self,
        buffer: Buffer,
        to: Address,
    ) -> Result<usize, (SendError, Option<Buffer>)> {
        let len = buffer.len();
        let call = buffer.call(&self.addresses(to), self.message_type, Link::None);
        let answer = self.domain.inner().call(call, buffer.into_chunk()).await;
        let (ret, chunk) = answer.map_err(|gone| (gone.into(), None))?;
        match decode_ret(ret) {
            Ok(sent) => Ok(sent as usize),
            Err(errno) => Err((
                self.domain.inner().refusal(errno, len, to).await,
                Some(Buffer::again(chunk, len)),
            )),
        }
    }

    pub(super) fn addresses(&self, to: Address) -> SendAddr {
        SendAddr { src: self.local_addr().raw(), dst: to.raw() }
    }
}

/// A piece of a message.
pub(super) trait AsSlice {
    fn as_slice(&self) -> &[u8];
}

impl AsSlice for &[u8] {
    fn as_slice(&self) -> &[u8] {
        self
    }
}

impl AsSlice for IoSlice<'_> {
    fn as_slice(&self) -> &[u8] {
        self
    }
}

impl From<TimedOut> for SendError {
    fn from(TimedOut { after }: TimedOut) -> Self {
        Self::TimedOut { after }
    }
}
