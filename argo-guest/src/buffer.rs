//! Payload that is written straight into the domain's RAM.

use alloc::sync::Arc;
use alloc::vec;

use argo_core::abi::{Iov, Op, PAYLOAD_MAX, SendAddr};
use argo_core::platform::{Call, Link};
use zerocopy::IntoBytes;

use crate::arena::OutOfMemory;
use crate::datagram::SendError;
use crate::domain::{Chunk, Domain, Inner};
use crate::in_place;

/// Bytes before the payload: what a send names by address.
const HEAD: usize = size_of::<SendAddr>() + size_of::<Iov>();

/// A payload in the domain's RAM, from where the hypervisor copies it into the receiver's ring:
/// filling it and sending it with `send_buffer` copies nothing twice.
///
/// Dropping it gives the memory back. Its bytes are arbitrary until they are written.
pub struct Buffer {
    chunk: Chunk,
    len: u32,
}

/// Bytes that do not lie in a [`Buffer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{len} bytes at {offset} do not lie in a buffer of {limit} bytes")]
pub struct OutsideBuffer {
    /// Where they begin.
    pub offset: usize,
    /// How many there are.
    pub len: usize,
    /// The buffer's length.
    pub limit: usize,
}

impl Domain {
    /// A buffer for a payload of `len` bytes.
    ///
    /// # Errors
    /// [`SendError::TooBig`]: no ring of any domain could take so much.
    /// [`SendError::OutOfMemory`]: this domain's RAM is used up.
    pub fn buffer(&self, len: usize) -> Result<Buffer, SendError> {
        Buffer::new(self.inner(), len)
    }
}

impl Buffer {
    pub(crate) fn new(inner: &Arc<Inner>, len: usize) -> Result<Self, SendError> {
        let too_big = SendError::TooBig { len, max: PAYLOAD_MAX };
        let legal = u32::try_from(len).ok().filter(|len| *len <= PAYLOAD_MAX).ok_or(too_big)?;
        Ok(Self { chunk: inner.chunk(HEAD + len)?, len: legal })
    }

    /// A buffer with all these bytes, one part behind the other.
    pub(crate) fn gather<'p>(
        inner: &Arc<Inner>,
        parts: impl Iterator<Item = &'p [u8]> + Clone,
    ) -> Result<Self, SendError> {
        let buffer = Self::new(inner, parts.clone().map(<[u8]>::len).sum())?;
        let mut at = HEAD;
        for part in parts {
            buffer.chunk.put(at, part);
            at += part.len();
        }
        Ok(buffer)
    }

    /// An empty buffer with room for `capacity` bytes.
    pub(crate) fn with_capacity(inner: &Arc<Inner>, capacity: usize) -> Result<Self, OutOfMemory> {
        Ok(Self { chunk: inner.chunk(HEAD + capacity)?, len: 0 })
    }

    /// Adds bytes at its end, as many as it has room for up to a length of `limit`; how many.
    pub(crate) fn append(&mut self, bytes: &[u8], limit: usize) -> usize {
        let room = self.chunk.len().saturating_sub(HEAD).min(limit).saturating_sub(self.len());
        let taken = bytes.len().min(room);
        self.chunk.put(HEAD + self.len(), &bytes[..taken]);
        // At most the room of a block.
        self.len += taken as u32;
        taken
    }

    /// The payload's length in bytes.
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether the payload is empty.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Copies `bytes` into the payload at `offset`.
    ///
    /// # Errors
    /// They do not fit; nothing is then written.
    pub fn write(&mut self, offset: usize, bytes: &[u8]) -> Result<(), OutsideBuffer> {
        let end = offset.checked_add(bytes.len());
        if end.is_none_or(|end| end > self.len()) {
            return Err(OutsideBuffer { offset, len: bytes.len(), limit: self.len() });
        }
        self.chunk.put(HEAD + offset, bytes);
        Ok(())
    }

    /// Has `fill` write the payload, in RAM itself where the domain allows ([`Domain::attach`]
    /// does). It sees arbitrary bytes.
    pub fn fill(&mut self, fill: impl FnOnce(&mut [u8])) {
        let inner = self.chunk.inner().clone();
        let (at, len) = (self.chunk.offset() + HEAD, self.len());
        if let Some(bytes) = in_place::lend_mut(inner.lending, self, inner.platform.ram(), at, len)
        {
            return fill(bytes);
        }
        let mut bytes = vec![0; len];
        fill(&mut bytes);
        self.chunk.put(HEAD, &bytes);
    }

    /// Makes the payload shorter; does nothing if it is not longer than `len`.
    pub fn truncate(&mut self, len: usize) {
        self.len = u32::try_from(len).map_or(self.len, |len| self.len.min(len));
    }

    /// The call that sends it.
    pub(crate) fn call(&self, addresses: &SendAddr, message_type: u32, link: Link) -> Call {
        let iov = Iov { iov_hnd: self.chunk.handle(HEAD).0, iov_len: self.len, pad: 0 };
        self.chunk.put(0, addresses.as_bytes());
        self.chunk.put(size_of::<SendAddr>(), iov.as_bytes());
        let iovs = self.chunk.handle(size_of::<SendAddr>()).0;
        let args = [self.chunk.handle(0).0, iovs, 1, u64::from(message_type)];
        Call { cmd: Op::Sendv as u32, args, link }
    }

    pub(crate) fn into_chunk(self) -> Chunk {
        self.chunk
    }

    /// The buffer again, of a call that did not deliver it.
    pub(crate) fn again(chunk: Chunk, len: usize) -> Self {
        let room = chunk.len().saturating_sub(HEAD).min(len);
        Self { chunk, len: u32::try_from(room).unwrap_or(0) }
    }
}

impl core::fmt::Debug for Buffer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Buffer").field("len", &self.len).finish()
    }
}
