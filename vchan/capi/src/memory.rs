//! The channel's memory, as the core wants to see it.

use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, Ordering, fence};

use argo_guest::services::{Mapped, MappedRead, Share};
use argo_mem::{Memory, ReadMemory, ReadView, View};
use vchan::layout::LIVE_CONNECTED;
use vchan::{Flag, Geometry, Place, Ring, Role, SharedPage, SharedRings, Word};

/// Pages of either side.
pub(crate) enum Pages {
    Shared(Share),
    Mapped(Mapped),
    MappedRead(MappedRead),
}

impl Pages {
    /// Where they are, for C.
    pub(crate) fn address(&self) -> *mut c_void {
        match self {
            Self::Shared(share) => share.as_ptr().cast(),
            Self::Mapped(mapped) => mapped.as_ptr().cast(),
            Self::MappedRead(mapped) => mapped.as_ptr().cast_mut().cast(),
        }
    }

    fn view(&self) -> Option<View<'_>> {
        match self {
            Self::Shared(share) => Some(share.view()),
            Self::Mapped(mapped) => Some(mapped.view()),
            Self::MappedRead(_) => None,
        }
    }

    fn read_view(&self) -> ReadView<'_> {
        match self {
            Self::Shared(share) => share.read_view(),
            Self::Mapped(mapped) => mapped.read_view(),
            Self::MappedRead(mapped) => mapped.read_view(),
        }
    }
}

/// The shared page.
///
/// Each access lies in it, which is a whole page: were it not so, a write would do nothing and a
/// read would find 0.
pub(crate) struct Page {
    pub(crate) pages: Pages,
    /// A server that stays is told that its client is there, whatever the page says.
    persist: AtomicBool,
}

impl Page {
    pub(crate) fn new(pages: Pages) -> Self {
        Self { pages, persist: AtomicBool::new(false) }
    }

    pub(crate) fn set_persist(&self, persist: bool) {
        self.persist.store(persist, Ordering::Relaxed);
    }
}

impl SharedPage for Page {
    fn load(&self, word: Word, ordering: Ordering) -> u32 {
        let view = self.pages.view();
        view.and_then(|view| view.load_u32(word.offset(), ordering).ok()).unwrap_or(0)
    }

    fn store(&self, word: Word, value: u32, ordering: Ordering) {
        let _ = self.pages.view().map(|view| view.store_u32(word.offset(), value, ordering));
    }

    fn load_flag(&self, flag: Flag, ordering: Ordering) -> u8 {
        if flag == Flag::CliLive && self.persist.load(Ordering::Relaxed) {
            return LIVE_CONNECTED;
        }
        let view = self.pages.view();
        view.and_then(|view| view.load_u8(flag.offset(), ordering).ok()).unwrap_or(0)
    }

    fn store_flag(&self, flag: Flag, value: u8, ordering: Ordering) {
        let _ = self.pages.view().map(|view| view.store_u8(flag.offset(), value, ordering));
    }

    fn fetch_or_flag(&self, flag: Flag, bits: u8, ordering: Ordering) -> u8 {
        let view = self.pages.view();
        view.and_then(|view| view.fetch_or_u8(flag.offset(), bits, ordering).ok()).unwrap_or(0)
    }

    fn fetch_and_flag(&self, flag: Flag, bits: u8, ordering: Ordering) -> u8 {
        let view = self.pages.view();
        view.and_then(|view| view.fetch_and_u8(flag.offset(), bits, ordering).ok()).unwrap_or(0)
    }

    fn fence_seq_cst(&self) {
        fence(Ordering::SeqCst);
    }
}

/// The shared page and both rings, for one role. Rings are unmapped before the page.
pub(crate) struct ChannelMemory {
    rings: [Option<Pages>; 2],
    pub(crate) page: Page,
    pub(crate) geometry: Geometry,
}

impl ChannelMemory {
    /// `left` and `right`: the pages of those rings that do not lie in the shared page.
    pub(crate) fn new(
        page: Page,
        geometry: Geometry,
        left: Option<Pages>,
        right: Option<Pages>,
    ) -> Self {
        Self { rings: [left, right], page, geometry }
    }

    /// Where a ring's bytes begin, for C.
    pub(crate) fn address(&self, ring: Ring) -> *mut c_void {
        let (pages, offset) = self.place(ring);
        pages.address().wrapping_byte_add(offset)
    }

    fn place(&self, ring: Ring) -> (&Pages, usize) {
        let own = &self.rings[(ring == Ring::Right) as usize];
        match (own, self.geometry.place(ring)) {
            (Some(pages), Place::Granted { .. }) => (pages, 0),
            (_, Place::InPage { offset }) => (&self.page.pages, offset as usize),
            (None, Place::Granted { .. }) => (&self.page.pages, 0),
        }
    }
}

impl SharedPage for ChannelMemory {
    fn load(&self, word: Word, ordering: Ordering) -> u32 {
        self.page.load(word, ordering)
    }

    fn store(&self, word: Word, value: u32, ordering: Ordering) {
        self.page.store(word, value, ordering);
    }

    fn load_flag(&self, flag: Flag, ordering: Ordering) -> u8 {
        self.page.load_flag(flag, ordering)
    }

    fn store_flag(&self, flag: Flag, value: u8, ordering: Ordering) {
        self.page.store_flag(flag, value, ordering);
    }

    fn fetch_or_flag(&self, flag: Flag, bits: u8, ordering: Ordering) -> u8 {
        self.page.fetch_or_flag(flag, bits, ordering)
    }

    fn fetch_and_flag(&self, flag: Flag, bits: u8, ordering: Ordering) -> u8 {
        self.page.fetch_and_flag(flag, bits, ordering)
    }

    fn fence_seq_cst(&self) {
        self.page.fence_seq_cst();
    }
}

impl SharedRings for ChannelMemory {
    fn copy_in(&self, ring: Ring, offset: u32, from: &[u8]) {
        let (pages, start) = self.place(ring);
        let _ = pages.view().map(|view| view.write(start + offset as usize, from));
    }

    fn copy_out(&self, ring: Ring, offset: u32, to: &mut [u8]) {
        let (pages, start) = self.place(ring);
        let _ = pages.read_view().read(start + offset as usize, to);
    }
}

/// The word with which a ring begins in the page: `struct ring_shared`.
pub(crate) fn indexes(page: *mut c_void, ring: Ring) -> *mut c_void {
    page.wrapping_byte_add(Word::cons(ring).offset())
}

/// The ring that the role reads, then the one that it writes.
pub(crate) fn read_and_write(role: Role) -> (Ring, Ring) {
    (role.read_ring(), role.write_ring())
}
