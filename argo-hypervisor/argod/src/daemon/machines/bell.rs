//! From an event to the vCPU that sleeps until there is one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering, fence};
use std::time::{Duration, Instant};

use argo_core::host::layout::SEQUENCE;
use argo_core::host::wake::{self, Event};
use argo_core::host::words::Words as _;
use argo_mem::{Mapping, Memory as _};
use parking_lot::{Condvar, Mutex};

/// Where one machine's vCPUs sleep.
pub struct Bell {
    ram: Arc<Mapping>,
    /// Those who sleep, or are about to.
    sleepers: AtomicU32,
    /// The machine's life is over: nobody sleeps any more.
    over: AtomicBool,
    bed: Mutex<()>,
    rung: Condvar,
}

impl Bell {
    /// Of a machine with this control area.
    pub fn new(ram: Arc<Mapping>) -> Self {
        Self {
            ram,
            sleepers: AtomicU32::new(0),
            over: AtomicBool::new(false),
            bed: Mutex::new(()),
            rung: Condvar::new(),
        }
    }

    /// Records an event and wakes who sleeps. The lock is held by nobody for longer than a look at
    /// the sequence, and taken only if somebody sleeps: threads of argod's own, as many as the machine
    /// has vCPUs, so no guest can make this slow.
    pub fn raise(&self, event: Event) {
        // Who sleeps is known here. What the control area says of it is the guest's word.
        let _ = wake::raise(&self.ram.view(), event);
        // After the fence in `wake::raise`, which pairs with that in `sleep`: either this sees that
        // somebody is about to sleep, or that one sees the new sequence.
        if self.sleepers.load(Ordering::Relaxed) > 0 {
            self.wake();
        }
    }

    /// Sleeps while the sequence is `seen`, once at the most, and not longer than `patience`.
    pub fn sleep(&self, seen: u32, patience: Option<Duration>) {
        self.sleepers.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let mut bed = self.bed.lock();
        let quiet = self.ram.view().load(SEQUENCE, Ordering::Acquire) == seen;
        if quiet && !self.is_over() {
            match patience {
                Some(patience) => drop(self.rung.wait_for(&mut bed, patience)),
                None => self.rung.wait(&mut bed),
            }
        }
        drop(bed);
        self.sleepers.fetch_sub(1, Ordering::Relaxed);
    }

    /// Sleeps through all events, unless it is over.
    pub fn rest(&self, time: Duration) {
        let until = Instant::now() + time;
        let mut bed = self.bed.lock();
        while !self.is_over() && !self.rung.wait_until(&mut bed, until).timed_out() {}
    }

    /// A new life of the machine begins.
    pub fn begin(&self) {
        self.over.store(false, Ordering::SeqCst);
    }

    /// The machine's life is over: whoever sleeps is woken.
    pub fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
        self.wake();
    }

    /// Whether the machine's life is over.
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    /// Who is about to sleep holds the bed until it does.
    fn wake(&self) {
        drop(self.bed.lock());
        self.rung.notify_all();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use argo_core::host::layout::{VIRQS, control_bytes};

    fn bell() -> Arc<Bell> {
        let (ram, _) = Mapping::create("bell", control_bytes(1) as usize).unwrap();
        Arc::new(Bell::new(Arc::new(ram)))
    }

    /// Each raise ends at least one sleep, from whatever moment on it is waited for.
    #[test]
    fn no_event_is_slept_through() {
        let bell = bell();
        let raising = bell.clone();
        let raises =
            std::thread::spawn(move || (0..10_000).for_each(|_| raising.raise(Event::Virq)));
        let view = bell.ram.view();
        while view.load(VIRQS, Ordering::Acquire) < 10_000 {
            let seen = view.load(SEQUENCE, Ordering::Acquire);
            if view.load(VIRQS, Ordering::Acquire) < 10_000 {
                bell.sleep(seen, None);
            }
        }
        raises.join().unwrap();
    }

    #[test]
    fn who_sleeps_is_woken_by_the_end() {
        let bell = bell();
        let sleeps = [bell.clone(), bell.clone()].map(|bell| {
            std::thread::spawn(move || {
                bell.sleep(0, None);
                bell.rest(Duration::from_secs(3600));
            })
        });
        while bell.sleepers.load(Ordering::SeqCst) == 0 {
            std::thread::yield_now();
        }
        bell.end();
        sleeps.into_iter().for_each(|sleep| sleep.join().unwrap());
        bell.sleep(0, None);
    }
}
