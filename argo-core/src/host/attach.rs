//! The messages of an attachment, each one packet on the domain's `SOCK_SEQPACKET` socket.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{MAGIC, VERSION};

/// Bytes of text in a [`Welcome`] or [`Verdict`]: why an attachment was refused.
pub const TEXT_MAX: usize = 192;

/// Doorbells in a [`Welcome`] at most: one a worker.
pub const DOORBELLS_MAX: u32 = 64;

/// Process to argod: wants to attach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Hello {
    /// [`MAGIC`]
    pub magic: u32,
    /// [`VERSION`]
    pub version: u32,
    /// Queues wanted: 1 to [`QUEUES_MAX`](super::layout::QUEUES_MAX).
    pub queues: u32,
    /// Must be zero.
    pub reserved: u32,
}

impl Hello {
    /// Asks for that many queues.
    pub fn new(queues: u32) -> Self {
        Self { magic: MAGIC, version: VERSION, queues, reserved: 0 }
    }
}

/// argod to process: the session's shape. With it come the RAM's memfd, then the doorbells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Welcome {
    /// [`MAGIC`]
    pub magic: u32,
    /// [`VERSION`] of argod.
    pub version: u32,
    /// 0, or the (positive) errno of a refusal; then only `text` means anything.
    pub errno: u32,
    /// The domain.
    pub domain: u32,
    /// Queues in the control area.
    pub queues: u32,
    /// Bytes of the control area, where the RAM begins in the memfd.
    pub control_bytes: u32,
    /// Pages of RAM, the unused first one included.
    pub ram_pages: u32,
    /// Doorbells, one a worker: 1 to [`DOORBELLS_MAX`].
    pub doorbells: u32,
    /// The processor that each doorbell's worker stays on, in the order of the doorbells; zeros
    /// after the last. Ring the one of the processor that one runs on, or any if there is none.
    pub cpus: [u16; DOORBELLS_MAX as usize],
    /// Why it was refused, UTF-8, padded with zeros.
    pub text: Text,
}

/// Process to argod: has mapped the memory and added the final seals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Sealed {
    /// [`MAGIC`]
    pub magic: u32,
    /// Must be zero.
    pub reserved: u32,
}

impl Sealed {
    /// The only such message.
    pub const MESSAGE: Self = Self { magic: MAGIC, reserved: 0 };
}

/// argod to process: the session is served from here on, or why it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Verdict {
    /// [`MAGIC`]
    pub magic: u32,
    /// 0, or the (positive) errno of a refusal.
    pub errno: u32,
    /// Why it was refused, UTF-8, padded with zeros.
    pub text: Text,
}

/// Text in a message, padded with zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Text([u8; TEXT_MAX]);

impl Text {
    /// No text.
    pub const EMPTY: Self = Self([0; TEXT_MAX]);

    /// As much of `text` as there is room for, cut between characters.
    pub fn new(text: &str) -> Self {
        let mut bytes = [0; TEXT_MAX];
        let end = text.floor_char_boundary(TEXT_MAX);
        for (place, byte) in bytes.iter_mut().zip(text.bytes().take(end)) {
            *place = byte;
        }
        Self(bytes)
    }

    /// The text; what is not UTF-8 is left out.
    pub fn as_str(&self) -> &str {
        let bytes = self.0.split(|byte| *byte == 0).next().unwrap_or_default();
        bytes.utf8_chunks().next().map_or("", |chunk| chunk.valid())
    }
}

const _: () = {
    assert!(size_of::<Hello>() == 16);
    assert!(size_of::<Welcome>() == 32 + 2 * DOORBELLS_MAX as usize + TEXT_MAX);
    assert!(size_of::<Sealed>() == 8);
    assert!(size_of::<Verdict>() == 8 + TEXT_MAX);
};
