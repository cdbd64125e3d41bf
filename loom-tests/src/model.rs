//! How models are run in every interleaving.

use loom::model::Builder;

use crate::tally::Tally;

/// Forced switches between threads in one run, unless `LOOM_MAX_PREEMPTIONS` is set.
pub const PREEMPTIONS: usize = 3;

/// Runs `model` in every interleaving within the bound; panics if it panics or deadlocks in one.
pub fn check(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound.get_or_insert(PREEMPTIONS);
    run(&builder, model);
}

/// The same in every interleaving, without a bound.
pub fn check_all(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = None;
    run(&builder, model);
}

fn run(builder: &Builder, model: impl Fn() + Sync + Send + 'static) {
    let interleavings = Tally::default();
    let tally = interleavings.clone();
    builder.check(move || {
        tally.note();
        model();
    });
    effort::ran(interleavings.count() as u64, "interleavings");
}
