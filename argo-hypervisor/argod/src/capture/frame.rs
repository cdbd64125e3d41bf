//! What argod sends to who captures.

use std::io::{self, Read, Write};

use argo_core::Errno;
use zerocopy::byteorder::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::SNAPLEN_MAX;

/// What is known of a message; the captured bytes of its payload follow.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Frame {
    /// Nanoseconds since 1970, in UTC.
    pub time_ns: U64,
    /// Of [`Frame::LOST`]: messages lost here, because the reader was too slow.
    pub lost: U64,
    /// Bytes of payload that the message has, as far as its sender's list says.
    pub length: U64,
    /// Bytes of payload that follow.
    pub captured: U32,
    /// The port that it says it comes from.
    pub from_port: U32,
    /// The port that it goes to.
    pub to_port: U32,
    /// The sender's choice.
    pub message_type: U32,
    /// The rule that refused it, from 1; 0: none, or none is known.
    pub rule: U32,
    /// The domain that sent it.
    pub from: U16,
    /// The domain that it says it comes from: the same, or 0x7ff4 for "whoever I am", or a lie.
    pub claimed: U16,
    /// The domain that it goes to.
    pub to: U16,
    /// What the sender was answered; 0: it was delivered.
    pub errno: U16,
    /// [`Frame::MESSAGE`] or [`Frame::LOST`].
    pub kind: U32,
}

/// What came over a capture socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// A message, with as much of its payload as was asked for.
    Message(Frame, Vec<u8>),
    /// So many messages were lost.
    Lost(u64),
}

impl Frame {
    /// A frame about a message.
    pub const MESSAGE: U32 = U32::new(1);
    /// A frame that only says what was lost.
    pub const LOST: U32 = U32::new(2);

    /// A frame that says that so many messages were lost.
    pub fn losing(count: u64) -> Self {
        Self { lost: count.into(), kind: Self::LOST, ..Self::default() }
    }

    /// The error that refused it, if it was refused.
    pub fn refusal(&self) -> Option<Errno> {
        Errno::from_number(self.errno.get().into())
    }

    /// Writes the frame with its payload.
    ///
    /// # Errors
    /// The writer's.
    pub fn write(&self, payload: &[u8], to: &mut impl Write) -> io::Result<()> {
        to.write_all(self.as_bytes())?;
        to.write_all(payload)
    }
}

impl Told {
    /// Reads the next; `None` at the end.
    ///
    /// # Errors
    /// The reader's, or this is no frame.
    pub fn read(from: &mut impl Read) -> io::Result<Option<Self>> {
        let mut frame = Frame::default();
        match from.read_exact(frame.as_mut_bytes()) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            other => other?,
        }
        let captured = frame.captured.get();
        match frame.kind {
            Frame::LOST => Ok(Some(Self::Lost(frame.lost.get()))),
            Frame::MESSAGE if captured <= SNAPLEN_MAX => {
                let mut payload = vec![0; captured as usize];
                from.read_exact(&mut payload)?;
                Ok(Some(Self::Message(frame, payload)))
            }
            _ => {
                let text = format!("kind {} with {captured} bytes is no frame", frame.kind);
                Err(io::Error::new(io::ErrorKind::InvalidData, text))
            }
        }
    }
}
