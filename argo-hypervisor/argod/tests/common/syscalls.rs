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

/// A thread of another process that does not run, while its siblings do.
pub struct HeldThread(libc::pid_t);

impl HeldThread {
    /// `None`: this process may not trace that one.
    pub fn hold(thread: libc::pid_t) -> Option<Self> {
        // SAFETY: both requests take no address of ours; a thread that is gone is an error.
        let held = unsafe {
            libc::ptrace(libc::PTRACE_SEIZE, thread, 0, 0) == 0
                && libc::ptrace(libc::PTRACE_INTERRUPT, thread, 0, 0) == 0
        };
        // SAFETY: without a place for the status nothing of ours is touched.
        let stopped =
            held && unsafe { libc::waitpid(thread, std::ptr::null_mut(), libc::__WALL) } == thread;
        stopped.then_some(Self(thread))
    }
}

impl Drop for HeldThread {
    fn drop(&mut self) {
        // SAFETY: as above. It goes on where it was.
        unsafe { libc::ptrace(libc::PTRACE_DETACH, self.0, 0, 0) };
    }
}
