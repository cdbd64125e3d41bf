//! Pages on the heap.

use alloc::sync::Arc;
use core::sync::atomic::Ordering;

use argo_mem::{HeapRam, Memory, View};
use xen_services::Holder;

use super::hub::{Hub, carry_out};

/// The memory of one share.
#[derive(Clone)]
pub(super) struct Ram(Arc<HeapRam>);

impl Ram {
    pub(super) fn zeroed(len: usize) -> Ram {
        Ram(Arc::new(HeapRam::zeroed(len)))
    }

    /// A byte becomes zero, after all that was done before.
    pub(super) fn clear(&self, offset: u32) {
        let _inside = self.0.view().store_u8(offset as usize, 0, Ordering::Release);
    }
}

/// Pages that a domain shares, or has mapped. Also those to be read only can be written here, which
/// nobody does: in one process there is nobody to hide memory from.
pub struct Pages {
    pub(super) ram: Ram,
    pub(super) offset: usize,
    pub(super) len: usize,
    pub(super) hub: Hub,
    pub(super) holder: Holder,
    pub(super) hold: Hold,
}

/// As what the pages are held.
#[derive(Clone, Copy)]
pub(super) enum Hold {
    Share(u32),
    Map(u32),
}

impl Memory for Pages {
    #[inline]
    fn view(&self) -> View<'_> {
        let whole = self.ram.0.view();
        whole.part(self.offset, self.len).unwrap_or(whole)
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        let mut tables = self.hub.lock();
        let released = match self.hold {
            Hold::Share(share) => tables.grants.unshare(self.holder, share),
            Hold::Map(map) => tables.grants.unmap(self.holder, map),
        };
        drop(tables);
        // An error: the domain's connection was ended before.
        if let Ok(release) = released {
            carry_out(release);
        }
    }
}
