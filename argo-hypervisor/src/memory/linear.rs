//! Guest RAM that is one piece of host memory.

use alloc::sync::Arc;
use alloc::vec::Vec;

use argo_core::abi::PAGE_SIZE;
use argo_core::claim::RingLen;
use argo_core::ring::Spans;
use argo_core::{Gfn, GuestAddr};
use argo_mem::{Memory, View};

use super::{Fault, GuestMemory, MapError, PageLists, RingPages};
use crate::fallible;
use crate::lists::List;

const PAGE: u64 = PAGE_SIZE as u64;

/// Guest addresses from 0 on, a number of pages long, at some place of a host memory.
///
/// Page 0 is never used: accesses below 0x1000 fault, so that a null pointer is always bad. Perhaps
/// neither are those behind it: see [`LinearMemory::with_first`].
/// Clones are the same memory.
pub struct LinearMemory<T> {
    memory: Arc<T>,
    base: usize,
    /// The first address that is used.
    first: u64,
    /// A multiple of the page size.
    bytes: u64,
    read_only: Arc<[u64]>,
    lists: Option<PageLists>,
}

/// Guest RAM that does not lie in its host memory, or not at a page of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{pages} pages of guest RAM at byte {base} do not lie page by page in {limit} bytes")]
pub struct BadRam {
    /// Where the RAM should begin, in bytes.
    pub base: usize,
    /// Its length in pages.
    pub pages: u64,
    /// The length of the host memory in bytes.
    pub limit: usize,
}

impl<T: Memory + 'static> LinearMemory<T> {
    /// The `pages` pages that begin at byte `base` (a multiple of the page size) of `memory`.
    ///
    /// # Errors
    /// They do not lie in it.
    pub fn new(memory: Arc<T>, base: usize, pages: u64) -> Result<Self, BadRam> {
        let limit = memory.view().len();
        let end = pages.checked_mul(PAGE).and_then(|bytes| bytes.checked_add(base as u64));
        let inside = end.is_some_and(|end| end <= limit as u64);
        if !inside || !(base as u64).is_multiple_of(PAGE) {
            return Err(BadRam { base, pages, limit });
        }
        let bytes = pages.saturating_mul(PAGE);
        Ok(Self { memory, base, first: PAGE, bytes, read_only: Arc::new([]), lists: None })
    }

    /// The same memory, where what lies below this address is as page 0: no access begins there, and no
    /// ring has a page there. (Page 0 stays so, whatever the address.)
    #[must_use]
    pub fn with_first(self, address: GuestAddr) -> Self {
        Self { first: address.0.max(PAGE), ..self }
    }

    /// The same memory with pages that cannot be a ring, by their numbers, like ROM in a machine.
    /// (Arguments may lie in them all the same.)
    #[must_use]
    pub fn with_read_only(mut self, pages: &[u64]) -> Self {
        let mut pages = Vec::from(pages);
        pages.sort_unstable();
        self.read_only = pages.into();
        self
    }

    /// The same memory, where rings keep their pages in these lists and take no other memory.
    #[must_use]
    pub fn with_page_lists(self, lists: PageLists) -> Self {
        Self { lists: Some(lists), ..self }
    }

    /// The host memory.
    pub fn memory(&self) -> &Arc<T> {
        &self.memory
    }

    /// The bytes at a guest address.
    #[inline]
    fn window(&self, at: GuestAddr, len: usize) -> Result<View<'_>, Fault> {
        let fault = Fault { at, len };
        let rest = self.bytes.checked_sub(at.0).ok_or(fault)?;
        if at.0 < self.first || len as u64 > rest {
            return Err(fault);
        }
        self.memory.view().part(self.place(at.0), len).map_err(|_| fault)
    }

    /// The offset in the host memory. That of an address in the guest's RAM fits, as `new` checked;
    /// others would be outside of any memory.
    #[inline]
    fn place(&self, at: u64) -> usize {
        usize::try_from(at).map_or(usize::MAX, |at| self.base.saturating_add(at))
    }

    /// The offset in the host memory of a page that may be part of a ring.
    fn ring_page(&self, Gfn(gfn): Gfn) -> Result<usize, MapError> {
        let pages = self.first.div_ceil(PAGE)..self.bytes / PAGE;
        let usable = pages.contains(&gfn) && self.read_only.binary_search(&gfn).is_err();
        let place = self.place(gfn.saturating_mul(PAGE));
        if usable { Ok(place) } else { Err(MapError::BadPage(gfn)) }
    }
}

impl<T: Memory + 'static> GuestMemory for LinearMemory<T> {
    type Ring = RingPages<T>;

    #[inline]
    fn read(&self, at: GuestAddr, out: &mut [u8]) -> Result<(), Fault> {
        if out.is_empty() {
            return Ok(());
        }
        let fault = Fault { at, len: out.len() };
        self.window(at, out.len())?.read(0, out).map_err(|_| fault)
    }

    #[inline]
    fn write(&self, at: GuestAddr, bytes: &[u8]) -> Result<(), Fault> {
        if bytes.is_empty() {
            return Ok(());
        }
        let fault = Fault { at, len: bytes.len() };
        self.window(at, bytes.len())?.write(0, bytes).map_err(|_| fault)
    }

    fn map_ring(
        &self,
        pages: impl ExactSizeIterator<Item = Result<Gfn, Fault>>,
        len: RingLen,
    ) -> Result<RingPages<T>, MapError> {
        let count = pages.len();
        let list = match &self.lists {
            None => List::with_room(count),
            Some(lists) => lists.take(),
        };
        let mut offsets = list.ok_or(MapError::NoMemory(count))?;
        for gfn in pages {
            let page = self.ring_page(gfn?)?;
            fallible::push(&mut offsets, page).map_err(|_| MapError::NoMemory(count))?;
        }
        Ok(RingPages::new(self.memory.clone(), offsets, len))
    }

    #[inline]
    fn copy_to_ring(&self, from: GuestAddr, to: &RingPages<T>, spans: Spans) -> Result<(), Fault> {
        let Spans { first, second } = spans;
        let (head, tail) = (first.len as usize, second.len as usize);
        let whole = head.saturating_add(tail);
        if whole == 0 {
            return Ok(());
        }
        let source = self.window(from, whole)?;
        match tail {
            0 => to.copy_from(first.at, source, 0..whole),
            _ => to.copy_in_two(spans, source),
        }
        Ok(())
    }
}

impl<T> Clone for LinearMemory<T> {
    fn clone(&self) -> Self {
        Self {
            memory: self.memory.clone(),
            base: self.base,
            first: self.first,
            bytes: self.bytes,
            read_only: self.read_only.clone(),
            lists: self.lists.clone(),
        }
    }
}
