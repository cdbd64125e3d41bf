//! Pages of ours that another domain may map.

use alloc::vec::Vec;
use core::ops::Range;

use argo_core::DomainId;
use vchan::platform::{Access, Fault, GrantRef};

use super::pool::PAGE;
use super::{Inner, full};

/// Pages that lie behind each other, and their references.
pub(super) struct Share {
    pub(super) pages: Range<usize>,
    references: Vec<GrantRef>,
}

impl Inner {
    pub(super) fn share(
        &self,
        domain: DomainId,
        access: Access,
        references: &mut [GrantRef],
    ) -> Result<Share, Fault> {
        self.free_lingering();
        let pages = self.free.lock().take(references.len());
        let pages = pages.ok_or_else(|| full("no pages are left to be shared"))?;
        let mut share = Share { pages, references: Vec::new() };
        for (page, place) in share.pages.clone().zip(references) {
            let Some(reference) = self.grant(page, domain, access) else {
                self.end_share(share);
                return Err(full("the grant table is full"));
            };
            *place = reference;
            share.references.push(reference);
        }
        Ok(share)
    }

    /// Takes the rights back and frees the pages: later, if the other side still has one mapped.
    pub(super) fn end_share(&self, mut share: Share) {
        share.references.retain(|reference| !self.table.revoke(*reference));
        if share.references.is_empty() {
            self.free.lock().give_back(share.pages);
        } else {
            self.lingering.lock().push(share);
        }
    }

    fn free_lingering(&self) {
        let lingering = core::mem::take(&mut *self.lingering.lock());
        lingering.into_iter().for_each(|share| self.end_share(share));
    }

    fn grant(&self, page: usize, domain: DomainId, access: Access) -> Option<GrantRef> {
        let offset = page.checked_mul(PAGE)?;
        self.ram.view().write(offset, &[0; PAGE]).ok()?;
        let frame = u32::try_from(self.ram.page(offset)).ok()?;
        self.table.grant(domain, frame, access)
    }
}
