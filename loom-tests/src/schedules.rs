//! Random schedules, for what is too large to try in every interleaving.

use std::sync::Arc;

use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, Runner};

/// Of so many switches of priority at the most is a PCT schedule made.
const DEPTH: usize = 3;

/// Bytes of stack for each thread of a model.
const STACK: usize = 1 << 18;

/// Schedules in which a small model runs.
const FEW: u32 = 400;

/// Runs `model` in that many schedules (see [`effort::cases`]): half of them choose among the threads
/// at each step, half give the threads priorities that change at few places (PCT). A failure prints
/// its schedule, which `shuttle::replay` runs again.
pub fn explore(schedules: u32, model: impl Fn() + Send + Sync + 'static) {
    let half = effort::cases(schedules.div_ceil(2)) as usize;
    let mut config = Config::new();
    config.stack_size = STACK;
    let model = Arc::new(model);
    let again = model.clone();
    let random = Runner::new(RandomScheduler::new(half), config.clone()).run(move || model());
    let pct = Runner::new(PctScheduler::new(DEPTH, half), config).run(move || again());
    effort::ran((random + pct) as u64, "random schedules");
}

/// A small model, which loom tries in every interleaving within its bound.
pub fn check(model: impl Fn() + Send + Sync + 'static) {
    explore(FEW, model);
}

/// A small model, which loom tries in every interleaving.
pub fn check_all(model: impl Fn() + Send + Sync + 'static) {
    explore(FEW, model);
}
