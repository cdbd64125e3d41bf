//! The grant table, and the addresses that Xen keeps free of memory for pages of others.

use core::sync::atomic::AtomicU64;

use argo_mem::View;
use hermit_dtb::Dtb;

use super::super::regions::{GRANTS, SHARES};
use super::add_to_physmap;
use crate::machine::{Addresses, Grants};
use crate::ram::{Frames, LentRam};
use crate::vchan::ENTRIES;
use crate::xen::{Refused, Xen};

/// Where the table of pages maps such addresses, and how many bytes of them.
const MAPPED: u64 = 0x3800_0000;
const MAPPED_BYTES: u64 = 16 << 20;
/// Bytes of them that are used: as much as a vchan with the largest rings takes, twice.
const USED_BYTES: u64 = 8 << 20;

const GRANT_TABLE: u32 = 1;

/// # Safety
/// To be called once, with the device tree.
pub(super) unsafe fn prepare(xen: Xen, tree: Option<&Dtb<'_>>) -> Result<Option<Grants>, Refused> {
    let Some(window) = tree.and_then(window) else { return Ok(None) };
    // SAFETY: nothing else uses this page.
    unsafe { add_to_physmap(xen, GRANT_TABLE, GRANTS.start()) }?;
    // SAFETY: the page is there for good, aligned, and consists of atomic words, which Xen changes as
    // such.
    let table = unsafe { &*GRANTS.start().cast::<[AtomicU64; ENTRIES]>() };
    // SAFETY: the region is aligned and lives as long as the guest; its address is used here alone.
    let ram = unsafe { View::new(SHARES.start(), SHARES.len()) };
    // SAFETY: addresses are the guest's physical ones, by which Xen counts the pages.
    let ram = unsafe { LentRam::new(ram, SHARES.start() as u64, Frames::Identity) };
    Ok(Some(Grants { table, ram, window }))
}

/// The first range that the hypervisor's node names, if the table of pages maps it.
fn window(tree: &Dtb<'_>) -> Option<Addresses> {
    let range = tree.get_property("/hypervisor", "reg")?;
    let word =
        |at: usize| Some(u64::from_be_bytes(range.get(at..at.checked_add(8)?)?.try_into().ok()?));
    let (start, len) = (word(0)?, word(8)?);
    let mapped = start == MAPPED && len <= MAPPED_BYTES;
    let len = usize::try_from(len.min(USED_BYTES)).ok()?;
    // SAFETY: Xen keeps this range free for just that, the table of pages maps it as ordinary memory, and
    // this happens once.
    mapped.then(|| unsafe {
        Addresses::new(core::ptr::with_exposed_provenance_mut(MAPPED as usize), len)
    })
}
