//! Sending many messages with one signal.

use alloc::vec;
use alloc::vec::Vec;

use argo_core::Errno;
use argo_core::abi::{Iov, Op, PAYLOAD_MAX, SendAddr};
use argo_core::platform::{Call, Link};
use zerocopy::IntoBytes;

use super::{BatchError, Datagram, SendError};
use crate::address::Address;
use crate::buffer::Buffer;
use crate::domain::{Chunk, Inner, Patience};

/// Bytes of RAM that a chain of copied messages takes, at most; a longer message goes alone.
const COPIED_MAX: usize = 256 << 10;

impl Datagram {
    /// Sends messages in order, many of them in flight at a time; waits while the receiver's ring
    /// is full. When one is not delivered, none after it is.
    ///
    /// # Errors
    /// [`BatchError`]: how many were delivered before the first that was not, and why that was not.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, some of the messages, from the first on and in order, may have
    /// been sent.
    pub async fn send_batch_to(&self, messages: &[&[u8]], to: Address) -> Result<(), BatchError> {
        let batch = self.deliver_batch(messages, to, Patience::ENDLESS);
        self.domain.inner().driven(batch).await
    }

    /// [`send_batch_to`](Self::send_batch_to) for payloads that were written straight into RAM
    /// ([`Domain::buffer`]).
    ///
    /// [`Domain::buffer`]: crate::Domain::buffer
    ///
    /// # Errors
    /// As for [`send_batch_to`](Self::send_batch_to). What was not delivered is left in `buffers`,
    /// unless the session has ended.
    ///
    /// # Cancel safety
    /// As for [`send_batch_to`](Self::send_batch_to); the buffers that are in flight are lost.
    pub async fn send_buffers_to(
        &self,
        buffers: &mut Vec<Buffer>,
        to: Address,
    ) -> Result<(), BatchError> {
        let batch = self.deliver_buffers(buffers, to, Patience::ENDLESS);
        self.domain.inner().driven(batch).await
    }

    pub(super) async fn deliver_batch(
        &self,
        messages: &[&[u8]],
        to: Address,
        patience: Patience,
    ) -> Result<(), BatchError> {
        let mut delivered = 0;
        while delivered < messages.len() {
            let failed = |cause| BatchError { delivered, cause };
            let mark = self.domain.inner().mark_space();
            let chain = self.copied(&messages[delivered..], to).map_err(failed)?;
            let len = |at: usize| messages.get(at).map_or(0, |message| message.len());
            let outcome = self.domain.inner().chain(&chain.calls, vec![chain.memory]).await;
            let (outcome, _) = outcome.map_err(|gone| failed(gone.into()))?;
            delivered += outcome.succeeded;
            self.pause(outcome.failure, len(delivered), delivered, to, mark, patience).await?;
        }
        Ok(())
    }

    pub(super) async fn deliver_buffers(
        &self,
        buffers: &mut Vec<Buffer>,
        to: Address,
        patience: Patience,
    ) -> Result<(), BatchError> {
        let mut delivered = 0;
        while !buffers.is_empty() {
            let mark = self.domain.inner().mark_space();
            let calls = self.linked(buffers, to);
            let lens: Vec<usize> = buffers[..calls.len()].iter().map(Buffer::len).collect();
            let memory = buffers.drain(..calls.len()).map(Buffer::into_chunk).collect();
            let outcome = self.domain.inner().chain(&calls, memory).await;
            let (outcome, memory) =
                outcome.map_err(|gone| BatchError { delivered, cause: gone.into() })?;
            let back = memory.into_iter().zip(&lens).skip(outcome.succeeded);
            buffers.splice(..0, back.map(|(chunk, len)| Buffer::again(chunk, *len)));
            delivered += outcome.succeeded;
            let len = lens.get(outcome.succeeded).copied().unwrap_or(0);
            self.pause(outcome.failure, len, delivered, to, mark, patience).await?;
        }
        Ok(())
    }

    /// Waits for room if that is what a message of `len` bytes lacked.
    async fn pause(
        &self,
        failure: Option<Errno>,
        len: usize,
        delivered: usize,
        to: Address,
        mark: crate::domain::SpaceMark,
        patience: Patience,
    ) -> Result<(), BatchError> {
        let Some(errno) = failure else { return Ok(()) };
        let inner = self.domain.inner();
        let refusal = inner.refusal(errno, len, to).await;
        let waited = inner.wait_for_room(refusal, mark, patience).await;
        waited.map_err(|cause| BatchError { delivered, cause })
    }

    /// The calls that send the first of these buffers: as many as a chain takes.
    fn linked(&self, buffers: &[Buffer], to: Address) -> Vec<Call> {
        let addresses = self.addresses(to);
        let count = buffers.len().min(Inner::CHAIN_MAX);
        let call = |(index, buffer): (usize, &Buffer)| {
            buffer.call(&addresses, self.message_type, link(index, count))
        };
        buffers[..count].iter().enumerate().map(call).collect()
    }

    /// Copies the first of these messages into RAM: as many as a chain takes and the RAM holds, at
    /// least one.
    fn copied(&self, messages: &[&[u8]], to: Address) -> Result<CopiedChain, SendError> {
        let mut count = fitting(messages.iter().map(|message| message.len()));
        loop {
            match self.copied_all(&messages[..count], to) {
                Err(SendError::OutOfMemory(_)) if count > 1 => count /= 2,
                answer => return answer,
            }
        }
    }

    fn copied_all(&self, messages: &[&[u8]], to: Address) -> Result<CopiedChain, SendError> {
        let count = messages.len();
        if let Some(long) = messages.iter().find(|message| message.len() > PAYLOAD_MAX as usize) {
            return Err(SendError::TooBig { len: long.len(), max: PAYLOAD_MAX });
        }
        let head = size_of::<SendAddr>() + count * size_of::<Iov>();
        let payload: usize = messages.iter().map(|message| message.len()).sum();
        let memory = self.domain.inner().chunk(head + payload)?;
        memory.put(0, self.addresses(to).as_bytes());
        let mut calls = Vec::with_capacity(count);
        let mut at = head;
        for (index, message) in messages.iter().enumerate() {
            let iov = size_of::<SendAddr>() + index * size_of::<Iov>();
            let place = Iov { iov_hnd: memory.handle(at).0, iov_len: message.len() as u32, pad: 0 };
            memory.put(iov, place.as_bytes());
            memory.put(at, message);
            at += message.len();
            let args = [memory.handle(0).0, memory.handle(iov).0, 1, self.message_type.into()];
            calls.push(Call { cmd: Op::Sendv as u32, args, link: link(index, count) });
        }
        Ok(CopiedChain { memory, calls })
    }
}

/// Calls that send messages, and what they lie in.
struct CopiedChain {
    memory: Chunk,
    calls: Vec<Call>,
}

fn link(index: usize, count: usize) -> Link {
    if index + 1 == count { Link::None } else { Link::Next }
}

/// How many messages of these lengths go into one chain.
fn fitting(lens: impl Iterator<Item = usize>) -> usize {
    let mut bytes = 0usize;
    let fits = |len: &usize| {
        bytes = bytes.saturating_add(*len);
        bytes <= COPIED_MAX
    };
    lens.take(Inner::CHAIN_MAX).take_while(fits).count().max(1)
}
