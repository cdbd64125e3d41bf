//! Grants: pages that one domain shares with one other.
//!
//! The host brings the memory `M`, a cheap clone of what holds a share's pages, and the ends `E` of
//! event channels. Nothing is touched, sent or freed in here: what has to be is handed to the
//! caller as a [`Release`].
//!
//! A share that was taken back keeps its place, and its pages count, until nobody has it mapped. If
//! its owner is gone by then, they count for nobody: a later domain of the same id is another one.
//! The maps of those who keep them are limited.

mod error;
mod lookup;
mod release;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use argo_core::DomainId;
use argo_core::abi::PAGE_SIZE;
use argo_core::host::services::{Access, Entry, PAGES_MAX};

use crate::table::Table;
use crate::{ConnectionId, Holder};
pub use error::{MapError, ShareError};
pub use lookup::{Extent, Mapped};
pub use release::{Clear, Release};

/// How much a domain may share and map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Pages that it shares.
    pub pages: u32,
    /// Shares that they are in.
    pub shares: u32,
    /// Maps that it has.
    pub maps: u32,
}

/// What happens when a share or a map is given up.
#[derive(Clone, Debug)]
pub struct Notify<E> {
    /// The byte that becomes zero, from the start of the first page.
    pub byte: Option<u32>,
    /// The end over which an event is sent.
    pub event: Option<E>,
}

/// Pages that are to be shared.
#[derive(Clone, Debug)]
pub struct Offer<M, E> {
    /// Who may map them.
    pub to: DomainId,
    /// How.
    pub access: Access,
    /// How many.
    pub pages: u32,
    /// The memory that they are in, from its beginning on.
    pub memory: M,
    /// What happens when they are taken back.
    pub notify: Notify<E>,
}

/// A new share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shared {
    /// Its number, from 1.
    pub share: u32,
    /// Its first page's grant reference; the others' follow.
    pub reference: u32,
}

/// All that is shared and mapped on a host.
#[derive(Debug)]
pub struct Grants<M, E> {
    domains: BTreeMap<DomainId, Domain<M, E>>,
    /// Shares that others have mapped and whose owner is gone.
    orphans: BTreeMap<ShareId, Share<M, E>>,
    /// How often a domain has gone.
    ends: u64,
}

#[derive(Debug)]
struct Domain<M, E> {
    /// Tells it from earlier ones of the same id.
    life: u64,
    shares: Table<Share<M, E>>,
    maps: Table<Map<M, E>>,
    /// Pages of all its shares.
    pages: u32,
}

#[derive(Debug)]
struct Share<M, E> {
    connection: ConnectionId,
    /// Who may map it; nobody, if that domain is gone.
    to: Option<DomainId>,
    offer: Offer<M, E>,
    /// Maps that have pages of it.
    maps: u32,
    is_revoked: bool,
}

/// A share, by its owner and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ShareId {
    owner: DomainId,
    /// The owner's life.
    life: u64,
    number: u32,
}

#[derive(Debug)]
struct Map<M, E> {
    connection: ConnectionId,
    shares: Vec<ShareId>,
    clear: Option<Clear<M>>,
    event: Option<E>,
}

impl<M, E> Default for Grants<M, E> {
    fn default() -> Self {
        Self { domains: BTreeMap::new(), orphans: BTreeMap::new(), ends: 0 }
    }
}

impl<M: Clone, E: Clone> Grants<M, E> {
    /// Lets another domain map these pages.
    ///
    /// # Errors
    /// [`ShareError`]: nothing is shared then.
    pub fn share(
        &mut self,
        holder: Holder,
        limits: &Limits,
        offer: Offer<M, E>,
    ) -> Result<Shared, ShareError> {
        let pages = offer.pages;
        if !(1..=PAGES_MAX).contains(&pages) {
            return Err(ShareError::Pages { pages });
        }
        let bytes = pages.saturating_mul(PAGE_SIZE);
        if let Some(offset) = offer.notify.byte.filter(|offset| *offset >= bytes) {
            return Err(ShareError::Notify { offset, bytes });
        }
        let domain = self.domain(holder.domain);
        domain.has_room_for(pages, limits)?;
        domain.pages = domain.pages.saturating_add(pages);
        let (connection, to) = (holder.connection, Some(offer.to));
        let share = Share { connection, to, offer, maps: 0, is_revoked: false };
        let share = domain.shares.insert(share);
        Ok(Shared { share, reference: lookup::reference(share) })
    }

    /// Takes a share of the connection back: it cannot be mapped any more.
    ///
    /// # Errors
    /// The connection has no such share.
    pub fn unshare(&mut self, holder: Holder, share: u32) -> Result<Release<M, E>, ShareError> {
        let domain = self.domains.get(&holder.domain);
        let found = domain.and_then(|domain| domain.shares.at(share));
        found
            .filter(|found| found.connection == holder.connection && !found.is_revoked)
            .ok_or(ShareError::Unknown { number: share })?;
        Ok(self.revoke(holder.domain, share))
    }

