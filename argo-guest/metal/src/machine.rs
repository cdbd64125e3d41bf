//! What start-up finds and sets up.

#[cfg(feature = "vchan")]
use core::sync::atomic::AtomicU64;

use crate::channel::Pending;
use crate::clock::Clock;
use crate::ram::LentRam;
use crate::xen::Xen;

/// A guest's machine: given to its main function, once.
pub struct Machine {
    /// The way to Xen.
    pub xen: Xen,
    /// Which ports have events.
    pub pending: Pending,
    /// The time.
    pub clock: &'static Clock,
    /// The RAM that Argo's calls may name.
    pub ram: LentRam,
    /// What is needed to share memory with other guests. `None`: start-up does not prepare it there.
    #[cfg(feature = "vchan")]
    pub grants: Option<Grants>,
    /// What the guest was told when it was started.
    pub command_line: &'static str,
}

/// What is needed to share memory with other guests.
#[cfg(feature = "vchan")]
pub struct Grants {
    /// The table that Xen reads.
    pub table: &'static [AtomicU64; crate::vchan::ENTRIES],
    /// Pages to be shared.
    pub ram: LentRam,
    /// Where pages of others can be.
    pub window: Addresses,
}

/// Whole pages of addresses at which there is no memory, used by one.
#[cfg(feature = "vchan")]
pub struct Addresses {
    pub(crate) start: *mut u8,
    pub(crate) len: usize,
}

// SAFETY: it is only a place: whoever puts memory there says why he may.
#[cfg(feature = "vchan")]
unsafe impl Send for Addresses {}
// SAFETY: as for `Send`.
#[cfg(feature = "vchan")]
unsafe impl Sync for Addresses {}

#[cfg(feature = "vchan")]
impl Addresses {
    /// # Safety
    /// Nobody else uses these addresses, and memory that is put there can be reached by them.
    pub unsafe fn new(start: *mut u8, len: usize) -> Self {
        Self { start, len }
    }
}
