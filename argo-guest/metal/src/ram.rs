//! The RAM that Argo's calls may name, and the numbers of its pages.

use argo_core::GuestAddr;
use argo_core::abi::PAGE_SIZE;
use argo_mem::View;

/// How addresses become numbers of pages.
#[derive(Clone, Copy, Debug)]
pub enum Frames {
    /// The number is the address divided by the page size: where addresses are the guest's physical
    /// ones.
    Identity,
    /// A paravirtualized guest's list of machine frames, for the pages from `base` on.
    Listed {
        /// The address of the first page.
        base: u64,
        /// The frame of each page.
        frames: &'static [u64],
    },
}

impl Frames {
    /// The number of the page at `address`.
    pub fn of(self, address: u64) -> u64 {
        match self {
            Self::Identity => address / PAGE,
            Self::Listed { base, frames } => {
                let index = usize::try_from(address.wrapping_sub(base) / PAGE).ok();
                index.and_then(|index| frames.get(index)).copied().unwrap_or(NO_FRAME)
            }
        }
    }
}

/// What Xen takes for no page at all.
pub(crate) const NO_FRAME: u64 = u64::MAX;

const PAGE: u64 = PAGE_SIZE as u64;

/// Memory that is reached through views only, and lent to whoever speaks Argo. There is one.
pub struct LentRam {
    memory: View<'static>,
    base: u64,
    frames: Frames,
}

impl LentRam {
    /// # Safety
    /// `base` is the address of that memory, as hypercalls name it, and `frames` are the numbers of its
    /// pages.
    pub unsafe fn new(memory: View<'static>, base: u64, frames: Frames) -> Self {
        Self { memory, base, frames }
    }

    /// For tests, which make no hypercalls.
    #[cfg(test)]
    pub(crate) fn anywhere(memory: View<'static>, base: u64) -> Self {
        Self { memory, base, frames: Frames::Identity }
    }

    /// The memory itself.
    pub fn view(&self) -> View<'_> {
        self.memory
    }

    /// Where `offset` lies for Xen.
    pub fn address(&self, offset: usize) -> GuestAddr {
        GuestAddr(self.base.wrapping_add(offset as u64))
    }

    /// The number of the page at `offset`.
    pub fn page(&self, offset: usize) -> u64 {
        self.frames.of(self.address(offset).0)
    }

    /// The offset of `len` bytes at an address, if all of them lie in this memory.
    pub fn place(&self, address: u64, len: usize) -> Option<usize> {
        let offset = usize::try_from(address.checked_sub(self.base)?).ok()?;
        self.memory.part(offset, len).ok().map(|_| offset)
    }

    /// Whether a number is that of a page of this memory.
    pub fn owns(&self, page: u64) -> bool {
        (0..self.memory.len()).step_by(PAGE_SIZE as usize).any(|offset| self.page(offset) == page)
    }
}
