//! The clock of a guest on arm64: the virtual counter, which begins with the guest.
//!
//! Xen ends a wait by its own time, of which the guest knows only this: the moment at which Xen last
//! let it run, in memory that Xen was told of. That moment less what the counter shows when it is read
//! is never more than how far Xen's time is ahead, so that the greatest difference seen comes close to it
//! from below. It is far below after the guest has run for long without a pause: Xen then takes a
//! wait's end for past, and answers at once.

use core::arch::asm;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;

use crate::channel::Port;
use crate::xen::{Refused, Xen};

/// The guest's own time.
#[derive(Debug)]
pub struct Clock {
    runs_since: &'static Runstate,
    /// By how many nanoseconds Xen's time is ahead, at least.
    ahead: AtomicU64,
}

/// `struct vcpu_runstate_info`.
#[derive(Debug, Default)]
#[repr(C)]
pub struct Runstate {
    state: AtomicU64,
    /// When the guest began to run, in nanoseconds of Xen's time.
    entered: AtomicU64,
    spent: [AtomicU64; 4],
}

impl Clock {
    /// The clock of a guest that has told Xen of that memory.
    pub fn new(runs_since: &'static Runstate) -> Self {
        Self { runs_since, ahead: AtomicU64::new(0) }
    }

    /// The time since the guest's start.
    pub fn now(&self) -> Duration {
        let (count, frequency) = (u128::from(counter()), u128::from(frequency().max(1)));
        let nanoseconds = count.saturating_mul(1_000_000_000) / frequency;
        Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
    }

    /// Sleeps until the port is pending or the time is over; perhaps less. `has_come` says whether what
    /// is waited for is there.
    pub(crate) fn wait(
        &self,
        xen: Xen,
        port: Port,
        timeout: Duration,
        has_come: impl Fn() -> bool,
    ) -> Result<(), Refused> {
        let until = self.now().saturating_add(timeout);
        let mut further = Duration::ZERO;
        loop {
            let (left, ran_since) = (until.saturating_sub(self.now()), self.ran_since());
            xen.poll(port, Some(self.xens(left.saturating_add(further))))?;
            let paused = self.ran_since() != ran_since;
            if left.is_zero() || paused || has_come() {
                return Ok(());
            }
            // Answered at once: what was asked for was past. So much further is at most `timeout` ahead.
            further = further.saturating_add(timeout);
        }
    }

    /// Xen's time in so long from now, or a moment before, in nanoseconds.
    fn xens(&self, from_now: Duration) -> u64 {
        let now = self.now();
        let own = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        // Read before `now` it would be no smaller: Xen changes it only while the guest does not run.
        let seen = self.ran_since().saturating_sub(own(now));
        let ahead = self.ahead.fetch_max(seen, Ordering::Relaxed).max(seen);
        own(now.saturating_add(from_now)).saturating_add(ahead).max(1)
    }

    fn ran_since(&self) -> u64 {
        self.runs_since.entered.load(Ordering::Relaxed)
    }
}

fn counter() -> u64 {
    let count: u64;
    // SAFETY: reads a register that EL1 may read; the barrier keeps the read in its place.
    unsafe { asm!("isb", "mrs {}, cntvct_el0", out(reg) count, options(nostack, nomem)) };
    count
}

fn frequency() -> u64 {
    let frequency: u64;
    // SAFETY: reads a register that EL1 may read.
    unsafe { asm!("mrs {}, cntfrq_el0", out(reg) frequency, options(nostack, nomem)) };
    frequency
}
