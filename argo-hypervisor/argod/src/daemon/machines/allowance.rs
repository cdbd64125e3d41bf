//! How much of a processor the calls of one machine may take.
//!
//! A session's calls share a worker with others', by weight. A machine's vCPUs have threads of their
//! own, so its weight is turned into time: a hundredth of a processor each, all vCPUs together. A
//! vCPU of a machine that has had more, and a visit's budget beside, is delayed on its own thread
//! until that is made up for. What the guest does without calls is between it and the kernel's
//! scheduler.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The weight that is one processor.
const WHOLE: u64 = 100;

/// The time that a machine's calls may take.
pub struct Allowance {
    weight: u64,
    since: Instant,
    /// Up to when, since then, the time that was taken was due, in nanoseconds.
    due: AtomicU64,
    /// Nanoseconds for which vCPUs were delayed.
    delayed: AtomicU64,
}

impl Allowance {
    /// Of a domain with this weight, from now on.
    pub fn new(weight: u32) -> Self {
        Self {
            weight: u64::from(weight.max(1)),
            since: Instant::now(),
            due: AtomicU64::new(0),
            delayed: AtomicU64::new(0),
        }
    }

    /// Calls took so long. How long their vCPU has to wait before the next, if it does, where as much
    /// as `burst` may be had in advance.
    pub fn take(&self, took: Duration, burst: Duration) -> Option<Duration> {
        let delay = self.take_at(self.since.elapsed(), took, burst)?;
        self.delayed.fetch_add(delay.as_nanos() as u64, Ordering::Relaxed);
        Some(delay)
    }

    /// For how long vCPUs were delayed, all together.
    pub fn delayed(&self) -> Duration {
        Duration::from_nanos(self.delayed.load(Ordering::Relaxed))
    }

    fn take_at(&self, now: Duration, took: Duration, burst: Duration) -> Option<Duration> {
        let now = now.as_nanos() as u64;
        let worth = (took.as_nanos() as u64).saturating_mul(WHOLE) / self.weight;
        let after = |due: u64| due.max(now).saturating_add(worth);
        let before =
            self.due.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |due| Some(after(due)));
        // It never refuses.
        let due = before.map_or(now, after);
        let ahead = Duration::from_nanos(due - now);
        ahead.checked_sub(burst).filter(|delay| !delay.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BURST: Duration = Duration::from_micros(100);

    fn micros(count: u64) -> Duration {
        Duration::from_micros(count)
    }

    #[test]
    fn one_vcpu_of_the_usual_weight_is_never_delayed() {
        let allowance = Allowance::new(100);
        let mut now = micros(5);
        for _ in 0..1000 {
            now += micros(50);
            assert_eq!(allowance.take_at(now, micros(50), BURST), None);
        }
    }

    #[test]
    fn half_the_weight_is_half_a_processor() {
        let allowance = Allowance::new(50);
        let (mut now, mut taken) = (Duration::ZERO, Duration::ZERO);
        while now < Duration::from_secs(1) {
            now += micros(50);
            taken += micros(50);
            now += allowance.take_at(now, micros(50), BURST).unwrap_or_default();
        }
        let half = now / 2;
        assert!(taken >= half && taken <= half + 2 * BURST, "{taken:?} in {now:?}");
    }

    #[test]
    fn two_vcpus_share_what_their_machine_has_and_it_does_not_pile_up() {
        let allowance = Allowance::new(100);
        let now = Duration::from_secs(3600);
        assert_eq!(allowance.take_at(now, BURST / 2, BURST), None);
        assert_eq!(allowance.take_at(now, BURST / 2, BURST), None);
        assert_eq!(allowance.take_at(now, micros(10), BURST), Some(micros(10)));
        assert_eq!(allowance.take_at(now + micros(10), micros(10), BURST), Some(micros(10)));
    }
}
