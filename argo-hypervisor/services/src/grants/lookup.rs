//! From grant references to pages of shares.

use alloc::vec::Vec;

use argo_core::DomainId;
use argo_core::abi::PAGE_SIZE;
use argo_core::host::services::{Access, Entry, PAGES_MAX, PARTS_SHARES_MAX};

use super::{Clear, Grants, MapError, Share, ShareId};

/// Pages that are mapped now.
#[derive(Clone, Debug)]
pub struct Mapped<M> {
    /// The map's number, from 1.
    pub map: u32,
    /// The memory of each share, once.
    pub memories: Vec<M>,
    /// Which of their pages, in the order in which they were asked for.
    pub extents: Vec<Extent>,
}

/// Consecutive pages of one share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Which of the memories.
    pub memory: u32,
    /// The first page in it.
    pub page: u32,
    /// How many.
    pub pages: u32,
}

/// The entries of a map, as far as they are known.
pub(super) struct Found<M> {
    pub(super) shares: Vec<ShareId>,
    pub(super) memories: Vec<M>,
    pub(super) extents: Vec<Extent>,
}

/// As many shares as have references of their own.
pub(super) const SHARES_MAX: u32 = u32::MAX / PAGES_MAX - 1;

/// The grant reference of a share's first page: no two shares have pages of the same reference.
pub(super) fn reference(share: u32) -> u32 {
    share.saturating_mul(PAGES_MAX)
}

impl<M: Clone, E: Clone> Grants<M, E> {
    pub(super) fn look_up(
        &self,
        mapper: DomainId,
        access: Access,
        entries: &[Entry],
    ) -> Result<Found<M>, MapError> {
        if !(1..=PAGES_MAX as usize).contains(&entries.len()) {
            return Err(MapError::Entries { entries: entries.len() });
        }
        let mut found = Found { shares: Vec::new(), memories: Vec::new(), extents: Vec::new() };
        for entry in entries {
            let (id, page) = self.place(*entry).ok_or(MapError::NoReference { entry: *entry })?;
            let share = self.mappable(mapper, access, *entry, id, page)?;
            found.add(id, page, &share.offer.memory)?;
        }
        Ok(found)
    }

    /// The share and its page that a reference means, if there may be such a share.
    fn place(&self, entry: Entry) -> Option<(ShareId, u32)> {
        let owner = u16::try_from(entry.domain).ok().and_then(DomainId::new)?;
        let life = self.domains.get(&owner)?.life;
        let number = entry.reference / PAGES_MAX;
        Some((ShareId { owner, life, number }, entry.reference % PAGES_MAX))
    }

    fn mappable(
        &self,
        mapper: DomainId,
        access: Access,
        entry: Entry,
        id: ShareId,
        page: u32,
    ) -> Result<&Share<M, E>, MapError> {
        let share = self.domains.get(&id.owner).and_then(|domain| domain.shares.at(id.number));
        let share = share.filter(|share| !share.is_revoked && page < share.offer.pages);
        match share {
            None => Err(MapError::NoReference { entry }),
            Some(share) if share.to != Some(mapper) => Err(MapError::NotForYou { entry }),
            Some(share) if access == Access::Write && share.offer.access == Access::Read => {
                Err(MapError::ReadOnly { entry })
            }
            Some(share) => Ok(share),
        }
    }

    pub(super) fn share_mut(&mut self, id: ShareId) -> Option<&mut Share<M, E>> {
        match self.domains.get_mut(&id.owner).filter(|domain| domain.life == id.life) {
            Some(domain) => domain.shares.at_mut(id.number),
            None => self.orphans.get_mut(&id),
        }
    }
}

impl<M: Clone> Found<M> {
    /// Adds one page, to the last extent if it follows that.
    fn add(&mut self, id: ShareId, page: u32, memory: &M) -> Result<(), MapError> {
        let known = self.shares.iter().position(|share| *share == id);
        let at = known.unwrap_or(self.shares.len());
        if known.is_none() {
            if at == PARTS_SHARES_MAX {
                return Err(MapError::TooManyShares);
            }
            self.shares.push(id);
            self.memories.push(memory.clone());
        }
        let at = u32::try_from(at).map_err(|_| MapError::TooManyShares)?;
        match self.extents.last_mut() {
            Some(last) if last.memory == at && last.page.checked_add(last.pages) == Some(page) => {
                last.pages = last.pages.saturating_add(1);
            }
            _ => self.extents.push(Extent { memory: at, page, pages: 1 }),
        }
        Ok(())
    }

    /// Where the byte at this offset from the first entry on lies.
    pub(super) fn clear(&self, access: Access, offset: u32) -> Result<Clear<M>, MapError> {
        if access == Access::Read {
            return Err(MapError::NotifyReadOnly { offset });
        }
        let mut before = 0_u32;
        for extent in &self.extents {
            let bytes = extent.pages.saturating_mul(PAGE_SIZE);
            let within = offset.saturating_sub(before);
            if let Some(memory) = self.memories.get(extent.memory as usize)
                && within < bytes
            {
                let offset = extent.page.saturating_mul(PAGE_SIZE).saturating_add(within);
                return Ok(Clear { memory: memory.clone(), offset });
            }
            before = before.saturating_add(bytes);
        }
        Err(MapError::Notify { offset, bytes: before })
    }
}
