//! Messages of the stream protocol, mostly almost right, so that deep states are reached.

use arbitrary::Arbitrary;
use argo_core::Port;
use argo_stream::wire::{self, Acceptance, Flags};
use argo_stream::{Arrival, Endpoint, HEAD_MAX};

use crate::world::domain;

/// The epoch of the connection under test.
pub const EPOCH: u64 = 0x0123_4567_89AB_CDEF;
/// Its id.
pub const CONID: u32 = 0xD1;
/// Where its peer sends from.
pub const CLIENT: Port = Port(0x5000);

/// A message.
#[derive(Arbitrary, Debug)]
pub struct Message<'b> {
    /// Its flags.
    pub flags: Bits,
    /// Another id than that of the connection.
    pub conid: Option<u32>,
    /// Another epoch.
    pub epoch: Option<u64>,
    /// How long it is, and what it holds.
    pub shape: Shape<'b>,
    /// Who sent it.
    pub from: Source,
    /// Whether it is of another type.
    pub datagram: bool,
}

/// The flags of a message.
#[derive(Arbitrary, Debug)]
pub struct Bits {
    /// Which of the flags that have names.
    pub known: u8,
    /// Any bits instead.
    pub other: Option<u32>,
}

/// What a message holds.
#[derive(Arbitrary, Debug)]
pub enum Shape<'b> {
    /// Flags and id alone.
    Bare,
    /// An extended head, and so many bytes.
    Extended {
        /// How many.
        payload: u8,
    },
    /// The extended grant.
    Acceptance {
        /// Of another version.
        version: bool,
        /// With the port that it is sent from.
        port: bool,
        /// Another longest message.
        max_message: Option<u32>,
    },
    /// Any bytes.
    Raw(&'b [u8]),
}

/// Who sends.
#[derive(Arbitrary, Debug)]
pub enum Source {
    /// The peer, from the port that was asked.
    Listener,
    /// The peer, from the port that its acceptance names.
    OwnPort,
    /// The peer's domain, from another port.
    OtherPort(u32),
    /// Another domain.
    OtherDomain(u16),
}

impl Message<'_> {
    /// All of it.
    pub fn bytes(&self) -> Vec<u8> {
        let flags = self.flags.flags();
        let (conid, epoch) = (self.conid.unwrap_or(CONID), self.epoch.unwrap_or(EPOCH));
        match self.shape {
            Shape::Bare => wire::head(flags, conid).to_vec(),
            Shape::Extended { payload } => {
                let mut bytes = wire::head_extended(flags, conid, epoch).to_vec();
                bytes.resize(bytes.len() + usize::from(payload), 0xA5);
                bytes
            }
            Shape::Acceptance { version, port, max_message } => {
                let acceptance = Acceptance {
                    version: wire::VERSION + u32::from(version),
                    port: if port { CLIENT.0 } else { Source::OwnPort.endpoint().port.0 },
                    max_message: max_message.unwrap_or(wire::MESSAGE_GUARANTEED),
                    pad: 0,
                    epoch,
                };
                wire::acceptance(conid, acceptance).to_vec()
            }
            Shape::Raw(bytes) => bytes.to_vec(),
        }
    }

    /// It, as it arrives.
    pub fn arrival<'m>(&self, source: Endpoint, bytes: &'m [u8]) -> Arrival<'m> {
        arrival(source, if self.datagram { 0x6447_724D } else { wire::STREAM }, bytes)
    }
}

impl Bits {
    fn flags(&self) -> Flags {
        let names =
            [Flags::SYN, Flags::ACK, Flags::RST, Flags::EXTENDED, Flags::FIN, Flags::SEQPACKET];
        let named = names.into_iter().enumerate().filter(|(bit, _)| self.known >> bit & 1 != 0);
        let known = named.fold(Flags::empty(), |all, (_, flag)| all | flag);
        self.other.map_or(known, Flags::from_bits_retain)
    }
}

impl Source {
    /// The port of a domain that this is.
    pub fn endpoint(&self) -> Endpoint {
        match *self {
            Source::Listener => endpoint(1, CLIENT),
            Source::OwnPort => endpoint(1, Port(0x8000_0001)),
            Source::OtherPort(port) => endpoint(1, Port(port)),
            Source::OtherDomain(id) => endpoint(id, CLIENT),
        }
    }
}

/// A port of a domain.
pub fn endpoint(id: u16, port: Port) -> Endpoint {
    Endpoint { domain: domain(id), port }
}

/// A message of these bytes, as it arrives.
pub fn arrival(source: Endpoint, message_type: u32, bytes: &[u8]) -> Arrival<'_> {
    Arrival {
        source,
        message_type,
        len: bytes.len() as u32,
        head: &bytes[..bytes.len().min(HEAD_MAX)],
    }
}

/// The first word of a message.
pub fn word(bytes: &[u8]) -> u32 {
    bytes.first_chunk().map_or(0, |word| u32::from_le_bytes(*word))
}
