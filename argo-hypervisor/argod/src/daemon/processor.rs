//! Processor time: what a thread used, whatever else ran on its processor meanwhile.

use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime};

/// Of this thread, since it began. A system call.
pub fn thread_time() -> Duration {
    duration(clock_gettime(ClockId::ThreadCPUTime))
}

/// Of argod, all threads together, those that ended included.
pub fn process_time() -> Duration {
    duration(clock_gettime(ClockId::ProcessCPUTime))
}

fn duration(time: Timespec) -> Duration {
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

/// Tells this thread what it used for one thing after the other.
pub struct Stopwatch {
    last: Duration,
}

impl Stopwatch {
    /// Runs from now on.
    pub fn start() -> Self {
        Self { last: thread_time() }
    }

    /// Has run since the thread began.
    pub fn since_birth() -> Self {
        Self { last: Duration::ZERO }
    }

    /// Since it started, or since the last lap.
    pub fn peek(&self) -> Duration {
        thread_time().saturating_sub(self.last)
    }

    /// The same, and a new lap begins.
    pub fn lap(&mut self) -> Duration {
        let lap = self.peek();
        self.last += lap;
        lap
    }
}
