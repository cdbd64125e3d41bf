//! Messages in a ring, as the protocol wants to see them.

use argo_core::ring::{Message, RingMem};
use argo_core::{DomainId, Port};
use argo_stream::wire::{Flags, HEAD};
use argo_stream::{Arrival, Endpoint, HEAD_MAX};

use crate::address::Address;

/// Of a message: who sent it, and as much of its start as the protocol may look at.
pub(super) struct Arriving {
    source: Endpoint,
    message_type: u32,
    len: u32,
    head: [u8; HEAD_MAX],
}

impl Arriving {
    /// Reads the start of a message. `None`: its source cannot exist.
    pub(super) fn read(message: &Message, memory: &impl RingMem) -> Option<Self> {
        let header = message.header();
        let domain = DomainId::new(header.source.domain_id)?;
        let source = Endpoint { domain, port: Port(header.source.aport) };
        let mut head = [0; HEAD_MAX];
        message.copy_to(memory, &mut head);
        Some(Self { source, message_type: header.message_type, len: message.payload_len(), head })
    }

    pub(super) fn arrival(&self) -> Arrival<'_> {
        let present = HEAD_MAX.min(self.len as usize);
        Arrival {
            source: self.source,
            message_type: self.message_type,
            len: self.len,
            head: &self.head[..present],
        }
    }

    /// The connection id that it names, if it has one.
    pub(super) fn conid(&self) -> Option<u32> {
        let bytes = self.head[..self.len.min(HEAD) as usize].get(4..8)?;
        bytes.try_into().ok().map(u32::from_le_bytes)
    }

    /// Whether it says that the data ends.
    pub(super) fn is_end(&self) -> bool {
        let flags = self.head.first_chunk().map_or(0, |flags| u32::from_le_bytes(*flags));
        self.len >= HEAD && Flags::from_bits_retain(flags).contains(Flags::FIN)
    }

    pub(super) fn source(&self) -> Address {
        address(self.source)
    }
}

pub(super) fn address(endpoint: Endpoint) -> Address {
    Address::new(endpoint.domain, endpoint.port)
}

pub(super) fn endpoint(address: Address) -> Endpoint {
    Endpoint { domain: address.domain, port: address.port }
}
