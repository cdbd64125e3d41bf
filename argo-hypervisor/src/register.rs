//! Rings come and go by the wish of their owner.

use alloc::sync::Arc;

use argo_core::claim::RingLen;
use argo_core::policy::Query;
use argo_core::{Errno, Gfn, Partner, RingName};

use crate::config::WildcardRings;
use crate::domain::{Caller, Domain};
use crate::enforce::may_be_reached;
use crate::engine::Engine;
use crate::memory::{Fault, GuestMemory};
use crate::policy::Judge;
use crate::system::System;

/// A ring to register for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegisterRequest {
    /// Its name.
    pub name: RingName,
    /// Its length.
    pub len: RingLen,
    /// What if it is registered already.
    pub existing: Existing,
}

/// What becomes of a ring that is registered already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It moves to the new pages, with the indexes found there; who waits goes on waiting.
    Replace,
    /// It stays, and the registration fails.
    Fail,
}

impl<S: System> Engine<S> {
    /// Registers a ring in these pages of the caller's memory, or moves it there. On an error
    /// nothing has changed.
    ///
    /// # Errors
    /// In this order: `EINVAL` (the number of pages is not [`RingLen::pages`]); `EPERM` (wildcard
    /// rings are refused in this system); `ESRCH` (no such partner); the policy's; `ENODEV`;
    /// `ECONNREFUSED` (the partner has no Argo state); `EEXIST` (the ring exists, and must not or
    /// has another length); `ENOSPC` (a quota); the first problem with a page: its own error,
    /// `EINVAL` (not a RAM page) or `ENOMEM`.
    pub fn register_ring(
        &self,
        caller: &Caller<S>,
        request: &RegisterRequest,
        pages: impl ExactSizeIterator<Item = Result<Gfn, Fault>>,
    ) -> Result<(), Errno> {
        self.call(caller, |judge| self.register(judge, caller, request, pages))
    }

    /// Unregisters a ring of the caller. Who waits for it is forgotten (and told by
    /// [`Events::wait_lost`](crate::Events::wait_lost)); its exact partner is told by
    /// [`Events::peer_gone`](crate::Events::peer_gone).
    ///
    /// # Errors
    /// `ENODEV`, `ENOENT`.
    pub fn unregister_ring(&self, caller: &Caller<S>, name: RingName) -> Result<(), Errno> {
        self.call(caller, |_| self.unregister(caller, name))
    }

    pub(crate) fn register(
        &self,
        judge: &impl Judge,
        caller: &Caller<S>,
        request: &RegisterRequest,
        pages: impl ExactSizeIterator<Item = Result<Gfn, Fault>>,
    ) -> Result<(), Errno> {
        if pages.len() != request.len.pages() as usize {
            return Err(Errno::EINVAL);
        }
        let partner = self.approve(judge, caller, request.name.partner)?;
        let reached = may_be_reached(judge, caller.domain.id(), request.name);
        self.install(caller, request, partner.as_deref(), pages, reached)
    }

    pub(crate) fn unregister(&self, caller: &Caller<S>, name: RingName) -> Result<(), Errno> {
        let removed = {
            let mut gate = caller.domain.enter()?;
            caller.domain.rings_mut(&mut gate).remove(name)
        };
        let ring = removed.ok_or(Errno::ENOENT)?;
        self.drop_rings(&mut [Some(ring)], None);
        Ok(())
    }

    /// May the caller have a ring for this partner? Gives the partner that is named.
    fn approve(
        &self,
        judge: &impl Judge,
        caller: &Caller<S>,
        partner: Partner,
    ) -> Result<Option<Arc<Domain<S>>>, Errno> {
        let domain = caller.domain.id();
        match partner {
            Partner::Any if self.config.wildcard_rings == WildcardRings::Refused => {
                Err(Errno::EPERM)
            }
            Partner::Any => {
                self.ask(judge, &caller.domain, Query::RegisterAnySource { domain })?;
                Ok(None)
            }
            Partner::Domain(partner) => {
                let found = self.registry.find(domain, partner).ok_or(Errno::ESRCH)?;
                self.ask(judge, &caller.domain, Query::RegisterSingleSource { domain, partner })?;
                Ok(Some(found))
            }
        }
    }

    /// Checks, maps, checks again, and only then changes anything.
    fn install(
        &self,
        caller: &Caller<S>,
        request: &RegisterRequest,
        partner: Option<&Domain<S>>,
        pages: impl ExactSizeIterator<Item = Result<Gfn, Fault>>,
        reached: bool,
    ) -> Result<(), Errno> {
        let owner = &caller.domain;
        // Declared before the gate, and so let go after all locks: see `drop_rings`.
        let mut memory;
        let mut gate = owner.enter()?;
        partner.map_or(Ok(()), Domain::listens)?;
        owner.rings(&mut gate).admit(request, owner.quotas())?;
        // Up to 4096 pages: senders to the domain's other rings need not wait for that.
        memory = Some(caller.memory.map_ring(pages, request.len)?);
        let mut table = owner.rings_mut(&mut gate);
        // Meanwhile another thread of the domain may have registered, or the partner gone. The
        // partner's teardown clears `active` before it locks this table: if it is set here, the
        // teardown comes later and finds the ring.
        partner.map_or(Ok(()), Domain::listens)?;
        table.admit(request, owner.quotas())?;
        table.put(request, owner.quotas(), reached, &mut memory)
    }
}
