//! Whether a session's interrupts take so long that no worker is to send them.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Quick interrupts after a slow one until the session is no slow one any more. Who is slow now and then
/// on purpose holds up a worker once in so many, and pays for it; who was slow by chance (a machine's
/// interrupt handlers count as somebody's time, too) is not kept apart for ever.
const FORGIVEN: u32 = 100;

/// What a session's interrupts have shown.
pub struct Slowness {
    limit: Duration,
    /// Quick ones that are still missing; 0: it is quick.
    missing: AtomicU32,
}

impl Slowness {
    /// A session that is quick; an interrupt that takes longer than `limit` makes it slow.
    pub fn new(limit: Duration) -> Self {
        Self { limit, missing: AtomicU32::new(0) }
    }

    /// Whether the next interrupt is not for a worker to send.
    pub fn is_slow(&self) -> bool {
        self.missing.load(Ordering::Relaxed) > 0
    }

    /// An interrupt took so long. Whether the session is slow.
    pub fn note(&self, worked: Duration) -> bool {
        if worked > self.limit {
            self.missing.store(FORGIVEN, Ordering::Relaxed);
            return true;
        }
        let fewer = |missing: u32| missing.checked_sub(1);
        // An error means that none was missing.
        let before = self.missing.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer);
        before.is_ok_and(|missing| missing > 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Duration = Duration::from_micros(1);
    const LIMIT: Duration = Duration::from_micros(2);
    const SLOW: Duration = Duration::from_micros(3);

    #[test]
    fn one_slow_interrupt_is_forgiven_after_many_quick_ones() {
        let slowness = Slowness::new(LIMIT);
        assert!(!slowness.note(LIMIT));
        assert!(slowness.note(SLOW));
        (1..FORGIVEN).for_each(|_| assert!(slowness.note(QUICK)));
        assert!(!slowness.note(QUICK) && !slowness.is_slow());
    }

    #[test]
    fn each_slow_interrupt_makes_it_slow_for_as_long_again() {
        let slowness = Slowness::new(LIMIT);
        for _ in 0..2 {
            assert!(slowness.note(SLOW));
            (1..FORGIVEN).for_each(|_| assert!(slowness.note(QUICK)));
        }
        assert!(!slowness.note(QUICK) && !slowness.note(QUICK));
    }
}
