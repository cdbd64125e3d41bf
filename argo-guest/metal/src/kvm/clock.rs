//! Time, by the processor's time stamps.

use core::arch::x86_64::{_mm_lfence, _rdtsc};
use core::time::Duration;

/// Time stamps, since the guest began.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    began: u64,
    /// Time stamps a millisecond.
    ticks: u64,
}

impl Clock {
    /// A clock that begins now, with so many time stamps a millisecond.
    pub fn new(ticks: u64) -> Self {
        Self { began: stamp(), ticks: ticks.max(1) }
    }

    /// The time since it began.
    pub fn now(&self) -> Duration {
        Duration::from_nanos(nanos(stamp().saturating_sub(self.began), self.ticks))
    }
}

fn nanos(stamps: u64, ticks: u64) -> u64 {
    let nanos = u128::from(stamps).saturating_mul(1_000_000).checked_div(ticks.into());
    nanos.and_then(|nanos| u64::try_from(nanos).ok()).unwrap_or(u64::MAX)
}

fn stamp() -> u64 {
    // SAFETY: every x86-64 processor has SSE2.
    unsafe { _mm_lfence() };
    // SAFETY: every x86-64 processor has time stamps, and argod lets guests read them.
    unsafe { _rdtsc() }
}

#[cfg(test)]
mod tests {
    use super::nanos;

    #[test]
    fn time_stamps_become_nanoseconds() {
        assert_eq!(nanos(3_000_000, 3_000_000), 1_000_000);
        assert_eq!(nanos(1, 2_000_000), 0);
        assert_eq!(nanos(u64::MAX, 1), u64::MAX);
    }
}
