//! Memory of ended sessions: whether somebody still holds it.
//!
//! A descriptor or a mapping that leaked out of a session cannot be taken back, so RAM is never
//! used again; and a domain gets new RAM only as old RAM is let go, or a guest could hold any
//! amount by attaching and dying in a loop. Linux grants a write lease on a file only while nobody
//! else has opened it for writing: that is the question asked here.
//!
//! The descriptor that `memfd_create` makes does not count as such an open. So the guest is passed
//! one that was opened again, and a third is kept for the question.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::Weak;

use argo_mem::Mapping;
use rustix::fs::{Mode, OFlags, open};

use super::sockopt::try_write_lease;

/// The RAM of a session that is over, or will be.
pub struct Buried {
    fd: OwnedFd,
    mapping: Weak<Mapping>,
}

impl Buried {
    /// Prepares the question for a memfd of which the guest gets what [`reopen`] gives.
    ///
    /// # Errors
    /// As [`reopen`].
    pub fn prepare(memfd: impl AsFd, mapping: Weak<Mapping>) -> rustix::io::Result<Self> {
        Ok(Self { fd: reopen(memfd)?, mapping })
    }

    /// Whether somebody still has the memory: argod itself (a call is being finished), or a
    /// process that kept a descriptor or a mapping.
    pub fn is_held(&self) -> bool {
        self.mapping.strong_count() > 0 || !try_write_lease(&self.fd)
    }
}

/// Opens a memfd again, as an open that leases count.
///
/// # Errors
/// No descriptors are left, or /proc is not there.
pub fn reopen(memfd: impl AsFd) -> rustix::io::Result<OwnedFd> {
    let path = format!("/proc/self/fd/{}", memfd.as_fd().as_raw_fd());
    open(path, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())
}
