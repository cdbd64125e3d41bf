//! What a host has to do when a share or a map is given up.

use alloc::vec::Vec;

use argo_core::DomainId;

use super::{Grants, ShareId};
use crate::ConnectionId;

/// What a host has to do when a share or a map was given up, in this order: clear the byte, send
/// the event, drop the rest.
#[must_use]
#[derive(Debug)]
pub struct Release<M, E> {
    /// The byte that becomes zero.
    pub clear: Option<Clear<M>>,
    /// The end over which an event is sent.
    pub event: Option<E>,
    /// Memory that nothing here refers to any more.
    pub memory: Vec<M>,
}

/// A byte that becomes zero.
#[derive(Clone, Debug)]
pub struct Clear<M> {
    /// The memory that it is in.
    pub memory: M,
    /// Where: within the share's pages.
    pub offset: u32,
}

impl<M: Clone, E: Clone> Grants<M, E> {
    /// Gives up maps first: a share that only its own domain has mapped goes at once, then.
    pub(super) fn end(
        &mut self,
        domain: DomainId,
        is_over: impl Fn(ConnectionId) -> bool,
    ) -> Vec<Release<M, E>> {
        let Some(of) = self.domains.get(&domain) else { return Vec::new() };
        let maps = of.maps.numbers(|map| is_over(map.connection));
        let shares = of.shares.numbers(|share| is_over(share.connection) && !share.is_revoked);
        let mut releases: Vec<_> = maps.into_iter().map(|map| self.drop_map(domain, map)).collect();
        releases.extend(shares.into_iter().map(|share| self.revoke(domain, share)));
        releases
    }

    /// Has the shares that an ended domain leaves, because others have them mapped, count for nobody.
    pub(super) fn orphan_shares(&mut self, owner: DomainId) {
        self.ends = self.ends.saturating_add(1);
        let Some(mut domain) = self.domains.remove(&owner) else { return };
        for number in domain.shares.numbers(|_| true) {
            let id = ShareId { owner, life: domain.life, number };
            self.orphans.extend(domain.shares.remove(number).map(|share| (id, share)));
        }
    }

    pub(super) fn revoke(&mut self, owner: DomainId, number: u32) -> Release<M, E> {
        let mut release = Release { clear: None, event: None, memory: Vec::new() };
        let Some(life) = self.domains.get(&owner).map(|domain| domain.life) else { return release };
        let id = ShareId { owner, life, number };
        if let Some(share) = self.share_mut(id) {
            share.is_revoked = true;
            let memory = &share.offer.memory;
            let clear = |offset| Clear { memory: memory.clone(), offset };
            release.clear = share.offer.notify.byte.map(clear);
            release.event = share.offer.notify.event.take();
        }
        release.memory.extend(self.forget_unused(id));
        release
    }

    pub(super) fn drop_map(&mut self, domain: DomainId, number: u32) -> Release<M, E> {
        let mut release = Release { clear: None, event: None, memory: Vec::new() };
        let map = self.domains.get_mut(&domain).and_then(|domain| domain.maps.remove(number));
        let Some(map) = map else { return release };
        for id in map.shares {
            if let Some(share) = self.share_mut(id) {
                share.maps = share.maps.saturating_sub(1);
            }
            release.memory.extend(self.forget_unused(id));
        }
        Release { clear: map.clear, event: map.event, ..release }
    }

    /// Forgets a share that was taken back and that nobody has mapped.
    fn forget_unused(&mut self, id: ShareId) -> Option<M> {
        self.share_mut(id).filter(|share| share.is_revoked && share.maps == 0)?;
        let share = match self.domains.get_mut(&id.owner).filter(|domain| domain.life == id.life) {
            Some(domain) => {
                let share = domain.shares.remove(id.number)?;
                domain.pages = domain.pages.saturating_sub(share.offer.pages);
                share
            }
            None => self.orphans.remove(&id)?,
        };
        Some(share.offer.memory)
    }
}
