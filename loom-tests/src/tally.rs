//! How it is known that models reach what they are about.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts over all runs of a model, to show that it is not true for want of anything happening.
#[derive(Clone, Debug, Default)]
pub struct Tally(Arc<AtomicUsize>);

impl Tally {
    /// It happened once more.
    pub fn note(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// How often it happened.
    pub fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}
