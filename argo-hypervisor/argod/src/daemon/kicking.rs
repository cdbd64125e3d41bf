//! What waking somebody costs: time of whoever is woken, not of the thread that does it.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::processor::thread_time;

thread_local! {
    /// Time this thread has spent on interrupts: the receivers' time, not the sender's whose call
    /// it serves.
    static KICKING: Cell<Kicking> =
        const { Cell::new(Kicking { passed: Duration::ZERO, worked: Duration::ZERO }) };
}

/// Time spent on interrupts.
#[derive(Clone, Copy)]
struct Kicking {
    /// Until they were done.
    passed: Duration,
    /// Processor time of that.
    worked: Duration,
}

/// Time that has ever passed in this thread while it interrupted somebody.
pub fn time_kicking() -> Duration {
    KICKING.get().passed
}

/// Processor time this thread has ever spent on interrupts.
pub fn processor_time_kicking() -> Duration {
    KICKING.get().worked
}

/// What one receiver's interrupts have cost.
#[derive(Default)]
pub struct Bill {
    nanos: AtomicU64,
    /// Of `nanos`, what was charged to the domain already.
    charged: AtomicU64,
}

impl Bill {
    /// Wakes the receiver from a thread that serves somebody else, for whom this time, from `begun` on,
    /// does not count. When it ended, and the processor time that it took.
    pub fn kick(&self, begun: Instant, wake: impl FnOnce()) -> (Instant, Duration) {
        let worked = self.time_of(wake);
        let ended = Instant::now();
        let Kicking { passed, worked: before } = KICKING.get();
        KICKING.set(Kicking { passed: passed + (ended - begun), worked: before + worked });
        (ended, worked)
    }

    /// Wakes the receiver, and returns the processor time that it took, having put it on the bill.
    /// Waking somebody often means being preempted, which is nobody's fault and not counted.
    pub fn time_of(&self, wake: impl FnOnce()) -> Duration {
        let begun = thread_time();
        wake();
        let worked = thread_time().saturating_sub(begun);
        self.add(worked);
        worked
    }

    /// More time of the receiver's.
    pub fn add(&self, time: Duration) {
        self.nanos.fetch_add(time.as_nanos() as u64, Ordering::Relaxed);
    }

    /// All of it.
    pub fn time(&self) -> Duration {
        Duration::from_nanos(self.nanos.load(Ordering::Relaxed))
    }

    /// What nobody has charged to the domain yet. Who asks has to do it: each nanosecond is told once.
    pub fn time_to_charge(&self) -> Duration {
        let spent = self.nanos.load(Ordering::Relaxed);
        // The maximum: of two threads that ask at once, the later may have seen less.
        let charged = self.charged.fetch_max(spent, Ordering::Relaxed);
        Duration::from_nanos(spent.saturating_sub(charged))
    }
}
