//! Where RAM is lent as ordinary bytes: a payload to write anew, a message to look at.
#![allow(unsafe_code, reason = "the proof that nobody else touches what is lent is made here")]

use argo_core::abi::RING_HEADER;
use argo_core::claim::RingLen;
use argo_core::ring::{Consumer, Message, Span};
use argo_mem::View;

use super::world::{Guest, INBOX, PAYLOAD, PAYLOAD_MAX, Rate, World, pages_for_inbox};
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
    port: u32,
    consumer: Consumer,
}

impl Inbox {
    /// Registers the ring.
    ///
    /// # Errors
    /// The engine's.
    pub fn open(guest: Guest, port: u32, len: RingLen) -> Result<Self, Failure> {
        guest.open(port, len)?;
        Ok(Self { guest, port, consumer: Consumer::new(len) })
    }

    /// Registers the ring anew, as it is.
    ///
    /// # Errors
    /// The engine's.
    pub fn register_again(&mut self) -> Result<(), Failure> {
        self.guest.open(self.port, self.consumer.len())
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
        let ring = ring(&self.guest)?;
        let Some(message) = self.consumer.peek(&ring)? else { return Ok(None) };
        let sum = sum(ring, &message)?;
        self.consumer.consume(&ring, message);
        Ok(Some(sum))
    }

    /// Takes out the first message without looking at it.
    ///
    /// # Errors
    /// There is none.
    #[inline]
    pub fn skip(&mut self) -> Result<(), Failure> {
        let ring = ring(&self.guest)?;
        let message = self.consumer.peek(&ring)?.ok_or("the ring is empty")?;
        self.consumer.consume(&ring, message);
        Ok(())
    }
}

/// The ring of a guest's inbox, and what lies behind it.
#[inline]
fn ring(guest: &Guest) -> Result<View<'_>, Failure> {
    let ram = guest.ram();
    Ok(ram.part(INBOX as usize, ram.len() - INBOX as usize)?)
}

/// Two domains that nobody else has anything to do with, nor with their engine: so the ring can be
/// lent whenever neither calls.
pub struct Solo {
    sender: Guest,
    receiver: Inbox,
}

const PORT: u32 = 7;

impl Solo {
    /// With a ring for messages of `len` bytes.
    ///
    /// # Errors
    /// The engine's.
    pub fn new(ring: RingLen, len: u32) -> Result<Self, Failure> {
        let world = World::new(2, Rate::Free)?;
        let sender = world.guest(1, pages_for_inbox(ring))?;
        let receiver = Inbox::open(world.guest(2, pages_for_inbox(ring))?, PORT, ring)?;
        sender.aim(2, PORT, len)?;
        Ok(Self { sender, receiver })
    }

    /// Sends the payload as it is.
    ///
    /// # Errors
    /// The engine's, or there is no room.
    #[inline]
    pub fn send(&mut self) -> Result<(), Failure> {
        if self.sender.send()? { Ok(()) } else { Err("the ring is full".into()) }
    }

    /// Takes out a message without looking at it.
    ///
    /// # Errors
    /// There is none.
    pub fn skip(&mut self) -> Result<(), Failure> {
        self.receiver.skip()
    }

    /// The payload of the sends, and the data of the ring that they go to.
    ///
    /// # Errors
    /// The payload is too long.
    pub fn window(&mut self, len: u32) -> Result<(&[u8], &mut [u8]), Failure> {
        let bytes = self.receiver.consumer.len().bytes() as usize;
        let data = INBOX as usize + RING_HEADER as usize;
        // SAFETY: nobody else reads or writes these bytes while the slice lives: the engine writes
        // them in sends of the only other domain, which is ours, too, and we are borrowed mutably;
        // the receiver reads them in `skip`, for which the same is true; nobody else has views of
        // its RAM. The payload is another domain's RAM.
        let window = unsafe { self.receiver.guest.ram().in_place_mut(data, bytes) }?;
        Ok((self.sender.payload(len)?, window))
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
