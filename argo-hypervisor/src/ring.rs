//! A registered ring (what L3 guards): messages go in, waiters come and go.

use core::mem;

use argo_core::abi::{Addr, Iov, MessageHeader, SLOT};
use argo_core::claim::{PayloadLen, RingLen};
use argo_core::policy::Rings;
use argo_core::ring::{NoRoom, Producer, Reservation};
use argo_core::{DomainId, Errno, Partner, RingName};

use crate::domain::Caller;
use crate::memory::GuestMemory;
use crate::observer::{Copied, Observer};
use crate::send::SendRequest;
use crate::system::{Mutex, MutexGuard, RingOf, System};
use crate::waiters::Waiters;

pub(crate) struct Ring<S: System> {
    name: RingName,
    len: RingLen,
    /// L3.
    state: Mutex<S, RingState<S>>,
}

pub(crate) struct RingState<S: System> {
    pub memory: RingOf<S>,
    pub producer: Producer,
    pub waiters: Waiters,
    /// Messages delivered since the ring was first registered.
    pub messages: u64,
    /// Bytes of payload in them.
    pub bytes: u64,
    /// Whether its partner could send to it, by the policy when it was registered or by the last
    /// one that was [enforced](crate::Engine::enforce).
    pub reached: bool,
}

/// A message lies in the ring.
pub(crate) struct Delivered {
    /// Whether the owner is to be asked for a notify, because of others.
    pub others_wait: bool,
}

/// Why a message was not delivered.
pub(crate) enum Undelivered {
    /// It does not fit now.
    NoRoom,
    /// It cannot be.
    Refused(Errno),
}

impl<S: System> Ring<S> {
    /// A ring in this memory, with the messages in it if its indexes make sense.
    pub fn new(
        name: RingName,
        len: RingLen,
        memory: RingOf<S>,
        waiters: Waiters,
        reached: bool,
    ) -> Self {
        let producer = Producer::adopt(&memory, len);
        let state = RingState { memory, producer, waiters, messages: 0, bytes: 0, reached };
        Self { name, len, state: Mutex::<S, _>::new(state) }
    }

    pub fn name(&self) -> RingName {
        self.name
    }

    pub fn len(&self) -> RingLen {
        self.len
    }

    /// Whether it is one of these.
    #[inline]
    pub fn is_among(&self, rings: Rings) -> bool {
        rings == Rings::Any || self.name.partner != Partner::Any
    }

    /// L3. A ring is only found in an open table, so L2 is held.
    #[inline]
    pub fn lock(&self) -> MutexGuard<'_, S, RingState<S>> {
        self.state.lock()
    }

    /// The state, for who has the whole table to itself.
    pub fn state_mut(&mut self) -> &mut RingState<S> {
        self.state.get_mut()
    }

    /// Moves the ring to other memory, with the indexes found there; who waits goes on waiting.
    /// Gives back the old memory.
    pub fn replace(&mut self, memory: RingOf<S>, reached: bool) -> RingOf<S> {
        let len = self.len;
        let state = self.state_mut();
        state.reached = reached;
        state.producer = Producer::adopt(&memory, len);
        mem::replace(&mut state.memory, memory)
    }
}

impl<S: System> RingState<S> {
    /// Copies one message in and publishes it. Who waits in turn may use the room that is kept for it.
    #[inline]
    pub fn deliver(
        &mut self,
        from: &Caller<S>,
        request: &SendRequest<'_>,
        payload: PayloadLen,
        observer: &mut impl Observer,
    ) -> Result<Delivered, Undelivered> {
        let free = self.room_for(from.domain.id());
        let room = self.producer.reserve_in(free, payload).map_err(|why| match why {
            NoRoom::TooBig { .. } => Undelivered::Refused(Errno::EMSGSIZE),
            NoRoom::Full { .. } => Undelivered::NoRoom,
        })?;
        let header = MessageHeader {
            len: SLOT.saturating_add(payload.bytes()),
            source: Addr { aport: request.source.0, domain_id: from.domain.id().raw(), pad: 0 },
            message_type: request.message_type,
        };
        // First, as in Xen: in a ring that has a page twice, the payload may fall on it.
        room.write_header(&self.memory, &header);
        self.copy(&from.memory, request.iovs, &room)?;
        observer.copied(&Copied { ring: &self.memory, room: &room });
        self.producer.publish(&self.memory, room);
        self.messages = self.messages.wrapping_add(1);
        self.bytes = self.bytes.wrapping_add(payload.bytes().into());
        Ok(Delivered { others_wait: self.waiters.served(from.domain.id()) })
    }

    #[inline]
    fn copy(&self, from: &S::Memory, iovs: &[Iov], room: &Reservation) -> Result<(), Undelivered> {
        let mut offset = 0;
        for iov in iovs {
            let spans = room.payload(offset, iov.iov_len);
            let at = argo_core::GuestAddr(iov.iov_hnd);
            from.copy_to_ring(at, &self.memory, spans)
                .map_err(|fault| Undelivered::Refused(fault.into()))?;
            offset = offset.saturating_add(iov.iov_len);
        }
        Ok(())
    }

    /// Free bytes now, the slot that stays free included.
    #[inline]
    pub fn free(&self) -> u32 {
        self.producer.free(&self.memory)
    }

    /// Of those, what a domain may use.
    #[inline]
    pub fn room_for(&self, domain: DomainId) -> u32 {
        self.waiters.room_for(domain, self.free())
    }

    /// Hands out who now has room of those that wait. Whether somebody stays who would have some,
    /// were none kept for others.
    pub fn release(&mut self, each: impl FnMut(DomainId)) -> bool {
        let free = self.free();
        self.waiters.release(free, each)
    }
}
