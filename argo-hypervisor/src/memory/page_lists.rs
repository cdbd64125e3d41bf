//! Lists of pages for all rings that a domain may have.

use argo_core::abi::RING_LEN_MAX;
use argo_core::claim::RingLen;

use crate::lists::{List, Reserve};
use crate::quotas::Quotas;

/// Memory for the page lists of one domain's rings: as many as it may have, each as long as its
/// longest ring may be. Clones are the same memory.
#[derive(Clone)]
pub struct PageLists(Reserve<usize>);

impl PageLists {
    /// For a domain with these limits, of which at most so many calls register at once: each needs
    /// a list before it is known that the ring may be.
    pub fn new(quotas: &Quotas, callers: usize) -> Self {
        // Twice: those of rings that were taken out and are not let go yet count, too.
        let lists = (quotas.rings as usize).saturating_mul(2).saturating_add(callers);
        Self(Reserve::new(lists, longest(quotas)))
    }

    pub(super) fn take(&self) -> Option<List<usize>> {
        self.0.take()
    }
}

/// Pages of the longest ring that there may be.
fn longest(quotas: &Quotas) -> usize {
    let bytes = u32::try_from(quotas.ring_bytes).map_or(RING_LEN_MAX, |own| own.min(RING_LEN_MAX));
    RingLen::check(bytes & !0xf).map_or(0, |len| len.pages() as usize)
}
