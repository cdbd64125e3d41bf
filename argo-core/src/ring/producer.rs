//! The hypervisor's side of a ring.

use zerocopy::IntoBytes;

use crate::abi::{MessageHeader, SLOT};
use crate::claim::{PayloadLen, RingLen};
use crate::ring::index;
use crate::ring::mem::{RingMem, Spans};

/// Writes messages into a ring and publishes them.
///
/// It keeps `tx_ptr` itself: what the guest writes there is never read again after
/// [`adopt`](Self::adopt). A message is reserved, filled, then published with one Release store;
/// dropping the reservation instead leaves the ring as it was.
#[derive(Debug)]
pub struct Producer {
    len: RingLen,
    tx: u32,
}

/// Why a message was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRoom {
    /// It fits no state of this ring.
    TooBig {
        /// The longest payload that the ring can hold, in bytes.
        max: u32,
    },
    /// It does not fit now.
    Full {
        /// Free bytes in the ring, the slot that stays free included.
        free: u32,
    },
}

/// Space for one message, not yet visible to the receiver.
#[derive(Debug)]
#[must_use = "a message is delivered only when it is published"]
pub struct Reservation {
    len: RingLen,
    at: u32,
    payload: PayloadLen,
}

impl Producer {
    /// Takes over the ring that a guest registers, with the messages in it if its indexes make
    /// sense; else empties it by setting `tx_ptr` to where the receiver reads.
    pub fn adopt(mem: &impl RingMem, len: RingLen) -> Self {
        let claimed = mem.load_tx();
        if index::is_slot(claimed, len) {
            return Self { len, tx: claimed };
        }
        let tx = index::usable_rx(mem.load_rx(), len);
        mem.store_tx(tx);
        Self { len, tx }
    }

    /// The ring's length.
    #[inline]
    pub fn len(&self) -> RingLen {
        self.len
    }

    /// Free bytes now, the slot that stays free included. Reads the receiver's index once.
    #[inline]
    pub fn free(&self, mem: &impl RingMem) -> u32 {
        index::free(index::usable_rx(mem.load_rx(), self.len), self.tx, self.len)
    }

    /// Sets aside space for a message.
    ///
    /// # Errors
    /// "Can never fit" is answered before "does not fit now".
    #[inline]
    pub fn reserve(&self, mem: &impl RingMem, payload: PayloadLen) -> Result<Reservation, NoRoom> {
        self.reserve_in(self.free(mem), payload)
    }

    /// The same in so much of the [free](Self::free) bytes: who says more than there are overwrites
    /// what is not read yet.
    ///
    /// # Errors
    /// "Can never fit" is answered before "does not fit now".
    #[inline]
    pub fn reserve_in(&self, free: u32, payload: PayloadLen) -> Result<Reservation, NoRoom> {
        if !index::fits(payload, self.len.bytes()) {
            return Err(NoRoom::TooBig { max: self.len.max_payload() });
        }
        if !index::fits(payload, free) {
            return Err(NoRoom::Full { free });
        }
        Ok(Reservation { len: self.len, at: self.tx, payload })
    }

    /// Makes a filled reservation visible: one Release store, after everything that was written.
    #[inline]
    pub fn publish(&mut self, mem: &impl RingMem, filled: Reservation) {
        self.tx = index::advance(filled.at, index::message_bytes(filled.payload), self.len);
        mem.store_tx(self.tx);
    }
}

impl Reservation {
    /// Writes the message's header. A header is one slot, so it never wraps.
    #[inline]
    pub fn write_header(&self, mem: &impl RingMem, header: &MessageHeader) {
        mem.write(self.at, header.as_bytes());
    }

    /// Where `bytes` of the payload go that follow the first `offset` ones.
    /// The sum is at most the payload's length.
    #[inline]
    pub fn payload(&self, offset: u32, bytes: u32) -> Spans {
        let at = index::advance(self.at, SLOT, self.len);
        let at = index::advance(at, offset, self.len);
        Spans::new(at, bytes, self.len.bytes())
    }

    /// The payload's length.
    pub fn payload_len(&self) -> PayloadLen {
        self.payload
    }
}
