//! Pages of other domains, mapped into addresses at which this guest has no memory.

use alloc::vec::Vec;
use core::ops::Range;

use argo_core::DomainId;
use spin::Mutex;
use vchan::platform::{Access, Cause, Fault, GrantRef};

use super::pool::{PAGE, Pool};
use super::{Inner, full};
use crate::hypercall::{Number, call};
use crate::machine::Addresses;
use crate::xen::Refused;

/// Where pages can be mapped.
pub(super) struct Window {
    addresses: Addresses,
    free: Mutex<Pool>,
}

impl Window {
    pub(super) fn new(addresses: Addresses) -> Self {
        let free = Mutex::new(Pool::of_bytes(addresses.len));
        Self { addresses, free }
    }

    /// Where a page of the window begins.
    pub(super) fn at(&self, page: usize) -> *mut u8 {
        self.addresses.start.wrapping_add(page.wrapping_mul(PAGE))
    }
}

/// Pages that are mapped behind each other, and Xen's names for that.
pub(super) struct Map {
    pub(super) pages: Range<usize>,
    handles: Vec<u32>,
}

const MAP: u64 = 0;
const UNMAP: u64 = 1;
/// Into our addresses; to be read only.
const HOST: u32 = 2;
const READ_ONLY: u32 = 4;

/// `struct gnttab_map_grant_ref`.
#[repr(C)]
struct MapGrant {
    address: u64,
    flags: u32,
    reference: u32,
    domain: u16,
    status: i16,
    handle: u32,
    device_address: u64,
}

/// `struct gnttab_unmap_grant_ref`.
#[repr(C)]
struct UnmapGrant {
    address: u64,
    device_address: u64,
    handle: u32,
    status: i16,
}

impl Inner {
    pub(super) fn map(
        &self,
        domain: DomainId,
        references: &[GrantRef],
        access: Access,
    ) -> Result<Map, Fault> {
        let pages = self.window.free.lock().take(references.len());
        let pages = pages.ok_or_else(|| full("no addresses are left to map pages at"))?;
        let mut map = Map { pages, handles: Vec::new() };
        for (page, reference) in map.pages.clone().zip(references) {
            match self.map_one(page, domain, *reference, access) {
                Ok(handle) => map.handles.push(handle),
                Err(fault) => {
                    self.unmap(map);
                    return Err(fault);
                }
            }
        }
        Ok(map)
    }

    /// Nobody reaches the pages any more.
    pub(super) fn unmap(&self, map: Map) {
        let Map { pages, handles } = map;
        let unmapped =
            pages.clone().zip(handles).map(|(page, handle)| self.unmap_one(page, handle));
        // A page that Xen does not take back stays, and its address with it.
        if unmapped.fold(true, |all, one| all & one) {
            self.window.free.lock().give_back(pages);
        }
    }

    fn map_one(
        &self,
        page: usize,
        domain: DomainId,
        reference: GrantRef,
        access: Access,
    ) -> Result<u32, Fault> {
        let flags = HOST | if access == Access::Read { READ_ONLY } else { 0 };
        let (address, domain) = (self.window.at(page) as u64, domain.raw());
        let (reference, status, handle, device_address) = (reference.0, 0, 0, 0);
        let mut argument =
            MapGrant { address, flags, reference, domain, status, handle, device_address };
        let at = &raw mut argument as u64;
        // SAFETY: `Xen` proves that this is a guest of Xen. There is no memory at the address, which is
        // ours: it was taken from the window. Xen writes the argument.
        let result = unsafe { call(Number::GrantTableOp, [MAP, at, 1, 0, 0]) };
        match (result, argument.status) {
            (0, 0) => Ok(argument.handle),
            (0, status) => Err(not_mapped(status)),
            (result, _) => Err(Refused { call: "map_grant_ref", result }.into()),
        }
    }

    fn unmap_one(&self, page: usize, handle: u32) -> bool {
        let address = self.window.at(page) as u64;
        let mut argument = UnmapGrant { address, device_address: 0, handle, status: 0 };
        let at = &raw mut argument as u64;
        // SAFETY: as above; whoever had a view of the page has gone.
        let result = unsafe { call(Number::GrantTableOp, [UNMAP, at, 1, 0, 0]) };
        result == 0 && argument.status == 0
    }
}

/// Xen's `GNTST_*`. An entry that grants nothing, or not to us, is its general error.
fn not_mapped(status: i16) -> Fault {
    let (cause, what) = match status {
        -1 => (Cause::NotThere, "nothing is granted there"),
        -2 => (Cause::NotThere, "no such domain"),
        -3 => (Cause::NotThere, "no such reference"),
        -8 => (Cause::Refused, "not permitted"),
        -12 => (Cause::Busy, "try again"),
        _ => (Cause::Failed, "the page is not mapped"),
    };
    Fault::new(cause, alloc::format!("{what}: status {status}"))
}
