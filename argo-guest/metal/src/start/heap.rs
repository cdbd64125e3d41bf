//! The guest's heap: a part of its image.

use linked_list_allocator::LockedHeap;

use super::regions::HEAP;

#[global_allocator]
static ALLOCATOR: LockedHeap = LockedHeap::empty();

/// # Safety
/// To be called once, before anything is allocated.
pub(super) unsafe fn begin() {
    // SAFETY: the region is valid and nobody else's, and this happens once.
    unsafe { ALLOCATOR.lock().init(HEAP.start(), HEAP.len()) }
}
