//! A domain: its gate (L1), and the way through it to ring tables (L2).

use alloc::sync::Arc;
use core::sync::atomic::Ordering;

use argo_core::{DomainId, Errno, Port};
use crossbeam_utils::CachePadded;

use crate::config::{Tables, Waking};
use crate::counters::Counters;
use crate::quotas::Quotas;
use crate::sync::AtomicBool;
use crate::system::{ReadGuard, RwLock, System, WriteGuard};
use crate::table::RingTable;

/// A domain as the engine knows it, from its creation to its destruction and (empty) beyond.
pub struct Domain<S: System> {
    id: DomainId,
    quotas: Quotas,
    /// L1. Read by the domain's own calls to their end, written when it comes and goes.
    gate: CachePadded<RwLock<S, Life>>,
    /// Whether it has Argo state, for others: follows the gate's `Life`.
    active: AtomicBool,
    /// L2.
    rings: CachePadded<RwLock<S, RingTable<S>>>,
    pub(crate) counters: CachePadded<Counters>,
}

/// Who makes a call: a domain, and the memory that its addresses mean.
pub struct Caller<S: System> {
    /// The domain.
    pub domain: Arc<Domain<S>>,
    /// Its memory, of this session.
    pub memory: S::Memory,
}

/// Whether somebody runs in a domain when it is created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Somebody does, as in a hypervisor: it has Argo state at once.
    Active,
    /// Nobody does until [`Engine::activate`](crate::Engine::activate).
    Dormant,
}

/// Where a domain is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// It never has Argo state: that was off or denied when it was created.
    Denied,
    /// It has none now: nobody runs in it.
    Dormant,
    /// It has Argo state.
    Active,
    /// It was destroyed.
    Destroyed,
}

/// Who opens ring tables: one at a time, since opening one borrows it mutably.
pub(crate) trait Gate {}

/// The caller's gate, held open: its domain is active and stays so.
pub(crate) struct Entered<'d, S: System> {
    _life: ReadGuard<'d, S, Life>,
}

/// A domain's gate, held shut: none of its calls is under way.
pub(crate) struct Shut<'d, S: System> {
    domain: &'d Domain<S>,
    life: WriteGuard<'d, S, Life>,
}

/// Who looks on from outside holds no gate, and no lock at all when it is made: that no type checks.
pub(crate) struct Onlooker;

impl<S: System> Gate for Entered<'_, S> {}
impl<S: System> Gate for Shut<'_, S> {}
impl Gate for Onlooker {}

impl<S: System> Domain<S> {
    pub(crate) fn new(
        id: DomainId,
        quotas: Quotas,
        life: Life,
        tables: Tables,
        waking: Waking,
    ) -> Self {
        let rings = RingTable::new(tables, waking, &quotas);
        Self {
            id,
            quotas,
            gate: CachePadded::new(RwLock::<S, _>::new(life)),
            active: AtomicBool::new(life == Life::Active),
            rings: CachePadded::new(RwLock::<S, _>::new(rings)),
            counters: CachePadded::default(),
        }
    }

    /// Its id.
    #[inline]
    pub fn id(&self) -> DomainId {
        self.id
    }

    /// Its limits.
    pub fn quotas(&self) -> &Quotas {
        &self.quotas
    }

    /// Whether it has Argo state now. May be over the next moment.
    ///
    /// A teardown clears it before it locks any ring table; who finds it set under a table's lock
    /// comes before the teardown there.
    #[inline]
    pub fn is_active(&self) -> bool {
        self.active.load(Ordering::Acquire)
    }

    /// L1: the beginning of every call of the domain.
    ///
    /// # Errors
    /// [`Errno::ENODEV`]: it has no Argo state.
    #[inline]
    pub(crate) fn enter(&self) -> Result<Entered<'_, S>, Errno> {
        let life = self.gate.read();
        if *life == Life::Active { Ok(Entered { _life: life }) } else { Err(Errno::ENODEV) }
    }

    /// L1: waits for the end of the domain's calls and lets no other begin.
    pub(crate) fn shut(&self) -> Shut<'_, S> {
        Shut { domain: self, life: self.gate.write() }
    }

    /// Whether a receiver or partner is there.
    ///
    /// # Errors
    /// [`Errno::ECONNREFUSED`]: it has no Argo state.
    #[inline]
    pub(crate) fn listens(&self) -> Result<(), Errno> {
        if self.is_active() { Ok(()) } else { Err(Errno::ECONNREFUSED) }
    }

    /// Whether the domain owns a ring on this port, for whomever.
    pub(crate) fn owns_port(&self, port: Port) -> bool {
        let mut outside = Onlooker;
        self.rings(&mut outside).has_port(port)
    }

    /// L2, to find rings.
    #[inline]
    pub(crate) fn rings<'a>(&'a self, _gate: &'a mut impl Gate) -> ReadGuard<'a, S, RingTable<S>> {
        self.rings.read()
    }

    /// L2, to change which rings there are.
    pub(crate) fn rings_mut<'a>(
        &'a self,
        _gate: &'a mut impl Gate,
    ) -> WriteGuard<'a, S, RingTable<S>> {
        self.rings.write()
    }
}

impl<S: System> Shut<'_, S> {
    pub fn life(&self) -> Life {
        *self.life
    }

    /// Changes the domain's life, and what others see of it.
    pub fn turn(&mut self, life: Life) {
        *self.life = life;
        self.show(life == Life::Active);
    }

    /// Lets others see the domain with Argo state or without, for the time of a teardown.
    pub fn show(&mut self, active: bool) {
        self.domain.active.store(active, Ordering::Release);
    }
}

impl<S: System> Caller<S> {
    /// A domain and the memory of one of its sessions.
    pub fn new(domain: Arc<Domain<S>>, memory: S::Memory) -> Self {
        Self { domain, memory }
    }
}
