//! A ring of ours: registered with the hypervisor, read by one reader at a time.

use alloc::sync::{Arc, Weak};

use argo_core::abi::RING_HEADER;
use argo_core::claim::RingLen;
use argo_core::ring::{Consumer, Corrupt, Message, RingMem};
use argo_mem::View;
use event_listener::{Event, EventListener};

use crate::datagram::BindError;
use crate::domain::{Attend, Cut, IfCut, Rest};
use crate::lock::{Mutex, OnceLock};
use crate::registration::Registration;

/// A registered ring. The memory belongs to its socket.
pub(crate) struct Ring {
    home: Weak<Registration>,
    offset: usize,
    len: RingLen,
    /// Taken out by whoever reads a message, until it has done with it.
    consumer: Mutex<Option<Consumer>>,
    readable: Event,
    /// The hypervisor took it away, and refuses to have it again.
    gone: OnceLock<BindError>,
}

impl Ring {
    /// The ring that was just registered.
    pub(crate) fn new(registration: &Arc<Registration>) -> Self {
        let (offset, len) = (registration.offset(), registration.len());
        let consumer = Mutex::new(Some(Consumer::new(len)));
        let home = Arc::downgrade(registration);
        Self { home, offset, len, consumer, readable: Event::new(), gone: OnceLock::new() }
    }

    pub(crate) fn len(&self) -> RingLen {
        self.len
    }

    /// Why nothing more will come, if the hypervisor took it away.
    pub(crate) fn gone(&self) -> Option<BindError> {
        self.gone.get().copied()
    }

    /// The ring's memory.
    pub(crate) fn memory<'m>(&self, ram: View<'m>) -> View<'m> {
        let bytes = RING_HEADER as usize + self.len.bytes() as usize;
        // The block was cut out of this RAM.
        ram.part(self.offset, bytes).unwrap_or(ram)
    }

    /// Takes the first message for reading. `None`: there is none, or another reader has it; then
    /// [`listen`](Self::listen), and try once more.
    pub(crate) fn take(&self, ram: View<'_>) -> Result<Option<(Consumer, Message)>, Corrupt> {
        let mut place = self.consumer.lock();
        let Some(consumer) = place.take() else { return Ok(None) };
        match consumer.peek(&self.memory(ram)) {
            Ok(Some(message)) => Ok(Some((consumer, message))),
            other => {
                *place = Some(consumer);
                other.map(|_| None)
            }
        }
    }

    /// Gives the reader's place back, and wakes the next reader if there is more.
    pub(crate) fn put_back(&self, consumer: Consumer, ram: View<'_>) {
        *self.consumer.lock() = Some(consumer);
        self.wake_if_filled(ram);
    }

    pub(crate) fn listen(&self) -> EventListener {
        self.readable.listen()
    }

    pub(crate) fn readable(&self) -> &Event {
        &self.readable
    }

    /// Wakes a reader if there is something to read. It wakes the next when it has done.
    fn wake_if_filled(&self, ram: View<'_>) {
        let memory = self.memory(ram);
        if memory.load_rx() != memory.load_tx() {
            self.readable.notify(usize::MAX);
        }
    }
}

impl Attend for Ring {
    fn attend(&self) -> Rest {
        // All of them: one may be a poll that nobody follows up.
        self.readable.notify(usize::MAX);
        Rest::Nothing
    }

    fn end(&self) {
        self.readable.notify(usize::MAX);
    }

    fn home(&self) -> Option<Arc<Registration>> {
        self.home.upgrade().filter(|home| !home.is_gone())
    }

    fn if_cut(&self) -> IfCut {
        IfCut::Renewed
    }

    fn cut(&self, cut: Cut) {
        if let Cut::Gone(cause) = cut {
            self.gone.get_or_init(|| cause);
            self.readable.notify(usize::MAX);
        }
    }
}
