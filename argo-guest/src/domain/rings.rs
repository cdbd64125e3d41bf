//! Which rings of ours have something in them, and who deals with it.
//!
//! An interrupt does not say which ring it is about: all are looked at, so that look is two words
//! in a row for a ring that is idle.

use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::Ordering;

use argo_mem::View;

use super::cut::{Cut, IfCut};
use super::events::Rest;
use crate::lock::Mutex;
use crate::registration::Registration;

/// A ring of ours, as whoever deals with events sees it.
pub(crate) trait Attend: Send + Sync {
    /// Deals with what has come, within a budget, and wakes whom it concerns.
    fn attend(&self) -> Rest;

    /// The session has ended: wakes everybody.
    fn end(&self);

    /// Its registration, unless the ring or what it is for is over.
    fn home(&self) -> Option<Arc<Registration>>;

    /// What becomes of it when the hypervisor takes it away.
    fn if_cut(&self) -> IfCut;

    /// The hypervisor took it away, and that became of it.
    fn cut(&self, cut: Cut);
}

#[derive(Default)]
pub(super) struct Rings {
    entries: Mutex<Vec<Entry>>,
}

struct Entry {
    ring: Arc<dyn Attend>,
    /// Where it lies in the RAM.
    offset: usize,
}

impl Rings {
    pub(super) fn add(&self, ring: Arc<dyn Attend>, registration: &Registration) {
        self.entries.lock().push(Entry { ring, offset: registration.offset() });
    }

    pub(super) fn remove(&self, ring: &dyn Attend) {
        self.entries.lock().retain(|entry| !core::ptr::addr_eq(Arc::as_ptr(&entry.ring), ring));
    }

    /// Adds those that are not empty to `due`.
    pub(super) fn filled(&self, ram: View<'_>, due: &mut Vec<Arc<dyn Attend>>) {
        let entries = self.entries.lock();
        let filled = entries.iter().filter(|entry| !entry.is_empty(ram));
        due.extend(filled.map(|entry| entry.ring.clone()));
    }

    pub(super) fn are_empty(&self, ram: View<'_>) -> bool {
        self.entries.lock().iter().all(|entry| entry.is_empty(ram))
    }

    pub(super) fn all(&self) -> Vec<Weak<dyn Attend>> {
        self.entries.lock().iter().map(|entry| Arc::downgrade(&entry.ring)).collect()
    }

    pub(super) fn end(&self) {
        let rings: Vec<_> = self.entries.lock().iter().map(|entry| entry.ring.clone()).collect();
        rings.iter().for_each(|ring| ring.end());
    }
}

impl Entry {
    fn is_empty(&self, ram: View<'_>) -> bool {
        let word = |at| ram.load_u32(self.offset + at, Ordering::Acquire);
        // The two indexes at the start of a ring; it was cut out of this RAM.
        word(0).ok() == word(4).ok()
    }
}
