//! The memory of shares.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use argo_core::abi::PAGE_SIZE;
use argo_core::host::services::Access;
use argo_mem::{MapError, Mapping, Memory, sized_memfd};
use rustix::fs::{Mode, OFlags, SealFlags, fchmod, fcntl_add_seals, open};

use crate::daemon::seats::Seat;

/// The pages of one share. Its size is sealed, so that they cannot vanish from under anybody who
/// mapped them; holes can be punched into it, which read as zeros.
pub struct Pages {
    writable: OwnedFd,
    /// Of this one nobody without argod's user can make a writable one.
    read_only: OwnedFd,
    _descriptors: Seat,
}

impl Pages {
    /// That many pages, all zero. None has a frame yet. `seat` is taken for as long as they live.
    ///
    /// # Errors
    /// The system has no descriptors or memory left.
    pub fn new(name: &str, pages: u32, seat: Seat) -> Result<Self, MapError> {
        let len = (pages * PAGE_SIZE) as usize;
        let failed = |step| move |errno| MapError { step, len, errno };
        let writable = sized_memfd(name, len)?;
        let path = format!("/proc/self/fd/{}", writable.as_raw_fd());
        let read_only = open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
        let read_only = read_only.map_err(failed("opening it again"))?;
        // All of this before anybody else has it: later it would wait for locks that others hold.
        fchmod(&writable, Mode::RUSR).map_err(failed("restricting"))?;
        fcntl_add_seals(&writable, SealFlags::SEAL).map_err(failed("sealing"))?;
        Ok(Self { writable, read_only, _descriptors: seat })
    }

    /// What to map for this access.
    pub fn descriptor(&self, access: Access) -> BorrowedFd<'_> {
        match access {
            Access::Read => self.read_only.as_fd(),
            Access::Write => self.writable.as_fd(),
        }
    }

    /// Makes one byte zero.
    ///
    /// # Errors
    /// The system has no address space left, or the byte lies outside.
    pub fn clear(&self, offset: u32) -> Result<(), MapError> {
        let offset = offset as usize;
        let len = (offset + 1).next_multiple_of(PAGE_SIZE as usize);
        let mapping = Mapping::of(&self.writable, len)?;
        // It lies in the mapping, which was made for it.
        let _ = mapping.view().write(offset, &[0]);
        Ok(())
    }
}
