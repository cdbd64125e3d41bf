//! RAM of a domain that lives in this process.

use alloc::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};

use crate::{Memory, View};

/// Zeroed memory from the global allocator, aligned to a page, freed on drop.
pub struct HeapRam {
    base: *mut u8,
    layout: Layout,
}

// SAFETY: the memory is only reached through views, which are `Send` and `Sync`.
unsafe impl Send for HeapRam {}
// SAFETY: as for `Send`.
unsafe impl Sync for HeapRam {}

impl HeapRam {
    /// `len` bytes of zeros (at least one page is allocated).
    ///
    /// Ends the process (as `Vec` and `Box` do) when there is no memory for them: `len` must not
    /// be a guest's choice.
    pub fn zeroed(len: usize) -> Self {
        const PAGE: usize = 4096;
        // A page count that overflows `isize` cannot be allocated either: same answer.
        let layout = match Layout::from_size_align(len.max(PAGE), PAGE) {
            Ok(layout) => layout,
            Err(_) => handle_alloc_error(Layout::new::<[u8; PAGE]>()),
        };
        // SAFETY: the size is not zero.
        let base = unsafe { alloc_zeroed(layout) };
        if base.is_null() {
            handle_alloc_error(layout);
        }
        Self { base, layout }
    }
}

impl Memory for HeapRam {
    fn view(&self) -> View<'_> {
        // SAFETY: the allocation is page-aligned, `layout.size()` long, lives as long as the
        // borrow of `self`, and this type hands out nothing but views of it.
        unsafe { View::new(self.base, self.layout.size()) }
    }
}

impl Drop for HeapRam {
    fn drop(&mut self) {
        // SAFETY: allocated in `zeroed` with this layout; views borrow `self`, so none is left.
        unsafe { dealloc(self.base, self.layout) }
    }
}
