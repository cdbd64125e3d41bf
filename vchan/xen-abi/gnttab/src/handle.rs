//! What lies behind a handle: a connection, and what is mapped over it.

use std::collections::BTreeMap;
use std::ffi::{c_int, c_void};
use std::mem;
use std::sync::{Mutex, PoisonError};

use argo_guest::services::{
    Access, Entry, Mapped, MappedRead, NONE, Notify, RequestError, Services, Share,
};
use xen_abi::Errno;

use crate::maps::{File, mapped_at};

const PAGE_SIZE: u32 = 4096;

/// A handle of either half of the library. `M` is what it keeps mapped.
pub(crate) struct Handle<M: Memory> {
    services: Services,
    kept: Mutex<BTreeMap<usize, Kept<M>>>,
}

/// The handle of one who shares.
pub(crate) type Sharing = Handle<Share>;

/// The handle of one who maps.
pub(crate) type Mapping = Handle<Map>;

struct Kept<M> {
    memory: M,
    pages: usize,
    /// The file mapped there, to recognise it.
    file: Option<File>,
}

/// A map of either kind.
pub(crate) enum Map {
    Write(Mapped),
    Read(MappedRead),
}

/// Memory that C has by its address.
pub(crate) trait Memory {
    fn address(&self) -> *mut c_void;

    /// Gives it up though C has unmapped it already.
    fn give_up_unmapped(self);
}

impl<M: Memory> Handle<M> {
    pub(crate) fn open() -> Result<Self, Errno> {
        Ok(Self { services: xen_abi::connect("libxengnttab")?, kept: Mutex::default() })
    }

    /// Gives up the `pages` pages at `address`, which must be all that were mapped together.
    pub(crate) fn give_up(&self, address: *mut c_void, pages: usize) -> Result<(), Errno> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let given = kept.get(&address.addr()).filter(|kept| kept.pages == pages);
        given.ok_or(Errno(libc::EINVAL))?;
        let given = kept.remove(&address.addr());
        drop(kept);
        drop(given.map(|kept| kept.memory));
        Ok(())
    }

    fn keep(&self, memory: M, pages: usize) -> *mut c_void {
        let address = memory.address();
        let file = mapped_at(address.addr());
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(unmapped) = kept.insert(address.addr(), Kept { memory, pages, file }) {
            // Else the address would not have been free.
            unmapped.memory.give_up_unmapped();
        }
        address
    }
}

/// libxenvchan unmaps its rings by `munmap`, of which a kernel would learn. What is mapped there no
/// more is given up now; C may still use the rest.
impl<M: Memory> Drop for Handle<M> {
    fn drop(&mut self) {
        let kept = self.kept.get_mut().unwrap_or_else(PoisonError::into_inner);
        for (address, Kept { memory, file, .. }) in mem::take(kept) {
            match file.is_some() && mapped_at(address) != file {
                true => memory.give_up_unmapped(),
                false => mem::forget(memory),
            }
        }
    }
}

impl Sharing {
    /// Shares pages; their references go to `reference` one by one.
    pub(crate) fn share(
        &self,
        to: u32,
        pages: c_int,
        access: Access,
        notify: Notify,
        references: &mut dyn FnMut(usize, u32),
    ) -> Result<*mut c_void, Errno> {
        let pages = u32::try_from(pages).ok().filter(|pages| *pages > 0);
        let pages = pages.ok_or(Errno(libc::EINVAL))?;
        let to = xen_abi::domain(&self.services, to)?;
        let share = self.services.share(to, pages, access, notify)?;
        for (page, reference) in share.references().enumerate() {
            references(page, reference);
        }
        Ok(self.keep(share, pages as usize))
    }
}

impl Mapping {
    pub(crate) fn map(
        &self,
        entries: &[Entry],
        access: Access,
        notify: Notify,
    ) -> Result<*mut c_void, Errno> {
        if entries.is_empty() {
            return Err(Errno(libc::EINVAL));
        }
        let meant = entries.iter().map(|entry| self.meant(entry));
        let meant = meant.collect::<Result<Vec<_>, _>>()?;
        Ok(self.keep(self.mapped(&meant, access, notify)?, meant.len()))
    }

    /// With the domain that C means.
    fn meant(&self, entry: &Entry) -> Result<Entry, Errno> {
        let domain = xen_abi::domain(&self.services, entry.domain)?;
        Ok(Entry { domain: domain.raw().into(), ..*entry })
    }

    fn mapped(
        &self,
        entries: &[Entry],
        access: Access,
        notify: Notify,
    ) -> Result<Map, RequestError> {
        match access {
            Access::Write => self.services.map(entries, notify).map(Map::Write),
            Access::Read => self.services.map_read(entries, notify).map(Map::Read),
        }
    }
}

impl Memory for Share {
    fn address(&self) -> *mut c_void {
        self.as_ptr().cast()
    }

    fn give_up_unmapped(self) {
        Share::give_up_unmapped(self);
    }
}

impl Memory for Map {
    fn address(&self) -> *mut c_void {
        match self {
            Self::Write(mapped) => mapped.as_ptr().cast(),
            Self::Read(mapped) => mapped.as_ptr().cast_mut().cast(),
        }
    }

    fn give_up_unmapped(self) {
        match self {
            Self::Write(mapped) => mapped.give_up_unmapped(),
            Self::Read(mapped) => mapped.give_up_unmapped(),
        }
    }
}

/// What C asks for; an offset beyond the page means none, as in Xen's library.
pub(crate) fn notify(offset: u32, port: u32) -> Notify {
    Notify { offset: if offset < PAGE_SIZE { offset } else { NONE }, port }
}