    /// Maps pages that other domains, or this one, have shared with this one.
    ///
    /// # Errors
    /// [`MapError`]: nothing is mapped then.
    pub fn map(
        &mut self,
        holder: Holder,
        limits: &Limits,
        access: Access,
        entries: &[Entry],
        notify: Notify<E>,
    ) -> Result<Mapped<M>, MapError> {
        let found = self.look_up(holder.domain, access, entries)?;
        let clear = notify.byte.map(|offset| found.clear(access, offset)).transpose()?;
        let maps = self.domains.get(&holder.domain).map_or(0, |domain| domain.maps.len());
        if maps >= limits.maps as usize {
            return Err(MapError::Maps { limit: limits.maps });
        }
        for share in &found.shares {
            if let Some(share) = self.share_mut(*share) {
                share.maps = share.maps.saturating_add(1);
            }
        }
        let (connection, event) = (holder.connection, notify.event);
        let map = Map { connection, shares: found.shares, clear, event };
        let map = self.domain(holder.domain).maps.insert(map);
        Ok(Mapped { map, memories: found.memories, extents: found.extents })
    }

    /// Gives up a map of the connection.
    ///
    /// # Errors
    /// The connection has no such map.
    pub fn unmap(&mut self, holder: Holder, map: u32) -> Result<Release<M, E>, ShareError> {
        let domain = self.domains.get(&holder.domain);
        let found = domain.and_then(|domain| domain.maps.at(map));
        found
            .filter(|found| found.connection == holder.connection)
            .ok_or(ShareError::Unknown { number: map })?;
        Ok(self.drop_map(holder.domain, map))
    }

    /// Gives up all maps of the connection and takes all its shares back.
    pub fn end_connection(&mut self, holder: Holder) -> Vec<Release<M, E>> {
        self.end(holder.domain, |connection| connection == holder.connection)
    }

    /// The same for all connections of a domain. What others shared with it cannot be mapped any
    /// more: a later domain of the same id is another one.
    pub fn end_domain(&mut self, domain: DomainId) -> Vec<Release<M, E>> {
        let releases = self.end(domain, |_| true);
        self.orphan_shares(domain);
        for owner in self.domains.values_mut() {
            for number in owner.shares.numbers(|share| share.to == Some(domain)) {
                if let Some(share) = owner.shares.at_mut(number) {
                    share.to = None;
                }
            }
        }
        self.domains.retain(|_, domain| domain.shares.len() > 0 || domain.maps.len() > 0);
        releases
    }

    /// Who shared the pages that a map with these entries would have, each domain once; for a
    /// policy to be asked.
    ///
    /// # Errors
    /// They cannot be mapped.
    pub fn owners(
        &self,
        mapper: DomainId,
        access: Access,
        entries: &[Entry],
    ) -> Result<Vec<DomainId>, MapError> {
        let found = self.look_up(mapper, access, entries)?;
        let mut owners: Vec<DomainId> = found.shares.iter().map(|share| share.owner).collect();
        owners.sort_unstable();
        owners.dedup();
        Ok(owners)
    }

    /// Pages that the domain shares, and that it shared and others still have mapped.
    pub fn pages(&self, domain: DomainId) -> u32 {
        self.domains.get(&domain).map_or(0, |domain| domain.pages)
    }

    /// The shares that they are in.
    pub fn shares(&self, domain: DomainId) -> usize {
        self.domains.get(&domain).map_or(0, |domain| domain.shares.len())
    }

    /// Maps that the domain has.
    pub fn maps(&self, domain: DomainId) -> usize {
        self.domains.get(&domain).map_or(0, |domain| domain.maps.len())
    }

    fn domain(&mut self, id: DomainId) -> &mut Domain<M, E> {
        self.domains.entry(id).or_insert_with(|| Domain::new(self.ends))
    }
}

impl<M, E> Domain<M, E> {
    fn new(life: u64) -> Self {
        Self { life, shares: Table::default(), maps: Table::default(), pages: 0 }
    }

    fn has_room_for(&self, pages: u32, limits: &Limits) -> Result<(), ShareError> {
        let limit = limits.shares.min(lookup::SHARES_MAX);
        if self.shares.len() >= limit as usize {
            return Err(ShareError::Shares { limit });
        }
        if self.pages.saturating_add(pages) > limits.pages {
            let (used, limit) = (self.pages, limits.pages);
            return Err(ShareError::Quota { pages, used, limit });
        }
        Ok(())
    }
}
