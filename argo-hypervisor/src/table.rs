//! The rings of one domain (what L2 guards).

use core::mem;

use argo_core::claim::{PayloadLen, RingLen};
use argo_core::{DomainId, Errno, Partner, Port, RingName};

use crate::config::{Tables, Waking};
use crate::fallible;
use crate::lists::List;
use crate::names::Names;
use crate::quotas::Quotas;
use crate::register::{Existing, RegisterRequest};
use crate::reserves::Reserves;
use crate::ring::{Ring, RingState};
use crate::system::{RingOf, System};
use crate::waited::{Before, Waited};
use crate::waiters::{Wait, Waiters};

/// Rings by name. Each keeps its slot as long as it is registered, so that a walk which lets go of
/// the lock can go on where it was.
pub(crate) struct RingTable<S: System> {
    names: Names,
    slots: List<Option<Ring<S>>>,
    /// In which of them somebody waits.
    waited: Waited,
    /// How many there are.
    count: usize,
    /// Sum of the rings' lengths.
    bytes: u64,
    waking: Waking,
    /// What the lists of a table are taken from that has all memory from the beginning.
    reserves: Option<Reserves<S>>,
}

/// A ring, as who looks for room in it finds it.
pub(crate) struct Found<'t, S: System> {
    pub ring: &'t Ring<S>,
    slot: usize,
    waited: &'t Waited,
    before: Before,
}

impl<S: System> Found<'_, S> {
    /// Lets a domain wait for room in the ring, whose lock is held since it was found full.
    pub fn wait(&self, state: &mut RingState<S>, domain: DomainId, payload: PayloadLen) -> Wait {
        let wait = state.waiters.wait(domain, payload);
        let new = matches!(wait, Wait::New | Wait::Behind);
        if new && self.waited.enter(self.slot, self.before) {
            state.waiters.cancel(domain);
            return Wait::Over;
        }
        if new {
            state.waiters.asks();
        }
        wait
    }
}

impl<S: System> RingTable<S> {
    /// A table without rings.
    pub fn new(tables: Tables, waking: Waking, quotas: &Quotas) -> Self {
        if tables == Tables::Growing {
            return Self::growing(waking);
        }
        let reserves = Reserves::new(quotas);
        Self {
            names: Names::with_room(quotas.rings as usize),
            slots: reserves.slots.take().unwrap_or_default(),
            waited: Waited::with_room(quotas.rings as usize),
            count: 0,
            bytes: 0,
            waking,
            reserves: Some(reserves),
        }
    }

    fn growing(waking: Waking) -> Self {
        Self {
            names: Names::default(),
            slots: List::default(),
            waited: Waited::default(),
            count: 0,
            bytes: 0,
            waking,
            reserves: None,
        }
    }

