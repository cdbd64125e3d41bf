//! A message as the protocol sees it.

use argo_core::{DomainId, Port};
use zerocopy::FromBytes;

use crate::wire::{ACCEPTANCE, ExtendedHead, Flags, HEAD, Head, STREAM};

/// Bytes of a message that the protocol may want to see.
pub const HEAD_MAX: usize = ACCEPTANCE as usize;

/// A port of a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// The domain; of a received message it is true.
    pub domain: DomainId,
    /// The port; of a received message it is the sender's word.
    pub port: Port,
}

/// A message that has come.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'m> {
    /// Who sent it.
    pub source: Endpoint,
    /// Its type.
    pub message_type: u32,
    /// The length of its payload in bytes.
    pub len: u32,
    /// The start of its payload: [`HEAD_MAX`] bytes, or all of it if it is shorter.
    pub head: &'m [u8],
}

impl Arrival<'_> {
    /// The head, if it is a stream message that has one.
    pub(crate) fn stream_head(&self) -> Option<(Flags, u32)> {
        if self.message_type != STREAM || self.len < HEAD {
            return None;
        }
        let (head, _) = Head::read_from_prefix(self.head).ok()?;
        Some((Flags::from_bits_retain(head.flags), head.conid))
    }

    /// Whether there is nothing behind the head.
    pub(crate) fn is_bare(&self) -> bool {
        self.len == HEAD
    }

    pub(crate) fn epoch(&self) -> Option<u64> {
        ExtendedHead::read_from_prefix(self.head).ok().map(|(head, _)| head.epoch)
    }
}
