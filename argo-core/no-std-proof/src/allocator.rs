//! The simplest allocator: it hands out one array and takes nothing back.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};

const BYTES: usize = 16 << 20;

#[repr(align(4096))]
struct Arena(UnsafeCell<[u8; BYTES]>);

// SAFETY: the bytes are reached only through allocations, which never overlap.
unsafe impl Sync for Arena {}

static ARENA: Arena = Arena(UnsafeCell::new([0; BYTES]));

struct Bump {
    used: AtomicUsize,
}

#[global_allocator]
static ALLOCATOR: Bump = Bump { used: AtomicUsize::new(0) };

// SAFETY:
// - a block lies inside the arena, and begins where all earlier ones have ended;
// - its start is a multiple of the alignment, which is refused above the arena's own;
// - nothing here unwinds.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let take = |used: usize| {
            let end = used.checked_next_multiple_of(layout.align())?.checked_add(layout.size())?;
            (end <= BYTES && layout.align() <= align_of::<Arena>()).then_some(end)
        };
        match self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
            Ok(used) => {
                let start = used.next_multiple_of(layout.align());
                ARENA.0.get().cast::<u8>().wrapping_add(start)
            }
            Err(_) => ptr::null_mut(),
        }
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}
