//! The rings of one domain (what L2 guards).

use core::mem;

use argo_core::{DomainId, Errno, Partner, Port, RingName};
use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::config::Tables;
use crate::fallible;
use crate::lists::{List, Reserve};
use crate::quotas::Quotas;
use crate::register::{Existing, RegisterRequest};
use crate::ring::Ring;
use crate::system::{RingOf, System};
use crate::waiters::{Waiter, Waiters};

/// Rings by name. Each keeps its slot as long as it is registered, so that a walk which lets go of
/// the lock can go on where it was.
pub(crate) struct RingTable<S: System> {
    index: HashMap<RingName, usize, RandomState>,
    slots: List<Option<Ring<S>>>,
    /// How many of them are on each port.
    ports: HashMap<Port, u32, RandomState>,
    /// Sum of the rings' lengths.
    bytes: u64,
    /// What the lists of a table are taken from that has all memory from the beginning.
    reserves: Option<Reserves<S>>,
}

struct Reserves<S: System> {
    waiters: Reserve<Waiter>,
    /// For a table that was [taken](RingTable::take_all).
    slots: Reserve<Option<Ring<S>>>,
    owners: Reserve<DomainId>,
}

/// Teardowns of one domain at once that find a reserve: a host lets its last session go while an
/// administrator resets it.
const TEARDOWNS: usize = 2;

impl<S: System> Reserves<S> {
    fn new(quotas: &Quotas) -> Self {
        let rings = quotas.rings as usize;
        Self {
            waiters: Reserve::new(rings.saturating_mul(2), quotas.waiters as usize),
            // A teardown puts those that others have for the domain beside its own.
            slots: Reserve::new(TEARDOWNS.saturating_add(1), rings.saturating_mul(2)),
            owners: Reserve::new(TEARDOWNS, rings),
        }
    }
}

impl<S: System> RingTable<S> {
    /// A table without rings.
    pub fn new(tables: Tables, quotas: &Quotas) -> Self {
        if tables == Tables::Growing {
            return Self::default();
        }
        let reserves = Reserves::new(quotas);
        // A map that is at most half full makes place for a new entry by tidying up, not by growing.
        let room = (quotas.rings as usize).saturating_mul(2);
        Self {
            index: HashMap::with_capacity_and_hasher(room, RandomState::default()),
            slots: reserves.slots.take().unwrap_or_default(),
            ports: HashMap::with_capacity_and_hasher(room, RandomState::default()),
            bytes: 0,
            reserves: Some(reserves),
        }
    }

    /// The ring that this sender reaches at this port: its own, else the wildcard one.
    #[inline]
    pub fn find_for(&self, sender: DomainId, port: Port) -> Option<&Ring<S>> {
        self.find(RingName { port, partner: Partner::Domain(sender) })
            .or_else(|| self.find(RingName { port, partner: Partner::Any }))
    }

    #[inline]
    fn find(&self, name: RingName) -> Option<&Ring<S>> {
        self.slots.get(*self.index.get(&name)?)?.as_ref()
    }

    /// Whether there is a ring on this port.
    pub fn has_port(&self, port: Port) -> bool {
        self.ports.contains_key(&port)
    }

    /// The ports that have rings, each once.
    pub fn ports(&self) -> impl Iterator<Item = Port> + Clone {
        self.ports.keys().copied()
    }

    pub fn find_mut(&mut self, name: RingName) -> Option<&mut Ring<S>> {
        self.slots.get_mut(*self.index.get(&name)?)?.as_mut()
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
        if self.index.len() >= quotas.rings as usize || bytes > quotas.ring_bytes {
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
        let waiters = self.waiters(name.partner, quotas.waiters)?;
        let slot = self.enter(name)?;
        self.bytes = self.bytes.saturating_add(len.bytes().into());
        if let Some(place) = self.slots.get_mut(slot) {
            *place = memory.take().map(|memory| Ring::new(name, len, memory, waiters, reached));
        }
        Ok(())
    }

    fn waiters(&self, partner: Partner, quota: u32) -> Result<Waiters, Errno> {
        let limit = Waiters::limit(partner, quota);
        let list = match &self.reserves {
            None => List::with_room(limit),
            Some(reserves) => reserves.waiters.take(),
        };
        list.map(|list| Waiters::new(list, limit)).ok_or(Errno::ENOMEM)
    }

    /// Enters a name that is not in use. Gives the slot for its ring.
    fn enter(&mut self, name: RingName) -> Result<usize, Errno> {
        let slot = self.free_slot()?;
        self.enter_port(name.port)?;
        let entered = fallible::insert(&mut self.index, name, slot);
        entered.inspect_err(|_| self.leave_port(name.port)).map(|()| slot)
    }

    fn free_slot(&mut self) -> Result<usize, Errno> {
        let free = self.slots.iter().position(Option::is_none);
        let slot = free.unwrap_or(self.slots.len());
        if free.is_none() {
            fallible::push(&mut self.slots, None)?;
        }
        Ok(slot)
    }

    fn enter_port(&mut self, port: Port) -> Result<(), Errno> {
        if let Some(count) = self.ports.get_mut(&port) {
            *count = count.saturating_add(1);
            return Ok(());
        }
        fallible::insert(&mut self.ports, port, 1)
    }

    /// Takes a ring out.
    pub fn remove(&mut self, name: RingName) -> Option<Ring<S>> {
        let ring = self.slots.get_mut(self.index.remove(&name)?)?.take()?;
        let bytes = ring.len().bytes().into();
        debug_assert!(self.bytes >= bytes, "{} bytes, and a ring of {bytes}", self.bytes);
        self.bytes = self.bytes.saturating_sub(bytes);
        self.leave_port(name.port);
        Some(ring)
    }

    fn leave_port(&mut self, port: Port) {
        let left = self.ports.get_mut(&port).map(|count| {
            debug_assert!(*count > 0, "a port without rings is entered");
            *count = count.saturating_sub(1);
            *count
        });
        debug_assert!(left.is_some(), "a ring was on a port that is not entered");
        if left == Some(0) {
            self.ports.remove(&port);
        }
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
        let Some(reserves) = &self.reserves else { return mem::take(self).slots };
        self.index.clear();
        self.ports.clear();
        self.bytes = 0;
        mem::replace(&mut self.slots, reserves.slots.take().unwrap_or_default())
    }

    /// A list for the domains that a teardown has to tell.
    pub fn owners(&self) -> List<DomainId> {
        let reserved = self.reserves.as_ref().and_then(|reserves| reserves.owners.take());
        reserved.unwrap_or_default()
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

impl<S: System> Default for RingTable<S> {
    fn default() -> Self {
        Self {
            index: HashMap::default(),
            slots: List::default(),
            ports: HashMap::default(),
            bytes: 0,
            reserves: None,
        }
    }
}
