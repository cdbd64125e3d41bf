//! Receiving messages.

use alloc::vec;
use alloc::vec::Vec;
use core::sync::atomic::Ordering;

use argo_core::DomainId;
use argo_core::Port;
use argo_core::platform::Gone;
use argo_core::ring::{Consumer, Message};
use argo_mem::View;
use bytes::{BufMut, Bytes, BytesMut};

use super::{Datagram, RecvError};
use crate::address::Address;
use crate::domain::{Patience, TimedOut};
use crate::in_place;
use crate::lock::OnceLock;

/// Messages of strangers that a receive drops before others have their turn.
const SKIPPED_AT_ONCE: usize = 256;

impl Datagram {
    /// Receives a message into `out` and returns its length there. What does not fit is lost, as
    /// with any datagram socket; [`max_message`](Self::max_message) always fits.
    ///
    /// # Errors
    /// See [`RecvError`].
    ///
    /// # Cancel safety
    /// Dropped before it is ready, nothing was received.
    pub async fn recv(&self, out: &mut [u8]) -> Result<usize, RecvError> {
        Ok(self.recv_from(out).await?.0)
    }

    /// [`recv`](Self::recv), and who sent it.
    ///
    /// # Errors
    /// See [`RecvError`].
    ///
    /// # Cancel safety
    /// As for [`recv`](Self::recv).
    pub async fn recv_from(&self, out: &mut [u8]) -> Result<(usize, Address), RecvError> {
        Ok(self.receive().await?.take(out))
    }

    /// [`recv_from`](Self::recv_from) into what a `BufMut` has room for, behind what is there.
    ///
    /// # Errors
    /// See [`RecvError`].
    ///
    /// # Cancel safety
    /// As for [`recv`](Self::recv).
    pub async fn recv_buf_from(
        &self,
        out: &mut impl BufMut,
    ) -> Result<(usize, Address), RecvError> {
        Ok(self.receive().await?.put_into(out))
    }

    /// [`recv_buf_from`](Self::recv_buf_from), without the sender.
    ///
    /// # Errors
    /// See [`RecvError`].
    ///
    /// # Cancel safety
    /// As for [`recv`](Self::recv).
    pub async fn recv_buf(&self, out: &mut impl BufMut) -> Result<usize, RecvError> {
        Ok(self.recv_buf_from(out).await?.0)
    }

    /// Receives a whole message, however long, and who sent it.
    ///
    /// # Errors
    /// See [`RecvError`].
    ///
    /// # Cancel safety
    /// As for [`recv`](Self::recv).
    pub async fn recv_bytes(&self) -> Result<(Bytes, Address), RecvError> {
        let message = self.receive().await?;
        Ok((message.to_bytes(), message.source()))
    }

    /// Copies the first message into `out` and leaves it in the ring. Returns its length there.
    ///
    /// # Errors
    /// See [`RecvError`].
    ///
    /// # Cancel safety
    /// As for [`recv`](Self::recv).
    pub async fn peek(&self, out: &mut [u8]) -> Result<usize, RecvError> {
        Ok(self.peek_from(out).await?.0)
    }

    /// [`peek`](Self::peek), and who sent it.
    ///
    /// # Errors
    /// See [`RecvError`].
    ///
    /// # Cancel safety
    /// As for [`recv`](Self::recv).
    pub async fn peek_from(&self, out: &mut [u8]) -> Result<(usize, Address), RecvError> {
        Ok(self.receive().await?.look(out))
    }

    /// Waits for a message and lends it where it lies.
    ///
    /// # Errors
    /// See [`RecvError`].
    ///
    /// # Cancel safety
    /// As for [`recv`](Self::recv).
    pub async fn receive(&self) -> Result<Received<'_>, RecvError> {
        self.domain.inner().driven(self.next(Patience::ENDLESS)).await
    }

    /// [`recv`](Self::recv), if there is a message now.
    ///
    /// # Errors
    /// [`RecvError::WouldBlock`]: there is none. See [`RecvError`] for the others.
    pub fn try_recv(&self, out: &mut [u8]) -> Result<usize, RecvError> {
        Ok(self.try_recv_from(out)?.0)
    }

    /// [`recv_from`](Self::recv_from), if there is a message now.
    ///
    /// # Errors
    /// As for [`try_recv`](Self::try_recv).
    pub fn try_recv_from(&self, out: &mut [u8]) -> Result<(usize, Address), RecvError> {
        Ok(self.try_receive()?.take(out))
    }

    /// [`receive`](Self::receive), if there is a message now and no other reader has it.
    ///
    /// # Errors
    /// As for [`try_recv`](Self::try_recv).
    pub fn try_receive(&self) -> Result<Received<'_>, RecvError> {
        let nothing = self.ending().unwrap_or(RecvError::WouldBlock);
        self.take()?.ok_or(nothing)
    }

    pub(super) async fn next(&self, patience: Patience) -> Result<Received<'_>, RecvError> {
        loop {
            if let Some(message) = self.take()? {
                return Ok(message);
            }
            let event = self.ring.listen();
            // Looked at again after listening began: nothing is missed.
            let ending = self.ending();
            if let Some(message) = self.take()? {
                return Ok(message);
            }
            if let Some(ending) = ending {
                return Err(ending);
            }
            patience.wait(self.domain.inner(), event).await?;
        }
    }

    /// Why nothing will come that is not there now, if so. To be asked before looking.
    fn ending(&self) -> Option<RecvError> {
        let cut = self.ring.gone().map(|cause| RecvError::Cut { cause });
        if self.domain.is_gone() { Some(Gone.into()) } else { cut }
    }

    /// The first message, of the connected peer if there is one.
    pub(super) fn take(&self) -> Result<Option<Received<'_>>, RecvError> {
        let peer = self.peer_addr();
        for _ in 0..SKIPPED_AT_ONCE {
            let Some(message) = self.first()? else { return Ok(None) };
            if peer.is_none_or(|peer| peer == message.source()) {
                return Ok(Some(message));
            }
            self.skipped.fetch_add(1, Ordering::Relaxed);
        }
        // What is left wakes whoever listens.
        Ok(None)
    }

    fn first(&self) -> Result<Option<Received<'_>>, RecvError> {
        let ram = self.domain.inner().platform.ram();
        let Some((consumer, message)) = self.ring.take(ram)? else { return Ok(None) };
        let source = message.header().source;
        let Some(domain) = DomainId::new(source.domain_id) else {
            self.ring.put_back(consumer, ram);
            return Err(RecvError::BadSource { domain_id: source.domain_id });
        };
        Ok(Some(Received {
            socket: self,
            consumer: Some(consumer),
            message,
            source: Address::new(domain, Port(source.aport)),
            copy: OnceLock::new(),
            fate: Fate::Consumed,
        }))
    }
}

