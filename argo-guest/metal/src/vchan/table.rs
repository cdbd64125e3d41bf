//! The grant table: a page that Xen reads, with an entry for each page that another domain may map
//! (Xen's `public/grant_table.h`, version 1).

use core::sync::atomic::{AtomicU64, Ordering};

use argo_core::DomainId;
use vchan::platform::{Access, GrantRef};

/// Entries of a table of one page.
pub const ENTRIES: usize = 512;
/// The first reference that is given out: Xen's tools keep those below.
pub const FIRST_REFERENCE: u32 = 8;

/// In an entry: the flags, then the domain, then the frame.
const PERMIT_ACCESS: u64 = 1;
const READ_ONLY: u64 = 1 << 2;
/// Set by Xen while the page is mapped, to be read or to be written.
const MAPPED: u64 = 1 << 3 | 1 << 4;
const DOMAIN: u32 = 16;
const FRAME: u32 = 32;
const FREE: u64 = 0;

pub(super) struct Table(&'static [AtomicU64; ENTRIES]);

impl Table {
    pub(super) fn new(entries: &'static [AtomicU64; ENTRIES]) -> Self {
        Self(entries)
    }

    /// Lets a domain map the frame. `None`: the table is full.
    pub(super) fn grant(&self, domain: DomainId, frame: u32, access: Access) -> Option<GrantRef> {
        let read_only = if access == Access::Read { READ_ONLY } else { 0 };
        let entry = PERMIT_ACCESS
            | read_only
            | u64::from(domain.raw()).rotate_left(DOMAIN)
            | u64::from(frame).rotate_left(FRAME);
        let mut entries = (0u32..).zip(self.0).skip(FIRST_REFERENCE as usize);
        // Release: what is in the page comes before the right to map it.
        let put = |place: &AtomicU64| {
            place.compare_exchange(FREE, entry, Ordering::Release, Ordering::Relaxed).is_ok()
        };
        entries.find(|(_, place)| put(place)).map(|(number, _)| GrantRef(number))
    }

    /// Takes the right back. It stays if the page is mapped: then the answer is no.
    #[must_use]
    pub(super) fn revoke(&self, reference: GrantRef) -> bool {
        let Some(place) = self.0.get(reference.0 as usize) else { return true };
        let unless_mapped = |entry| (entry & MAPPED == 0).then_some(FREE);
        place.fetch_update(Ordering::AcqRel, Ordering::Acquire, unless_mapped).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::boxed::Box;

    use super::*;

    fn table() -> (Table, &'static [AtomicU64; ENTRIES]) {
        let entries: &'static _ = Box::leak(Box::new([const { AtomicU64::new(0) }; ENTRIES]));
        (Table::new(entries), entries)
    }

    #[test]
    fn an_entry_is_as_xen_reads_it() {
        let (table, entries) = table();
        let domain = DomainId::new(2).unwrap();
        let reference = table.grant(domain, 0x4_1234, Access::Write).unwrap();
        assert_eq!(reference, GrantRef(FIRST_REFERENCE));
        assert_eq!(entries[8].load(Ordering::Relaxed), 0x0004_1234_0002_0001);
        assert_eq!(table.grant(domain, 1, Access::Read), Some(GrantRef(9)));
        assert_eq!(entries[9].load(Ordering::Relaxed), 0x0000_0001_0002_0005);
    }

    #[test]
    fn what_is_mapped_stays_and_a_full_table_says_so() {
        let (table, entries) = table();
        let domain = DomainId::new(2).unwrap();
        let all = (0..).map_while(|frame| table.grant(domain, frame, Access::Write)).count();
        assert_eq!(all, ENTRIES - FIRST_REFERENCE as usize);
        entries[20].fetch_or(1 << 3, Ordering::Relaxed);
        assert!(!table.revoke(GrantRef(20)));
        assert_eq!(table.grant(domain, 1, Access::Write), None);
        entries[20].fetch_and(!(1 << 3), Ordering::Relaxed);
        assert!(table.revoke(GrantRef(20)));
        assert_eq!(table.grant(domain, 1, Access::Write), Some(GrantRef(20)));
    }
}
