//! Whether a session's interrupts take so long that no worker is to send them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// For so many times as long as a slow interrupt took no worker sends the next one. So a session that
/// is slow on purpose has a hundredth of a worker's time at most; and who was slow by chance (a
/// machine's interrupt handlers count as somebody's time, too) is not kept apart for ever. What comes
/// meanwhile changes nothing: an interrupt into a full socket is quick, whoever waits there.
const APART: u32 = 100;

/// What a session's interrupts have shown.
pub struct Slowness {
    limit: Duration,
    made: Instant,
    /// Workers send its interrupts from then on: nanoseconds since `made`.
    quick_from: AtomicU64,
}

impl Slowness {
    /// A session that is quick; an interrupt that takes longer than `limit` makes it slow.
    pub fn new(limit: Duration) -> Self {
        Self { limit, made: Instant::now(), quick_from: AtomicU64::new(0) }
    }

    /// Whether an interrupt at this time is not for a worker to send.
    pub fn is_slow(&self, now: Instant) -> bool {
        self.nanos(now) < self.quick_from.load(Ordering::Relaxed)
    }

    /// An interrupt that ended at this time took so long. Whether that makes the session slow.
    pub fn note(&self, now: Instant, worked: Duration) -> bool {
        let is_slow = worked > self.limit;
        if is_slow {
            let apart = nanos(worked.saturating_mul(APART));
            let until = self.nanos(now).saturating_add(apart);
            self.quick_from.fetch_max(until, Ordering::Relaxed);
        }
        is_slow
    }

    fn nanos(&self, now: Instant) -> u64 {
        nanos(now.saturating_duration_since(self.made))
    }
}

/// Of a time below 500 years.
fn nanos(time: Duration) -> u64 {
    time.as_nanos().try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Duration = Duration::from_micros(1);
    const LIMIT: Duration = Duration::from_micros(2);
    const SLOW: Duration = Duration::from_micros(3);

    #[test]
    fn a_slow_interrupt_keeps_workers_away_a_hundred_times_as_long() {
        let slowness = Slowness::new(LIMIT);
        let now = slowness.made + SLOW;
        assert!(!slowness.note(now, LIMIT) && !slowness.is_slow(now));
        assert!(slowness.note(now, SLOW));
        assert!(slowness.is_slow(now + SLOW * APART - QUICK));
        assert!(!slowness.is_slow(now + SLOW * APART));
        assert!(slowness.note(now, Duration::MAX));
        assert!(slowness.is_slow(now + Duration::from_secs(1 << 32)));
    }

    /// A guest that leaves its socket full has as many quick interrupts as it likes, then drains one
    /// byte: the next interrupt walks past its waiters again.
    #[test]
    fn quick_interrupts_meanwhile_do_not_bring_the_workers_back() {
        let slowness = Slowness::new(LIMIT);
        let mut now = slowness.made;
        for _ in 0..10 {
            assert!(slowness.note(now, SLOW));
            for _ in 1..APART {
                now += QUICK;
                assert!(!slowness.note(now, QUICK));
                assert!(slowness.is_slow(now), "a worker would be next");
            }
        }
    }
}
