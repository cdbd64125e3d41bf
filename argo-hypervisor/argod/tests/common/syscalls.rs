//! What only a hostile guest does to memory: the tests' only unsafe code.
#![allow(unsafe_code, reason = "mapping and advice by hand, as an attacker does")]

use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap, munmap};

/// A writable mapping beside the proper one.
pub struct ExtraMapping {
    base: *mut std::ffi::c_void,
    len: usize,
}

impl ExtraMapping {
    pub fn of(memfd: &OwnedFd, len: usize) -> Result<Self, Errno> {
        let prot = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice aliases nothing of ours.
        let base = unsafe { mmap(std::ptr::null_mut(), len, prot, MapFlags::SHARED, memfd, 0) }?;
        Ok(Self { base, len })
    }

    /// Tries to take the pages out of the file under everybody's mappings (`MADV_REMOVE`).
    pub fn remove_pages(&self) -> Result<(), Errno> {
        // SAFETY: the range is exactly this mapping, of which nobody holds a reference.
        unsafe { madvise(self.base, self.len, Advice::LinuxRemove) }
    }
}

impl Drop for ExtraMapping {
    fn drop(&mut self) {
        // SAFETY: mapped in `of` with this length; no pointer into it was given out.
        let _ = unsafe { munmap(self.base, self.len) };
    }
}
