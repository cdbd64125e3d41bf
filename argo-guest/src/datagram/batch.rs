//! Sending many messages with one signal.

use argo_core::Errno;
use argo_core::errno::decode_ret;
use argo_core::platform::Link;

use super::{BatchError, Datagram, SendError};
use crate::address::Address;
use crate::buffer::Buffer;
use crate::domain::{Inner, Patience};

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

    pub(super) async fn deliver_batch(
        &self,
        messages: &[&[u8]],
        to: Address,
        patience: Patience,
    ) -> Result<(), BatchError> {
        let mut delivered = 0;
        while delivered < messages.len() {
            let mark = self.domain.inner().mark_space();
            let (sent, refusal) = self.attempt_chain(&messages[delivered..], to).await;
            delivered += sent;
            if let Some(refusal) = refusal {
                let waited = self.wait_for_room(refusal, mark, patience).await;
                waited.map_err(|cause| BatchError { delivered, cause })?;
            }
        }
        Ok(())
    }

    /// Sends as many as one chain takes. How many were delivered, and why not the next.
    async fn attempt_chain(&self, messages: &[&[u8]], to: Address) -> (usize, Option<SendError>) {
        let buffers = match self.buffers(messages) {
            Ok(buffers) => buffers,
            Err(error) => return (0, Some(error)),
        };
        let addresses = self.addresses(to);
        let last = buffers.len() - 1;
        let linked = |(index, buffer): (usize, Buffer)| {
            let link = if index == last { Link::None } else { Link::Next };
            (buffer.call(&addresses, self.message_type, link), buffer.into_chunk())
        };
        let calls = buffers.into_iter().enumerate().map(linked).collect();
        let started = match self.domain.inner().chain(calls).await {
            Ok(started) => started,
            Err(gone) => return (0, Some(gone.into())),
        };
        let mut delivered = 0;
        let mut first_failure = None;
        for one in started {
            match one.answer().await {
                Err(gone) => return (delivered, Some(gone.into())),
                Ok((ret, _)) => match decode_ret(ret) {
                    Ok(_) if first_failure.is_none() => delivered += 1,
                    Ok(_) => {}
                    Err(errno) => {
                        first_failure.get_or_insert(errno);
                    }
                },
            }
        }
        (delivered, self.failure(first_failure, messages, delivered, to).await)
    }

    async fn failure(
        &self,
        errno: Option<Errno>,
        messages: &[&[u8]],
        delivered: usize,
        to: Address,
    ) -> Option<SendError> {
        let len = messages.get(delivered).map_or(0, |message| message.len());
        Some(self.refusal(errno?, len, to).await)
    }

    /// Buffers for the first of the messages: as many as a chain takes and the RAM holds, at
    /// least one.
    fn buffers(&self, messages: &[&[u8]]) -> Result<Vec<Buffer>, SendError> {
        let mut buffers = Vec::with_capacity(messages.len().min(Inner::CHAIN_MAX));
        for message in messages.iter().take(Inner::CHAIN_MAX) {
            match self.gathered(&[*message]) {
                Ok(buffer) => buffers.push(buffer),
                Err(_) if !buffers.is_empty() => break,
                Err(error) => return Err(error),
            }
        }
        Ok(buffers)
    }
}
