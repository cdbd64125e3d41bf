//! The receiving side of a connection: a ring of its own, read in place, or a bounded queue that
//! the listener's ring is sorted into.

use alloc::collections::VecDeque;
use alloc::sync::Arc;

use argo_core::ring::{Consumer, Message};
use argo_mem::View;
use argo_stream::Connection;
use bytes::{Buf, Bytes, BytesMut};

use super::arriving::Arriving;
use super::shared_ring::SharedRing;
use crate::domain::Inner;
use crate::lock::Mutex;
use crate::registration::Registration;

/// Where a connection's data waits to be read.
pub(super) enum Inbox {
    Own(OwnRing),
    Shared(Mailbox),
}

/// Whether what is read is taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    Take,
    Peek,
}

/// A ring in which only the peer's domain writes. Its messages stay there until they are read.
pub(super) struct OwnRing {
    /// `None` once it was taken down.
    home: Mutex<Option<Arc<Registration>>>,
    reader: Mutex<Reader>,
}

struct Reader {
    consumer: Consumer,
    /// Payload of the first message that was read already.
    offset: u32,
    /// Messages taken out of the ring.
    taken: u64,
}

impl OwnRing {
    pub(super) fn new(home: Arc<Registration>) -> Self {
        let consumer = Consumer::new(home.len());
        let reader = Mutex::new(Reader { consumer, offset: 0, taken: 0 });
        Self { home: Mutex::new(Some(home)), reader }
    }

    /// Takes the ring down, as soon as nobody reads in it.
    pub(super) fn take_down(&self) {
        *self.home.lock() = None;
    }

    pub(super) fn home(&self) -> Option<Arc<Registration>> {
        self.home.lock().clone()
    }

    /// Copies what the first `judged` messages ever received still hold of data into `out`.
    ///
    /// Each of them was judged before; `connection` tells data from the rest once more.
    pub(super) fn read(
        &self,
        inner: &Inner,
        connection: &Connection,
        judged: u64,
        out: &mut [u8],
        reading: Reading,
    ) -> usize {
        let Some(home) = self.home() else { return 0 };
        let memory = home.memory();
        let mut reader = self.reader.lock();
        let mut filled = 0;
        while let Some((message, skip)) = reader.data(inner, &home, connection, judged) {
            let from = skip + reader.offset;
            let copied = message.copy_from(&memory, from, &mut out[filled..]);
            filled += copied;
            if reading == Reading::Peek {
                break;
            }
            if from + copied as u32 == message.payload_len() {
                reader.take(inner, &home, message);
            } else {
                reader.offset += copied as u32;
            }
            if filled == out.len() {
                break;
            }
        }
        filled
    }

    /// The next message with data, whole. For connections that keep boundaries.
    pub(super) fn read_message(
        &self,
        inner: &Inner,
        connection: &Connection,
        judged: u64,
    ) -> Option<Bytes> {
        let home = self.home()?;
        let mut reader = self.reader.lock();
        let (message, skip) = reader.data(inner, &home, connection, judged)?;
        let mut bytes = BytesMut::zeroed((message.payload_len() - skip) as usize);
        message.copy_from(&home.memory(), skip, &mut bytes);
        reader.take(inner, &home, message);
        Some(bytes.freeze())
    }

    /// Throws the first `judged` messages away.
    pub(super) fn discard(&self, inner: &Inner, connection: &Connection, judged: u64) {
        let Some(home) = self.home() else { return };
        let mut reader = self.reader.lock();
        while let Some((message, _)) = reader.data(inner, &home, connection, judged) {
            reader.take(inner, &home, message);
        }
    }

    /// Whether there is data in the first `judged` messages.
    pub(super) fn has_data(&self, inner: &Inner, connection: &Connection, judged: u64) -> bool {
        let Some(home) = self.home() else { return false };
        self.reader.lock().data(inner, &home, connection, judged).is_some()
    }
}

