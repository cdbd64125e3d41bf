//! How models are run and how it is known that they reached what they are about.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use loom::model::Builder;

/// Forced switches between threads in one run, unless `LOOM_MAX_PREEMPTIONS` is set.
pub const PREEMPTIONS: usize = 3;

/// Runs `model` in every interleaving within the bound; panics if it panics or deadlocks in one.
pub fn check(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound.get_or_insert(PREEMPTIONS);
    let interleavings = Tally::default();
    let tally = interleavings.clone();
    builder.check(move || {
        tally.note();
        model();
    });
    effort::ran(interleavings.count() as u64, "interleavings");
}

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
