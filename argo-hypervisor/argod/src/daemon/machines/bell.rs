//! From an event to the vCPU that sleeps until there is one.
//!
//! Whoever has news counts it in the control area, crosses a full fence, and looks whether the bell is
//! armed; who is about to sleep arms it, crosses a full fence, and looks at the count once more. So one
//! of the two sees the other. Who disarms the bell wakes everybody: it moves the epoch, and the kernel lets
//! nobody sleep for whom it has moved since before arming. So a machine whose vCPUs were woken and have not
//! run yet is not woken again. Nobody holds a lock, so no vCPU that the kernel's scheduler took away holds
//! up those who send.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering, fence};
use std::time::{Duration, Instant};

use argo_core::host::layout::SEQUENCE;
use argo_core::host::wake::{self, Event};
use argo_core::host::words::Words as _;
use argo_mem::{Mapping, Memory as _};
use rustix::thread::futex;
use rustix::time::Timespec;

use crate::daemon::kicking::Bill;

/// Where one machine's vCPUs sleep.
pub struct Bell {
    ram: Arc<Mapping>,
    /// 1: somebody sleeps through quiet times, or is about to, and nobody is waking them.
    armed: AtomicU32,
    /// How often they were woken.
    epoch: AtomicU32,
    /// 1: the machine's life is over, and nobody sleeps any more.
    over: AtomicU32,
    bill: Bill,
}

impl Bell {
    /// Of a machine with this control area.
    pub fn new(ram: Arc<Mapping>) -> Self {
        let (armed, epoch, over, bill) = Default::default();
        Self { ram, armed, epoch, over, bill }
    }

    /// Records an event and wakes who sleeps: threads of argod's own, as many as the machine has
    /// vCPUs, so no guest can make this slow. It is on the machine's account, not on the sender's.
    pub fn raise(&self, event: Event) {
        // Who sleeps is known here. What the control area says of it is the guest's word.
        let _ = wake::raise(&self.ram.view(), event);
        // After the fence in `wake::raise`, which pairs with that in `sleep`: either this sees that
        // somebody is about to sleep, or that one sees the new sequence. The load spares the others the
        // line: mostly nobody sleeps.
        if self.armed.load(Ordering::Relaxed) == 1 && self.armed.swap(0, Ordering::Relaxed) == 1 {
            self.bill.kick(Instant::now(), || self.wake());
        }
    }

    /// Sleeps while the sequence is `seen`, once at the most, and not longer than `patience`.
    pub fn sleep(&self, seen: u32, patience: Option<Duration>) {
        // Acquire, so that it comes before arming: whoever disarms moves the epoch after that.
        let epoch = self.epoch.load(Ordering::Acquire);
        self.armed.store(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let quiet = self.ram.view().load(SEQUENCE, Ordering::Acquire) == seen;
        if quiet && !self.is_over() {
            wait(&self.epoch, epoch, patience);
        }
    }

    /// Sleeps through all events, unless it is over.
    pub fn rest(&self, time: Duration) {
        let until = Instant::now() + time;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if self.is_over() || left.is_zero() {
                return;
            }
            wait(&self.over, 0, Some(left));
        }
    }

    /// A new life of the machine begins.
    pub fn begin(&self) {
        self.over.store(0, Ordering::SeqCst);
    }

    /// The machine's life is over: whoever sleeps is woken.
    pub fn end(&self) {
        self.over.store(1, Ordering::SeqCst);
        wake_all(&self.over);
        self.wake();
    }

    /// Whether the machine's life is over.
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst) == 1
    }

    /// Time spent on waking its vCPUs.
    pub fn time(&self) -> Duration {
        self.bill.time()
    }

    /// Of that, what nobody has charged to the machine yet. Who asks has to do it.
    pub fn time_to_charge(&self) -> Duration {
        self.bill.time_to_charge()
    }

    fn wake(&self) {
        // Release: who sees the new epoch sees the event, or the end.
        self.epoch.fetch_add(1, Ordering::Release);
        wake_all(&self.epoch);
    }
}

/// Sleeps while the word is `value`. May also return for no reason.
fn wait(word: &AtomicU32, value: u32, patience: Option<Duration>) {
    // As good as for ever, if it cannot be said.
    let patience = patience.and_then(|patience| Timespec::try_from(patience).ok());
    // An error means that the word is another, that time is over, or that the thread had a signal.
    let _ = futex::wait(word, futex::Flags::PRIVATE, value, patience.as_ref());
}

fn wake_all(word: &AtomicU32) {
    // It has no error for a word of this process's own.
    let _ = futex::wake(word, futex::Flags::PRIVATE, i32::MAX as u32);
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use argo_core::host::layout::{VIRQS, control_bytes};

    use super::*;
    use crate::daemon::kicking::time_kicking;

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
        while bell.armed.load(Ordering::SeqCst) == 0 {
            std::thread::yield_now();
        }
        bell.end();
        sleeps.into_iter().for_each(|sleep| sleep.join().unwrap());
        bell.sleep(0, None);
    }

    #[test]
    fn what_waking_takes_is_on_the_account_of_who_sleeps() {
        let bell = bell();
        bell.raise(Event::Virq);
        assert_eq!((bell.time(), time_kicking()), (Duration::ZERO, Duration::ZERO), "nobody slept");
        let sleeping = bell.clone();
        let sleeps = std::thread::spawn(move || {
            while !sleeping.is_over() {
                sleeping.sleep(sleeping.ram.view().load(SEQUENCE, Ordering::Acquire), None);
            }
        });
        while bell.time().is_zero() {
            bell.raise(Event::Virq);
        }
        assert!(!time_kicking().is_zero());
        assert_eq!(bell.time_to_charge(), bell.time());
        assert_eq!(bell.time_to_charge(), Duration::ZERO, "it was told");
        bell.end();
        sleeps.join().unwrap();
    }
}
