//! Where RAM is lent as ordinary bytes: a payload to write anew, a message to look at.
#![allow(unsafe_code, reason = "the proof that nobody else touches what is lent is made here")]

use argo_core::abi::RING_HEADER;
use argo_core::claim::RingLen;
use argo_core::ring::{Consumer, Message, Span};
use argo_mem::View;

use super::world::{Guest, INBOX, PAYLOAD, PAYLOAD_MAX};
use crate::case::Failure;
use crate::payload;

impl Guest {
    /// The first bytes of the payload of its sends.
    ///
    /// # Errors
    /// That is more than [`PAYLOAD_MAX`], or its RAM is too small.
    pub fn payload(&mut self, len: u32) -> Result<&mut [u8], Failure> {
        if len > PAYLOAD_MAX {
            return Err(format!("a payload of {len} bytes: at most {PAYLOAD_MAX}").into());
        }
        // SAFETY: nobody else reads or writes these bytes while the slice lives: the engine reads
        // them in calls of this guest, which it is borrowed from mutably; rings, the only places
        // that the engine writes, lie elsewhere (the table of `Guest`), and so does what the
        // guest's own methods write; views of its RAM borrow it, too.
        Ok(unsafe { self.ram().in_place_mut(PAYLOAD as usize, len as usize) }?)
    }
}

/// A guest with one ring for everybody, which it reads.
pub struct Inbox {
    guest: Guest,
    consumer: Consumer,
}

impl Inbox {
    /// Registers the ring.
    ///
    /// # Errors
    /// The engine's.
    pub fn open(guest: Guest, port: u32, len: RingLen) -> Result<Self, Failure> {
        guest.open(port, len)?;
        Ok(Self { guest, consumer: Consumer::new(len) })
    }

    /// Whose it is.
    #[inline]
    pub fn guest(&self) -> &Guest {
        &self.guest
    }

    /// The payload of what the guest itself sends.
    ///
    /// # Errors
    /// As [`Guest::payload`].
    #[inline]
    pub fn payload(&mut self, len: u32) -> Result<&mut [u8], Failure> {
        self.guest.payload(len)
    }

    /// Sums up the first message where it lies, and takes it out. `None`: there is none.
    ///
    /// # Errors
    /// The ring is corrupt.
    #[inline]
    pub fn take(&mut self) -> Result<Option<u64>, Failure> {
        let ram = self.guest.ram();
        let ring = ram.part(INBOX as usize, ram.len() - INBOX as usize)?;
        let Some(message) = self.consumer.peek(&ring)? else { return Ok(None) };
        let sum = sum(ring, &message)?;
        self.consumer.consume(&ring, message);
        Ok(Some(sum))
    }
}

/// The sum of a message that its only reader has seen in the ring and not consumed yet.
#[inline]
fn sum(ring: View<'_>, message: &Message) -> Result<u64, Failure> {
    let spans = message.payload();
    let part = |span: Span| {
        let at = RING_HEADER as usize + span.at as usize;
        // SAFETY: nobody writes these bytes while the slice lives, which is in this function:
        // they are the payload of a message between `rx_ptr` and `tx_ptr` of a ring that the engine
        // writes the free part of only, and no one else anything (the table of `Guest`); and `rx_ptr`
        // moves only in `Inbox::take`, after this: a guest goes into one inbox and never out of it.
        unsafe { ring.in_place(at, span.len as usize) }.map(payload::sum)
    };
    Ok(part(spans.first)?.wrapping_add(part(spans.second)?))
}