/// A message that lies in the socket's ring. Dropping it gives the space back to senders.
///
/// Meanwhile no other reader of the socket gets a message: it is the first, and the next comes
/// after it. If it is forgotten (`mem::forget`), the socket receives nothing any more.
pub struct Received<'s> {
    socket: &'s Datagram,
    consumer: Option<Consumer>,
    message: Message,
    source: Address,
    /// The payload, where it may not be lent in place.
    copy: OnceLock<Vec<u8>>,
    fate: Fate,
}

/// What becomes of a message when its reader has done with it.
enum Fate {
    Consumed,
    Kept,
}

impl Received<'_> {
    /// Who sent it. The domain is true, the port a claim.
    pub fn source(&self) -> Address {
        self.source
    }

    /// The type that the sender gave it.
    pub fn message_type(&self) -> u32 {
        self.message.header().message_type
    }

    /// Its length in bytes.
    pub fn len(&self) -> usize {
        self.message.payload_len() as usize
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its bytes, without a copy where the domain allows ([`Domain::attach`] does): in two parts,
    /// since a message may wrap at the ring's end. The second is mostly empty.
    ///
    /// [`Domain::attach`]: crate::Domain::attach
    pub fn parts(&self) -> (&[u8], &[u8]) {
        let lending = self.socket.domain.inner().lending;
        if let Some(parts) = in_place::lend(lending, self, self.memory(), &self.message) {
            return parts;
        }
        let copied = || {
            let mut bytes = vec![0; self.len()];
            self.copy_to(&mut bytes);
            bytes
        };
        (self.copy.get_or_init(copied), &[])
    }

    /// Copies its start into `out`; returns how many bytes that was.
    pub fn copy_to(&self, out: &mut [u8]) -> usize {
        self.message.copy_to(&self.memory(), out)
    }

    /// A copy of all its bytes.
    pub fn to_bytes(&self) -> Bytes {
        let mut bytes = BytesMut::zeroed(self.len());
        self.copy_to(&mut bytes);
        bytes.freeze()
    }

    /// Leaves it in the ring: it is received again next time.
    pub fn keep(mut self) {
        self.fate = Fate::Kept;
    }

    pub(super) fn take(self, out: &mut [u8]) -> (usize, Address) {
        (self.copy_to(out), self.source())
    }

    pub(super) fn put_into(self, out: &mut impl BufMut) -> (usize, Address) {
        let before = out.remaining_mut();
        for part in <[&[u8]; 2]>::from(self.parts()) {
            out.put_slice(&part[..part.len().min(out.remaining_mut())]);
        }
        (self.len().min(before), self.source())
    }

    pub(super) fn look(self, out: &mut [u8]) -> (usize, Address) {
        let seen = (self.copy_to(out), self.source());
        self.keep();
        seen
    }

    fn memory(&self) -> View<'_> {
        self.socket.ring.memory(self.socket.domain.inner().platform.ram())
    }
}

impl core::fmt::Debug for Received<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Received")
            .field("source", &self.source())
            .field("message_type", &self.message_type())
            .field("len", &self.len())
            .finish()
    }
}

impl Drop for Received<'_> {
    fn drop(&mut self) {
        let Some(mut consumer) = self.consumer.take() else { return };
        let inner = self.socket.domain.inner();
        let ram = inner.platform.ram();
        match self.fate {
            Fate::Kept => self.socket.ring.put_back(consumer, ram),
            Fate::Consumed => {
                let memory = self.memory();
                let notify = inner.made_room(|| consumer.consume(&memory, self.message));
                self.socket.ring.put_back(consumer, ram);
                inner.go_on_notifying(notify);
            }
        }
    }
}

impl From<TimedOut> for RecvError {
    fn from(TimedOut { after }: TimedOut) -> Self {
        Self::TimedOut { after }
    }
}
