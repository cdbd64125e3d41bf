//! A worker's tab: what of its processor time is whose.
//!
//! Visits are timed by the clock that needs no system call, and put on the domain's account at once.
//! What a worker used beside them, it used for being woken and for listening; that is seen now and
//! then by its processor time, and shared out among those who rang meanwhile.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::kicking::processor_time_kicking;
use super::meter::{Meter, Work};
use super::processor::Stopwatch;

/// Between two looks at the processor time: each is a system call.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// What takes longer was perhaps preempted, which is not its fault: schedulers let others run for about
/// a millisecond at least.
const LONG: Duration = Duration::from_micros(300);
/// Domains that may ring before it is looked.
const RINGERS: usize = 64;

/// What is still to be shared out.
pub struct Tab {
    looked: Instant,
    processor: Stopwatch,
    /// Of the processor time since the last look, what is on accounts already. More than that, if
    /// something was preempted that was not long.
    known: Duration,
    kicking: Duration,
    ringers: Vec<(Arc<Meter>, u32)>,
}

impl Tab {
    /// For this thread, from now on.
    pub fn open() -> Self {
        Self {
            looked: Instant::now(),
            processor: Stopwatch::start(),
            known: Duration::ZERO,
            kicking: processor_time_kicking(),
            ringers: Vec::with_capacity(RINGERS),
        }
    }

    /// A visit took so long. What of that was the domain's is put on its account and returned.
    pub fn visited(&mut self, meter: &Meter, took: Duration) -> Duration {
        let its = if took > LONG { took.min(self.unknown()) } else { took };
        self.known += its;
        meter.add_time(Work::Calls, its);
        its
    }

    /// A doorbell was heard.
    pub fn rung(&mut self, meter: &Arc<Meter>) {
        match self.ringers.last_mut() {
            Some((last, rings)) if Arc::ptr_eq(last, meter) => *rings += 1,
            _ => {
                if self.ringers.len() == RINGERS {
                    self.share_out();
                }
                self.ringers.push((meter.clone(), 1));
            }
        }
    }

    /// Shares out if it is time, and it is `now`.
    pub fn settle(&mut self, now: Instant) {
        if now.saturating_duration_since(self.looked) >= LOOK_EVERY {
            self.looked = now;
            self.share_out();
        }
    }

    /// Processor time since the last look that is on nobody's account.
    fn unknown(&self) -> Duration {
        self.processor.peek().saturating_sub(self.known + self.kicked())
    }

    /// What interrupts took since the last look: their receivers' accounts have it.
    fn kicked(&self) -> Duration {
        processor_time_kicking().saturating_sub(self.kicking)
    }

    fn share_out(&mut self) {
        let known = self.known + self.kicked();
        let used = self.processor.lap();
        self.kicking = processor_time_kicking();
        self.known = known.saturating_sub(used);
        let left = used.saturating_sub(known);
        let rings: u32 = self.ringers.iter().map(|(_, rings)| rings).sum();
        for (meter, rung) in self.ringers.drain(..) {
            meter.add_time(Work::Doorbells, left * rung / rings);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Uses processor time until this thread has used so much more.
    fn work(time: Duration) {
        let stopwatch = Stopwatch::start();
        while stopwatch.peek() < time {}
    }

    #[test]
    fn a_visit_that_was_preempted_costs_no_more_than_it_worked() {
        let (mut tab, meter) = (Tab::open(), Meter::default());
        assert_eq!(tab.visited(&meter, LONG), LONG);
        work(2 * LONG);
        let preempted = tab.visited(&meter, Duration::from_secs(3600));
        assert!(preempted >= LONG && preempted < Duration::from_secs(1), "{preempted:?}");
        assert_eq!(meter.nanos(Work::Calls), (LONG + preempted).as_nanos() as u64);
    }

    #[test]
    fn what_is_left_is_shared_out_among_those_who_rang() {
        let mut tab = Tab::open();
        let [once, thrice] = [Arc::<Meter>::default(), Arc::default()];
        [&once, &thrice, &thrice, &thrice].into_iter().for_each(|meter| tab.rung(meter));
        work(Duration::from_millis(1));
        tab.settle(tab.looked + LOOK_EVERY);
        let [once, thrice] = [once, thrice].map(|meter| meter.nanos(Work::Doorbells));
        assert!(once >= 250_000 && thrice.abs_diff(3 * once) <= 3, "{once} and {thrice} ns");
        tab.settle(tab.looked + LOOK_EVERY);
        assert!(tab.ringers.is_empty());
    }
}