impl Reader {
    /// The first message with data, and how many bytes precede that. Those without go.
    fn data(
        &mut self,
        inner: &Inner,
        home: &Registration,
        connection: &Connection,
        judged: u64,
    ) -> Option<(Message, u32)> {
        let memory = home.memory();
        while self.taken < judged {
            // A ring that broke Argo's rules was noticed when it was judged.
            let message = self.consumer.peek(&memory).ok().flatten()?;
            let arriving = Arriving::read(&message, &memory);
            let skip = arriving.as_ref().and_then(|it| connection.payload(&it.arrival()));
            // A message of boundaries may be empty, unless it is the end alone; of a stream that
            // says nothing.
            let wanted = |skip: &u32| match connection.kind() {
                _ if *skip < message.payload_len() => true,
                argo_stream::Kind::Stream => false,
                argo_stream::Kind::Seqpacket => arriving.as_ref().is_some_and(|it| !it.is_end()),
            };
            match skip.filter(wanted) {
                Some(skip) => return Some((message, skip)),
                None => self.take(inner, home, message),
            }
        }
        None
    }

    fn take(&mut self, inner: &Inner, home: &Registration, message: Message) {
        // The reader is locked: a dispatch takes the answer. One alone sends to this ring.
        let _ = inner.made_room(|| self.consumer.consume(&home.memory(), message));
        self.offset = 0;
        self.taken += 1;
    }
}

/// A bounded queue of what came for one connection through a ring that others share.
pub(super) struct Mailbox {
    pub(super) ring: Arc<SharedRing>,
    queue: Mutex<Queue>,
    limit: usize,
}

#[derive(Default)]
struct Queue {
    parts: VecDeque<Bytes>,
    bytes: usize,
}

/// The queue is full: the ring waits until it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

/// What a queued message counts beside its bytes, so that empty and small ones are bounded, too.
const MESSAGE_COST: usize = 64;

impl Mailbox {
    pub(super) fn new(ring: Arc<SharedRing>, limit: usize) -> Self {
        Self { ring, queue: Mutex::default(), limit }
    }

    /// Queues the payload of a message behind `skip` bytes of head. One message always fits an
    /// empty queue.
    pub(super) fn put(&self, message: &Message, memory: &View<'_>, skip: u32) -> Result<(), Full> {
        let len = message.payload_len().saturating_sub(skip) as usize;
        let mut queue = self.queue.lock();
        let cost = len + MESSAGE_COST;
        if !queue.parts.is_empty() && queue.bytes + cost > self.limit {
            return Err(Full);
        }
        self.ring.hold(cost)?;
        let mut bytes = BytesMut::zeroed(len);
        message.copy_from(memory, skip, &mut bytes);
        queue.bytes += cost;
        queue.parts.push_back(bytes.freeze());
        Ok(())
    }

    pub(super) fn read(&self, out: &mut [u8], reading: Reading) -> usize {
        let mut queue = self.queue.lock();
        let mut filled = 0;
        if reading == Reading::Peek {
            let first = queue.parts.front().map_or(&[][..], |first| first);
            filled = first.len().min(out.len());
            out[..filled].copy_from_slice(&first[..filled]);
            return filled;
        }
        let before = queue.bytes;
        while filled < out.len() {
            let Some(first) = queue.parts.front_mut() else { break };
            let part = first.len().min(out.len() - filled);
            first.copy_to_slice(&mut out[filled..filled + part]);
            filled += part;
            queue.bytes -= part;
            if queue.parts.front().is_some_and(Bytes::is_empty) {
                queue.bytes -= MESSAGE_COST;
                queue.parts.pop_front();
            }
        }
        let freed = before - queue.bytes;
        drop(queue);
        self.ring.let_go(freed);
        filled
    }

    pub(super) fn read_message(&self) -> Option<Bytes> {
        let mut queue = self.queue.lock();
        let first = queue.parts.pop_front()?;
        let freed = first.len() + MESSAGE_COST;
        queue.bytes -= freed;
        drop(queue);
        self.ring.let_go(freed);
        Some(first)
    }

    pub(super) fn has_data(&self) -> bool {
        !self.queue.lock().parts.is_empty()
    }

    /// Throws away what is queued.
    pub(super) fn clear(&self) {
        let queue = core::mem::take(&mut *self.queue.lock());
        self.ring.let_go(queue.bytes);
        // The ring may wait for the room of a sibling, and now need not.
        self.ring.go_on();
    }
}
