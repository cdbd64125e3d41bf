//! What a call may name.
//!
//! Xen writes where a call says: the answers of a notify, and every page of a ring for as long as it is
//! registered. Whoever submits calls is safe code and may name anything, so that both must lie in the RAM
//! that is lent to Argo. What Xen only reads may lie anywhere.

#[cfg(any(target_arch = "x86_64", test))]
mod in_place;
mod snapshot;

use argo_core::abi::{ENTRIES_DEFAULT, RingData, RingDataEnt};

use crate::ram::{LentRam, NO_FRAME};

#[cfg(target_arch = "x86_64")]
pub(crate) use in_place::check;
pub(crate) use snapshot::{with_answers, with_pages};

/// Whether a ring may have that page: one of the RAM, or none.
fn is_ring_page(ram: &LentRam, page: u64) -> bool {
    page == NO_FRAME || ram.owns(page)
}

/// The bytes of a notify about so many rings. More than Xen takes are refused by Xen.
fn answer_bytes(entries: u32) -> usize {
    let entries = entries.min(ENTRIES_DEFAULT) as usize;
    let bytes = entries.saturating_mul(size_of::<RingDataEnt>());
    bytes.saturating_add(size_of::<RingData>())
}
