//! Layouts. All integers are little-endian; `docs/wire.md` shows them as pictures.

use argo_core::abi::{PAYLOAD_MAX, SLOT};
use bitflags::bitflags;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The `message_type` of every stream message.
pub const STREAM: u32 = 0x3574_526D;
/// Bytes of the head of a plain message: flags and connection id. A SYN, a plain ACK and a plain
/// RST are exactly this long.
pub const HEAD: u32 = 8;
/// Bytes of the head of an extended message: flags, connection id and epoch.
pub const HEAD_EXTENDED: u32 = 16;
/// Bytes of an ACK that confirms the extension.
pub const ACCEPTANCE: u32 = 32;
/// The largest payload of a plain message: what the driver sends at most, and what fits the
/// smallest ring that hears from it.
pub const PIECE_PLAIN: u32 = 32_748;
/// The shortest ring for streams, in bytes: one full plain message, its header and a free slot.
pub const RING_LEN_MIN: u32 = 32_800;
/// The length of a message, in bytes and heads included, that every ring for streams takes.
pub const MESSAGE_GUARANTEED: u32 = RING_LEN_MIN - 2 * SLOT;
/// The version of the extension that an ACK names.
pub const VERSION: u32 = 1;

bitflags! {
    /// The flags of a message. Bits without a name mean nothing.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Flags: u32 {
        /// Asks for a connection.
        const SYN = 1;
        /// Grants it.
        const ACK = 1 << 1;
        /// Refuses or ends it.
        const RST = 1 << 2;
        /// In a SYN: the sender knows the extension. In the ACK: so does the receiver. In all
        /// later messages of an extended connection: the head is [`HEAD_EXTENDED`] long.
        const EXTENDED = 1 << 20;
        /// Extended: no data follows from this side.
        const FIN = 1 << 21;
        /// In an extended SYN: the connection keeps message boundaries.
        const SEQPACKET = 1 << 22;
    }
}

/// The first bytes of every message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct Head {
    pub(crate) flags: u32,
    pub(crate) conid: u32,
}

/// The head of a message of an extended connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct ExtendedHead {
    pub(crate) head: Head,
    pub(crate) epoch: u64,
}

/// What an extended ACK says behind its head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Acceptance {
    /// [`VERSION`].
    pub version: u32,
    /// Where the acceptor receives from now on, and where its messages come from: a ring for this
    /// connection alone, or the listener's port.
    pub port: u32,
    /// The longest message that the ring there takes, in bytes and heads included:
    /// [`MESSAGE_GUARANTEED`] at least, and at most what Argo's longest ring takes.
    pub max_message: u32,
    /// Zero.
    pub pad: u32,
    /// Names this connection among all that ever had these ports and this id: any number. In the
    /// head of every later message, both ways.
    pub epoch: u64,
}

#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct ExtendedAck {
    head: Head,
    acceptance: Acceptance,
}

const _: () = {
    assert!(size_of::<Head>() == HEAD as usize);
    assert!(size_of::<ExtendedHead>() == HEAD_EXTENDED as usize);
    assert!(size_of::<ExtendedAck>() == ACCEPTANCE as usize);
    assert!(PIECE_PLAIN + HEAD <= MESSAGE_GUARANTEED);
};

/// The head of a plain message.
pub fn head(flags: Flags, conid: u32) -> [u8; HEAD as usize] {
    zerocopy::transmute!(Head { flags: flags.bits(), conid })
}

/// The head of a message of an extended connection.
pub fn head_extended(flags: Flags, conid: u32, epoch: u64) -> [u8; HEAD_EXTENDED as usize] {
    let head = Head { flags: (flags | Flags::EXTENDED).bits(), conid };
    zerocopy::transmute!(ExtendedHead { head, epoch })
}

/// The whole ACK that confirms the extension.
pub fn acceptance(conid: u32, acceptance: Acceptance) -> [u8; ACCEPTANCE as usize] {
    let head = Head { flags: (Flags::ACK | Flags::EXTENDED).bits(), conid };
    zerocopy::transmute!(ExtendedAck { head, acceptance })
}

/// What an ACK of [`ACCEPTANCE`] bytes says, if that makes sense.
pub(crate) fn parse_acceptance(message: &[u8]) -> Option<Acceptance> {
    let acceptance = ExtendedAck::read_from_bytes(message).ok()?.acceptance;
    let Acceptance { version, max_message, pad, .. } = acceptance;
    let sound =
        version == VERSION && pad == 0 && (MESSAGE_GUARANTEED..=PAYLOAD_MAX).contains(&max_message);
    sound.then_some(acceptance)
}
