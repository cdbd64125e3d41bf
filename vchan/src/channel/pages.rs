//! The channel's memory, as the core wants to see it: the shared page and two rings, over the pages
//! that the platform gave.

use core::sync::atomic::{Ordering, fence};

use argo_mem::{Memory, ReadMemory, ReadView, View};

use crate::geometry::{Geometry, Place};
use crate::layout::{Flag, PAGE_SIZE, Ring, Word};
use crate::memory::{SharedPage, SharedRings};
use crate::platform::{Cause, Fault, Platform};
use crate::role::Role;

/// Where this side's two rings are, if not in the shared page.
pub(crate) struct Rings<P: Platform> {
    pub(crate) write: Option<P::Pages>,
    pub(crate) read: Option<ReadRing<P>>,
}

/// The ring that this side reads: the server shared it, the client has it mapped to be read.
pub(crate) enum ReadRing<P: Platform> {
    Own(P::Pages),
    Mapped(P::ReadPages),
}

impl<P: Platform> ReadMemory for ReadRing<P> {
    #[inline]
    fn read_view(&self) -> ReadView<'_> {
        match self {
            ReadRing::Own(pages) => pages.view().to_read(),
            ReadRing::Mapped(pages) => pages.read_view(),
        }
    }
}

/// The shared page alone.
pub(crate) struct Page<M>(pub(crate) M);

/// Both, for one role. Every access lies in the pages: their sizes were checked once.
pub(crate) struct ChannelPages<P: Platform> {
    page: Page<P::Pages>,
    rings: Rings<P>,
    /// Where in the shared page the rings begin that lie there.
    write_at: usize,
    read_at: usize,
}

impl<P: Platform> ChannelPages<P> {
    /// Takes the pages together.
    ///
    /// # Errors
    /// The platform gave fewer bytes than it was asked for.
    pub(crate) fn new(
        page: Page<P::Pages>,
        rings: Rings<P>,
        role: Role,
        geometry: Geometry,
    ) -> Result<ChannelPages<P>, Fault> {
        let offset = |ring| match geometry.place(ring) {
            Place::InPage { offset } => offset as usize,
            Place::Granted { .. } => 0,
        };
        let (write, read) = (role.write_ring(), role.read_ring());
        let pages = ChannelPages { page, rings, write_at: offset(write), read_at: offset(read) };
        let size = |ring| geometry.order(ring).size() as usize;
        let fits = pages.page.0.view().len() >= PAGE_SIZE
            && pages.write_view().part(pages.write_at, size(write)).is_ok()
            && pages.read_view().part(pages.read_at, size(read)).is_ok();
        if !fits {
            return Err(Fault::new(Cause::Failed, "fewer pages than asked for"));
        }
        Ok(pages)
    }

    /// `len` bytes of the ring that this side reads, none if they are not in it.
    pub(crate) fn front(&self, offset: u32, len: u32) -> ReadView<'_> {
        let view = self.read_view();
        let part = view.part(self.read_at + offset as usize, len as usize);
        part.or_else(|_| view.part(0, 0)).unwrap_or(view)
    }

    #[inline]
    fn write_view(&self) -> View<'_> {
        match &self.rings.write {
            Some(pages) => pages.view(),
            None => self.page.0.view(),
        }
    }

    #[inline]
    fn read_view(&self) -> ReadView<'_> {
        match &self.rings.read {
            Some(pages) => pages.read_view(),
            None => self.page.0.view().to_read(),
        }
    }
}

/// An access outside of the page cannot be: words and flags lie in the first bytes of a page whose
/// size was checked. It would read 0, which means "gone".
impl<M: Memory> SharedPage for Page<M> {
    #[inline]
    fn load(&self, word: Word, ordering: Ordering) -> u32 {
        self.0.view().load_u32(word.offset(), ordering).unwrap_or(0)
    }

    #[inline]
    fn store(&self, word: Word, value: u32, ordering: Ordering) {
        let _inside = self.0.view().store_u32(word.offset(), value, ordering);
    }

    #[inline]
    fn load_flag(&self, flag: Flag, ordering: Ordering) -> u8 {
        self.0.view().load_u8(flag.offset(), ordering).unwrap_or(0)
    }

    #[inline]
    fn store_flag(&self, flag: Flag, value: u8, ordering: Ordering) {
        let _inside = self.0.view().store_u8(flag.offset(), value, ordering);
    }

    #[inline]
    fn fetch_or_flag(&self, flag: Flag, bits: u8, ordering: Ordering) -> u8 {
        self.0.view().fetch_or_u8(flag.offset(), bits, ordering).unwrap_or(0)
    }

    #[inline]
    fn fetch_and_flag(&self, flag: Flag, bits: u8, ordering: Ordering) -> u8 {
        self.0.view().fetch_and_u8(flag.offset(), bits, ordering).unwrap_or(0)
    }

    #[inline]
    fn fence_seq_cst(&self) {
        fence(Ordering::SeqCst);
    }
}

impl<P: Platform> SharedPage for ChannelPages<P> {
    #[inline]
    fn load(&self, word: Word, ordering: Ordering) -> u32 {
        self.page.load(word, ordering)
    }

    #[inline]
    fn store(&self, word: Word, value: u32, ordering: Ordering) {
        self.page.store(word, value, ordering);
    }

    #[inline]
    fn load_flag(&self, flag: Flag, ordering: Ordering) -> u8 {
        self.page.load_flag(flag, ordering)
    }

    #[inline]
    fn store_flag(&self, flag: Flag, value: u8, ordering: Ordering) {
        self.page.store_flag(flag, value, ordering);
    }

    #[inline]
    fn fetch_or_flag(&self, flag: Flag, bits: u8, ordering: Ordering) -> u8 {
        self.page.fetch_or_flag(flag, bits, ordering)
    }

    #[inline]
    fn fetch_and_flag(&self, flag: Flag, bits: u8, ordering: Ordering) -> u8 {
        self.page.fetch_and_flag(flag, bits, ordering)
    }

    #[inline]
    fn fence_seq_cst(&self) {
        self.page.fence_seq_cst();
    }
}

/// Named are only the ring that this side writes and the one that it reads, each in its own call.
impl<P: Platform> SharedRings for ChannelPages<P> {
    #[inline]
    fn copy_in(&self, _ring: Ring, offset: u32, from: &[u8]) {
        let _inside = self.write_view().write(self.write_at + offset as usize, from);
    }

    #[inline]
    fn copy_out(&self, _ring: Ring, offset: u32, to: &mut [u8]) {
        let _inside = self.read_view().read(self.read_at + offset as usize, to);
    }
}
