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
        let mut pages = (0..self.memory.len()).step_by(PAGE_SIZE as usize);
        match self.frames {
            Frames::Identity => {
                let address = page.checked_mul(PAGE);
                address.is_some_and(|address| self.place(address, PAGE_SIZE as usize).is_some())
            }
            Frames::Listed { .. } => pages.any(|offset| self.page(offset) == page),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::boxed::Box;

    use argo_mem::{HeapRam, Memory};

    use super::*;

    const BASE: u64 = 0x4000_0000;

    fn ram(frames: Frames) -> LentRam {
        let memory: &'static HeapRam = Box::leak(Box::new(HeapRam::zeroed(4 * PAGE as usize)));
        LentRam { memory: memory.view(), base: BASE, frames }
    }

    #[test]
    fn listed_pages_have_the_numbers_of_the_list() {
        let frames: &'static [u64] = &[7, 9, 4, 5];
        let frames = Frames::Listed { base: BASE, frames };
        assert_eq!(frames.of(BASE), 7);
        assert_eq!(frames.of(BASE + 3 * PAGE + 1), 5);
        assert_eq!(frames.of(BASE + 4 * PAGE), NO_FRAME);
        assert_eq!(frames.of(BASE - 1), NO_FRAME);
    }

    #[test]
    fn a_ram_owns_its_pages_and_no_others() {
        let owned = |ram: LentRam, pages: [u64; 5]| pages.map(|page| ram.owns(page));
        let first = BASE / PAGE;
        let expected = [true, true, false, false, false];
        let pages = [first, first + 3, first + 4, first - 1, u64::MAX];
        assert_eq!(owned(ram(Frames::Identity), pages), expected);
        let frames = Frames::Listed { base: BASE, frames: &[7, 9, 4, 5, 6] };
        assert_eq!(owned(ram(frames), [7, 5, 6, 0, first]), expected);
    }
}
