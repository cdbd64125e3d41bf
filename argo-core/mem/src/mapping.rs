//! RAM in a memfd that two processes have mapped.

use std::os::fd::{AsFd, OwnedFd};
use std::ptr;

use rustix::fs::{MemfdFlags, SealFlags};
use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, ProtFlags};

use crate::{Memory, ReadView, View};

/// Why memory could not be made, mapped or pinned: the step, its size and the system's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapError {
    /// The step that failed.
    pub step: &'static str,
    /// The size concerned, in bytes.
    pub len: usize,
    /// The system's answer.
    pub errno: Errno,
}

impl std::fmt::Display for MapError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {} bytes of shared memory: {}", self.step, self.len, self.errno)
    }
}

impl std::error::Error for MapError {}

/// Makes a memfd of `len` bytes, all zero, whose size is sealed. No page has a frame yet, and more
/// seals can be added.
///
/// # Errors
/// The system has no memory or descriptor for it.
pub fn sized_memfd(name: &str, len: usize) -> Result<OwnedFd, MapError> {
    let failed = |step| move |errno| MapError { step, len, errno };
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING | MemfdFlags::NOEXEC_SEAL;
    let fd = rustix::fs::memfd_create(name, flags).map_err(failed("creation"))?;
    rustix::fs::ftruncate(&fd, len as u64).map_err(failed("sizing"))?;
    rustix::fs::fcntl_add_seals(&fd, SealFlags::SHRINK | SealFlags::GROW)
        .map_err(failed("sealing"))?;
    Ok(fd)
}

/// A shared, writable mapping of a memfd, unmapped on drop.
pub struct Mapping {
    base: *mut u8,
    len: usize,
}

// SAFETY: the memory is only reached through views, which are `Send` and `Sync`.
unsafe impl Send for Mapping {}
// SAFETY: as for `Send`.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// The seals of RAM that is safe to serve: its size is fixed, nothing in it can be executed,
    /// no new writable mapping and no hole can be made, and no seal can be added any more.
    pub const SEALED: SealFlags = SealFlags::SHRINK
        .union(SealFlags::GROW)
        .union(SealFlags::FUTURE_WRITE)
        .union(SealFlags::EXEC)
        .union(SealFlags::SEAL);

    /// Makes a memfd of `len` bytes whose size is sealed, and maps it.
    ///
    /// The seals against holes and new mappings are not set yet: the *guest* adds them after it
    /// has mapped the memory ([`finish_seals`](Self::finish_seals)), since adding them takes a
    /// lock that a hostile guest could hold for ever. Serve the memory only when
    /// [`is_sealed`](Self::is_sealed) says so.
    ///
    /// # Errors
    /// The system has no memory, descriptor or address space for it.
    pub fn create(name: &str, len: usize) -> Result<(Self, OwnedFd), MapError> {
        let fd = sized_memfd(name, len)?;
        let mapping = Self::of(&fd, len)?;
        Ok((mapping, fd))
    }

    /// Maps `len` bytes of a memfd that somebody else made.
    ///
    /// # Errors
    /// The descriptor is not a memfd whose size is sealed at `len` bytes or more (its pages could
    /// then vanish under the mapping), or the system has no address space.
    pub fn of(fd: impl AsFd, len: usize) -> Result<Self, MapError> {
        let failed = |step| move |errno| MapError { step, len, errno };
        let seals = rustix::fs::fcntl_get_seals(&fd).map_err(failed("reading the seals"))?;
        let size = rustix::fs::fstat(&fd).map_err(failed("reading the size"))?.st_size;
        if !seals.contains(SealFlags::SHRINK) || u64::try_from(size).unwrap_or(0) < len as u64 {
            return Err(failed("checking the size seal")(Errno::INVAL));
        }
        // SAFETY: a new mapping at an address of the kernel's choice aliases nothing of ours.
        let base = unsafe {
            let prot = ProtFlags::READ | ProtFlags::WRITE;
            rustix::mm::mmap(ptr::null_mut(), len, prot, MapFlags::SHARED, &fd, 0)
        }
        .map_err(failed("mapping"))?;
        Ok(Self { base: base.cast(), len })
    }

    /// Adds the seals that are still missing. Called by the process that *receives* the memory,
    /// after it has mapped it: from then on nobody can map it writable or punch holes into it.
    ///
    /// # Errors
    /// The system refuses the seals.
    pub fn finish_seals(fd: impl AsFd) -> Result<(), MapError> {
        rustix::fs::fcntl_add_seals(fd, SealFlags::FUTURE_WRITE | SealFlags::SEAL)
            .map_err(|errno| MapError { step: "final sealing", len: 0, errno })
    }

    /// Whether the memory has exactly the seals [`SEALED`](Self::SEALED).
    ///
    /// # Errors
    /// The descriptor cannot be asked.
    pub fn is_sealed(fd: impl AsFd) -> Result<bool, MapError> {
        rustix::fs::fcntl_get_seals(fd)
            .map(|seals| seals == Self::SEALED)
            .map_err(|errno| MapError { step: "reading the seals", len: 0, errno })
    }

    /// Gives every page a frame now, so that no access faults later. About 0.6 ms a MiB.
    ///
    /// # Errors
    /// There is too little memory.
    pub fn populate(&self) -> Result<(), MapError> {
        self.advise("prefaulting", Advice::LinuxPopulateWrite)
    }

    /// Keeps the pages in memory.
    ///
    /// # Errors
    /// The limit on locked memory (`RLIMIT_MEMLOCK`) is too low.
    pub fn lock(&self) -> Result<(), MapError> {
        // SAFETY: the range is exactly this mapping.
        unsafe { rustix::mm::mlock(self.base.cast(), self.len) }.map_err(|errno| MapError {
            step: "locking",
            len: self.len,
            errno,
        })
    }

    /// Where it is mapped. For those who hand the memory to C.
    pub fn as_ptr(&self) -> *mut u8 {
        self.base
    }

    /// The memory of a mapping that may be one for reading only.
    #[inline]
    pub(crate) fn to_read(&self) -> ReadView<'_> {
        // SAFETY: as in `view`, of which reads are the smaller part.
        unsafe { ReadView::new(self.base, self.len) }
    }

    /// Takes over `len` bytes that were mapped at `base`.
    pub(crate) fn owning(base: *mut u8, len: usize) -> Self {
        Self { base, len }
    }

    fn advise(&self, step: &'static str, advice: Advice) -> Result<(), MapError> {
        // SAFETY: the range is exactly this mapping, and the advice does not change its contents.
        unsafe { rustix::mm::madvise(self.base.cast(), self.len, advice) }
            .map_err(|errno| MapError { step, len: self.len, errno })
    }
}

impl Memory for Mapping {
    #[inline]
    fn view(&self) -> View<'_> {
        // SAFETY: the mapping is page-aligned, `len` long and lives as long as the borrow of
        // `self`; its pages cannot vanish, since the memfd is sealed against shrinking; this type
        // hands out nothing but views of it, and pointers, whose users answer for themselves. It
        // is writable, unless it is the inner one of a `ReadMapping`, which lends no such view.
        unsafe { View::new(self.base, self.len) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: mapped in `of` or `of_parts` with this length; views borrow `self`, so none is left. An error
        // would mean that the range is not mapped, which leaves nothing to do.
        let _ = unsafe { rustix::mm::munmap(self.base.cast(), self.len) };
    }
}
