//! How long a worker watches a session that has nothing to do, before it lets it rest.
//!
//! Watching pays when the guest runs on another core and is quick. On the worker's own core it
//! cannot even run meanwhile, so what pays is learnt: each success doubles the time, each failure
//! halves it, and where it has come down to nothing a short try is made now and then.

use std::time::Duration;

/// Of so many sessions that are let rest, one is watched for a try.
const TRY_EVERY: u32 = 64;
/// The first step, and the length of a try.
const STEP: Duration = Duration::from_micros(2);

/// Learns how long to watch.
pub struct Spin {
    limit: Duration,
    current: Duration,
    rests: u32,
}

impl Spin {
    /// Never watches longer than `limit`.
    pub fn new(limit: Duration) -> Self {
        Self { limit, current: Duration::ZERO, rests: 0 }
    }

    /// How long to watch the session that has just run out of calls. Zero: not at all.
    pub fn time(&mut self) -> Duration {
        if !self.current.is_zero() {
            return self.current;
        }
        self.rests = self.rests.wrapping_add(1);
        if self.rests.is_multiple_of(TRY_EVERY) { STEP.min(self.limit) } else { Duration::ZERO }
    }

    /// A watched session came up with calls.
    pub fn paid(&mut self) {
        self.current = (self.current * 2).max(STEP).min(self.limit);
    }

    /// A watched session did not.
    pub fn failed(&mut self) {
        self.current /= 2;
        if self.current < STEP {
            self.current = Duration::ZERO;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_micros(50);

    #[test]
    fn nothing_is_watched_until_a_try_has_paid() {
        let mut spin = Spin::new(LIMIT);
        let tries: Vec<Duration> = (0..TRY_EVERY).map(|_| spin.time()).collect();
        let (last, others) = tries.split_last().unwrap();
        assert!(others.iter().all(Duration::is_zero));
        assert_eq!(*last, STEP);
        spin.paid();
        assert_eq!(spin.time(), STEP);
    }

    #[test]
    fn success_lengthens_up_to_the_limit_and_failure_shortens_to_nothing() {
        let mut spin = Spin::new(LIMIT);
        (0..10).for_each(|_| spin.paid());
        assert_eq!(spin.time(), LIMIT);
        (0..5).for_each(|_| spin.failed());
        assert!(spin.time().is_zero());
    }

    #[test]
    fn a_limit_of_zero_is_never() {
        let mut spin = Spin::new(Duration::ZERO);
        spin.paid();
        assert!((0..2 * TRY_EVERY).all(|_| spin.time().is_zero()));
    }
}
