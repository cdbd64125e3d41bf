//! The large parts of a guest's image that are no variables: memory that somebody hands out.

use core::cell::UnsafeCell;

/// Bytes of the heap.
const HEAP_BYTES: usize = 4 << 20;
/// Bytes of the RAM that is lent to Argo.
const RAM_BYTES: usize = 8 << 20;

/// What the allocator hands out.
pub(super) static HEAP: Region<HEAP_BYTES> = Region::new();
/// What Argo's calls may name.
pub(super) static RAM: Region<RAM_BYTES> = Region::new();
/// The page that Xen shares with this guest.
#[cfg(feature = "start")]
pub(super) static SHARED: Region<4096> = Region::new();

/// The grant table.
#[cfg(all(target_arch = "aarch64", feature = "vchan"))]
pub(super) static GRANTS: Region<4096> = Region::new();
/// What is shared with other guests.
#[cfg(all(target_arch = "aarch64", feature = "vchan"))]
pub(super) static SHARES: Region<{ 1 << 20 }> = Region::new();

/// Zeroed memory, aligned to a page.
#[repr(C, align(4096))]
pub(super) struct Region<const BYTES: usize>(UnsafeCell<[u8; BYTES]>);

// SAFETY: it gives out nothing but its address; whoever uses that says why he may.
unsafe impl<const BYTES: usize> Sync for Region<BYTES> {}

impl<const BYTES: usize> Region<BYTES> {
    const fn new() -> Self {
        Self(UnsafeCell::new([0; BYTES]))
    }

    pub(super) fn start(&self) -> *mut u8 {
        self.0.get().cast()
    }

    pub(super) fn len(&self) -> usize {
        BYTES
    }
}
