//! The receiver's side of a ring.

use zerocopy::IntoBytes;

use crate::abi::{MessageHeader, SLOT};
use crate::claim::RingLen;
use crate::ring::index;
use crate::ring::mem::{RingMem, Spans};

/// Takes messages out of a ring, in the order in which they were sent.
///
/// It keeps `rx_ptr` itself. Only the hypervisor writes the rest of the ring; should `tx_ptr` or a
/// length make no sense all the same, that is [`Corrupt`], never "empty".
#[derive(Debug)]
pub struct Consumer {
    len: RingLen,
    rx: u32,
}

/// A ring that breaks Argo's rules. Nothing more can be read from it; register it anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "corrupt ring of {len} bytes: rx_ptr {rx}, tx_ptr {tx}, message length {message:?} \
     (expected an aligned tx_ptr below the ring's length and a message that ends before it)"
)]
pub struct Corrupt {
    /// The ring's length in bytes.
    pub len: u32,
    /// Where the receiver reads.
    pub rx: u32,
    /// The `tx_ptr` that was seen.
    pub tx: u32,
    /// The length in the message's header, if it got that far.
    pub message: Option<u32>,
}

/// A message that lies in the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its length was checked: at least a slot, and what is in the ring at most.
    header: MessageHeader,
    at: u32,
    len: RingLen,
}

impl Consumer {
    /// Reads an empty, zeroed ring that is about to be registered.
    pub fn new(len: RingLen) -> Self {
        Self { len, rx: 0 }
    }

    /// Reads on in a ring from where its header says, for one that outlived its reader.
    pub fn resume(mem: &impl RingMem, len: RingLen) -> Self {
        Self { len, rx: index::usable_rx(mem.load_rx(), len) }
    }

    /// The ring's length.
    pub fn len(&self) -> RingLen {
        self.len
    }

    /// Bytes that wait to be read, headers and padding included.
    ///
    /// # Errors
    /// [`Corrupt`]: the ring's `tx_ptr` lies outside it or between slots.
    #[inline]
    pub fn filled(&self, mem: &impl RingMem) -> Result<u32, Corrupt> {
        self.filled_to(mem.load_tx())
    }

    /// The first message, which stays in the ring. `None`: there is none.
    ///
    /// # Errors
    /// [`Corrupt`]: the indexes or the message's length make no sense.
    #[inline]
    pub fn peek(&self, mem: &impl RingMem) -> Result<Option<Message>, Corrupt> {
        let tx = mem.load_tx();
        let filled = self.filled_to(tx)?;
        if filled == 0 {
            return Ok(None);
        }
        let mut bytes = [0; SLOT as usize];
        mem.read(self.rx, &mut bytes);
        let mut header = MessageHeader::default();
        header.as_mut_bytes().copy_from_slice(&bytes);
        let whole = header.len >= SLOT && header.len <= filled;
        if !whole || index::round_up(header.len) > filled {
            return Err(self.corrupt(tx, Some(header.len)));
        }
        Ok(Some(Message { header, at: self.rx, len: self.len }))
    }

    /// Gives the space of the first message back. Publishes `rx_ptr` with Release: everything
    /// read from the message was read before.
    ///
    /// `message` is the one that [`peek`](Self::peek) gave last; of any other nothing is freed.
    #[inline]
    pub fn consume(&mut self, mem: &impl RingMem, message: Message) {
        if message.at != self.rx {
            return;
        }
        self.pass(message);
        mem.store_rx(self.rx);
    }

    /// Moves on behind the first message without giving its space back: for a second reader of the
    /// ring that looks ahead. It must stay between `rx_ptr` and `tx_ptr`.
    #[inline]
    pub fn pass(&mut self, message: Message) {
        if message.at == self.rx {
            self.rx = index::advance(self.rx, index::round_up(message.header.len), self.len);
        }
    }

    #[inline]
    fn filled_to(&self, tx: u32) -> Result<u32, Corrupt> {
        if !index::is_slot(tx, self.len) {
            return Err(self.corrupt(tx, None));
        }
        Ok(index::filled(self.rx, tx, self.len))
    }

    fn corrupt(&self, tx: u32, message: Option<u32>) -> Corrupt {
        Corrupt { len: self.len.bytes(), rx: self.rx, tx, message }
    }
}

impl Message {
    /// Its header. The source's domain is true, its port a claim.
    #[inline]
    pub fn header(&self) -> &MessageHeader {
        &self.header
    }

    /// The payload's length in bytes.
    #[inline]
    pub fn payload_len(&self) -> u32 {
        self.header.len.saturating_sub(SLOT)
    }

    /// Where the payload lies in the ring's data.
    #[inline]
    pub fn payload(&self) -> Spans {
        let at = index::advance(self.at, SLOT, self.len);
        Spans::new(at, self.payload_len(), self.len.bytes())
    }

    /// Copies the start of the payload into `out` and returns how many bytes that was.
    #[inline]
    pub fn copy_to(&self, mem: &impl RingMem, out: &mut [u8]) -> usize {
        self.copy_from(mem, 0, out)
    }

    /// Copies the payload from byte `from` on into `out` and returns how many bytes that was.
    #[inline]
    pub fn copy_from(&self, mem: &impl RingMem, from: u32, out: &mut [u8]) -> usize {
        let from = from.min(self.payload_len());
        let at = index::advance(index::advance(self.at, SLOT, self.len), from, self.len);
        let rest = self.payload_len().saturating_sub(from);
        Spans::new(at, rest, self.len.bytes()).read(mem, out)
    }
}