    /// The ring that this sender reaches at this port: its own, else the wildcard one.
    #[inline]
    pub fn find_for(&self, sender: DomainId, port: Port) -> Option<Found<'_, S>> {
        let slot = self.names.find_for(sender, port)?;
        let ring = self.slots.get(slot)?.as_ref()?;
        Some(Found { ring, slot, waited: &self.waited, before: self.waited.before() })
    }

    fn find(&self, name: RingName) -> Option<&Ring<S>> {
        self.slots.get(self.names.find(name)?)?.as_ref()
    }

    /// Whether there is a ring on this port.
    pub fn has_port(&self, port: Port) -> bool {
        self.names.has_port(port)
    }

    /// The ports that have rings, each once.
    pub fn ports(&self) -> impl Iterator<Item = Port> + Clone {
        self.names.ports()
    }

    pub fn find_mut(&mut self, name: RingName) -> Option<&mut Ring<S>> {
        self.slots.get_mut(self.names.find(name)?)?.as_mut()
    }

    /// Whether a registration is possible. A re-registration uses up nothing.
    ///
    /// # Errors
    /// [`Errno::EEXIST`]: the ring exists, and must not or has another length;
    /// [`Errno::ENOSPC`]: one ring, or its bytes, would be too much.
    pub fn admit(&self, request: &RegisterRequest, quotas: &Quotas) -> Result<(), Errno> {
        if let Some(ring) = self.find(request.name) {
            let same = request.existing == Existing::Replace && ring.len() == request.len;
            return if same { Ok(()) } else { Err(Errno::EEXIST) };
        }
        let bytes = self.bytes.saturating_add(request.len.bytes().into());
        if self.count >= quotas.rings as usize || bytes > quotas.ring_bytes {
            return Err(Errno::ENOSPC);
        }
        Ok(())
    }

    /// Gives memory to a ring that was [admitted](Self::admit): to a new one, or to the one with
    /// that name, which moves there. Then `memory` holds what nobody needs, to be dropped with no
    /// lock held: what the ring had, or the new memory on an error, on which nothing has changed.
    ///
    /// # Errors
    /// [`Errno::ENOMEM`]
    pub fn put(
        &mut self,
        request: &RegisterRequest,
        quotas: &Quotas,
        reached: bool,
        memory: &mut Option<RingOf<S>>,
    ) -> Result<(), Errno> {
        let &RegisterRequest { name, len, .. } = request;
        if let Some(ring) = self.find_mut(name) {
            *memory = memory.take().map(|memory| ring.replace(memory, reached));
            return Ok(());
        }
        let waiters = self.waiters(name.partner, len, quotas.waiters)?;
        let slot = self.free_slot()?;
        self.names.enter(name, slot)?;
        self.count = self.count.saturating_add(1);
        self.bytes = self.bytes.saturating_add(len.bytes().into());
        if let Some(place) = self.slots.get_mut(slot) {
            *place = memory.take().map(|memory| Ring::new(name, len, memory, waiters, reached));
        }
        Ok(())
    }

    fn waiters(&self, partner: Partner, len: RingLen, quota: u32) -> Result<Waiters, Errno> {
        let limit = Waiters::limit(partner, quota);
        let list = match &self.reserves {
            None => List::with_room(limit),
            Some(reserves) => reserves.waiters.take(),
        };
        list.map(|list| Waiters::new(list, limit, self.waking, len)).ok_or(Errno::ENOMEM)
    }

    fn free_slot(&mut self) -> Result<usize, Errno> {
        let free = self.slots.iter().position(Option::is_none);
        let slot = free.unwrap_or(self.slots.len());
        if free.is_none() {
            fallible::push(&mut self.slots, None)?;
        }
        self.waited.cover(slot)?;
        Ok(slot)
    }

    /// Takes a ring out.
    pub fn remove(&mut self, name: RingName) -> Option<Ring<S>> {
        let slot = self.names.leave(name)?;
        let ring = self.slots.get_mut(slot)?.take()?;
        self.waited.clear(slot);
        let bytes = ring.len().bytes().into();
        debug_assert!(self.bytes >= bytes, "{} bytes, and a ring of {bytes}", self.bytes);
        self.bytes = self.bytes.saturating_sub(bytes);
        self.count = self.count.saturating_sub(1);
        Some(ring)
    }

    /// Takes out the rings that `which` picks, one with each step.
    pub fn remove_if(
        &mut self,
        mut which: impl FnMut(&mut Ring<S>) -> bool,
    ) -> impl Iterator<Item = Ring<S>> {
        (0..self.slots.len()).filter_map(move |slot| {
            let ring = self.slots.get_mut(slot)?.as_mut()?;
            let name = ring.name();
            if which(ring) { self.remove(name) } else { None }
        })
    }

    /// Takes out all rings, with the places between them. Allocates nothing.
    pub fn take_all(&mut self) -> List<Option<Ring<S>>> {
        let Some(reserves) = &self.reserves else {
            let waking = self.waking;
            return mem::replace(self, Self::growing(waking)).slots;
        };
        self.names.clear();
        self.waited.clear_all();
        (self.count, self.bytes) = (0, 0);
        mem::replace(&mut self.slots, reserves.slots.take().unwrap_or_default())
    }

    /// A list for the domains that a teardown has to tell.
    pub fn owners(&self) -> List<DomainId> {
        let reserved = self.reserves.as_ref().and_then(|reserves| reserves.owners.take());
        reserved.unwrap_or_default()
    }

    /// Begins to look for rings in which somebody waits; see [`Self::next_waited`].
    pub fn search_waited(&self) {
        self.waited.search();
    }

    /// The next ring from a slot on in which somebody may wait, with its slot.
    pub fn next_waited(&self, from: usize) -> Option<(usize, &Ring<S>)> {
        let slot = self.waited.next(from)?;
        Some((slot, self.slots.get(slot)?.as_ref()?))
    }

    /// Nobody waits any more in the ring at a slot, whose lock is held.
    pub fn clear_waited(&self, slot: usize) {
        self.waited.clear(slot);
    }

    /// The rings from a slot on, each with its slot.
    pub fn iter_from(&self, slot: usize) -> impl Iterator<Item = (usize, &Ring<S>)> {
        let rings = self.slots.iter().enumerate().skip(slot);
        rings.filter_map(|(slot, ring)| Some((slot, ring.as_ref()?)))
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Ring<S>> {
        self.slots.iter_mut().flatten()
    }
}
