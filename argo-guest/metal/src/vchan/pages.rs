//! Pages as long as they are held.

use alloc::sync::Arc;
use core::ops::Range;
use core::sync::atomic::Ordering;

use argo_mem::{Memory, ReadMemory, ReadView, View};
use vchan::platform::UnmapNotify;

use super::Inner;
use super::mapped::Map;
use super::pool::PAGE;
use super::shared::Share;

/// Pages that can be written: shared by this guest, or mapped. Dropped, they are given up.
pub struct Pages {
    inner: Arc<Inner>,
    hold: Hold,
    notify: Option<UnmapNotify>,
}

/// Pages of another domain that can be read.
pub struct ReadPages {
    inner: Arc<Inner>,
    map: Option<Map>,
}

enum Hold {
    Share(Share),
    Map(Map),
    Nothing,
}

impl Pages {
    pub(super) fn shared(inner: Arc<Inner>, share: Share, notify: Option<UnmapNotify>) -> Self {
        Self { inner, hold: Hold::Share(share), notify }
    }

    pub(super) fn mapped(inner: Arc<Inner>, map: Map, notify: Option<UnmapNotify>) -> Self {
        Self { inner, hold: Hold::Map(map), notify }
    }
}

impl ReadPages {
    pub(super) fn new(inner: Arc<Inner>, map: Map) -> Self {
        Self { inner, map: Some(map) }
    }
}

impl Memory for Pages {
    #[inline]
    fn view(&self) -> View<'_> {
        match &self.hold {
            Hold::Share(share) => self.inner.shared_view(&share.pages),
            Hold::Map(map) => {
                let (start, len) = self.inner.place(&map.pages);
                // SAFETY: the pages are mapped there, to be written, until `map` is given up, which
                // the borrow of `self` prevents; they are reached through views only.
                unsafe { View::new(start, len) }
            }
            Hold::Nothing => self.inner.shared_view(&(0..0)),
        }
    }
}

impl ReadMemory for ReadPages {
    #[inline]
    fn read_view(&self) -> ReadView<'_> {
        let (start, len) = match &self.map {
            Some(map) => self.inner.place(&map.pages),
            None => self.inner.place(&(0..0)),
        };
        // SAFETY: the pages are mapped there until `map` is given up, which the borrow of `self`
        // prevents; they are reached through views only.
        unsafe { ReadView::new(start, len) }
    }
}

impl Inner {
    fn place(&self, pages: &Range<usize>) -> (*mut u8, usize) {
        (self.window.at(pages.start), pages.len().saturating_mul(PAGE))
    }

    fn shared_view(&self, pages: &Range<usize>) -> View<'_> {
        let (start, len) = (pages.start.saturating_mul(PAGE), pages.len().saturating_mul(PAGE));
        let whole = self.ram.view();
        // The pages were taken out of this RAM.
        whole.part(start, len).unwrap_or(whole)
    }
}

/// What [`UnmapNotify`] says happens first, so that the other side still sees the byte.
impl Drop for Pages {
    fn drop(&mut self) {
        if let Some(UnmapNotify { byte, .. }) = self.notify {
            let _inside = self.view().store_u8(byte, 0, Ordering::Release);
        }
        match core::mem::replace(&mut self.hold, Hold::Nothing) {
            Hold::Share(share) => self.inner.end_share(share),
            Hold::Map(map) => self.inner.unmap(map),
            Hold::Nothing => {}
        }
        if let Some(UnmapNotify { port, .. }) = self.notify {
            // An error means that the port is gone, and who would hear it.
            let _ = self.inner.xen.signal(crate::channel::Port(port.0));
        }
    }
}

impl Drop for ReadPages {
    fn drop(&mut self) {
        self.map.take().into_iter().for_each(|map| self.inner.unmap(map));
    }
}
