//! In which order the engine's locks are taken.
//!
//! The checkers' locks let a reader pass a writer that waits; parking_lot's do not. There two threads
//! that each read under one lock what the other has locked wait for each other as soon as writers
//! wait, too, which no model would see. So each lock that is waited for under another is noted, in
//! all threads of a run, and locks that are taken crosswise are refused, whoever reads or writes.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::sync::OnceLock;

// The checker runs all threads of a model on one thread of the system. Nothing is switched at these.
std::thread_local! {
    static NEXT: Cell<u64> = const { Cell::new(0) };
    /// A lock, and one that was waited for under it.
    static UNDER: RefCell<BTreeSet<(u64, u64)>> = const { RefCell::new(BTreeSet::new()) };
}

/// A lock's number, which no other gets.
pub(crate) struct LockName(OnceLock<u64>);

impl LockName {
    pub(crate) const fn new() -> Self {
        Self(OnceLock::new())
    }

    pub(crate) fn number(&self) -> u64 {
        *self.0.get_or_init(|| NEXT.replace(NEXT.get() + 1))
    }
}

impl Drop for LockName {
    fn drop(&mut self) {
        if let Some(gone) = self.0.get() {
            // Fails while the thread ends, and then nobody asks any more.
            let _ = UNDER.try_with(|under| {
                under.borrow_mut().retain(|(outer, inner)| outer != gone && inner != gone);
            });
        }
    }
}

/// A thread that holds `held` is about to wait for `wanted`.
pub(crate) fn note(held: &[u64], wanted: u64) {
    UNDER.with_borrow_mut(|under| {
        for outer in held {
            if under.insert((*outer, wanted)) {
                assert!(!leads(under, wanted, *outer), "locks are taken crosswise");
            }
        }
    });
}

/// Whether `to` was waited for under `from`, or under what was, and so on.
fn leads(under: &BTreeSet<(u64, u64)>, from: u64, to: u64) -> bool {
    let (mut passed, mut ahead) = (BTreeSet::new(), vec![from]);
    while let Some(outer) = ahead.pop() {
        if outer == to {
            return true;
        }
        if passed.insert(outer) {
            ahead.extend(under.range((outer, 0)..=(outer, u64::MAX)).map(|(_, inner)| *inner));
        }
    }
    false
}
