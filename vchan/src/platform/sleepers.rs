//! Threads that sleep in one bed, which holds one of them.
//!
//! Whoever takes what was slept for would leave the others asleep. So one sleeps for all, and who takes
//! something wakes it and the rest.

use std::sync::PoisonError;
use std::time::Instant;

use crate::sync::{Condvar, Mutex, MutexGuard};

/// The threads that sleep.
#[derive(Default)]
pub struct Sleepers {
    bed: Mutex<Occupied>,
    changed: Condvar,
}

/// Where one thread at a time sleeps.
pub trait Bed {
    /// Why it cannot be slept in.
    type Error;

    /// Sleeps until there is news, the deadline, or it is [roused](Self::rouse). May return early.
    ///
    /// # Errors
    /// It cannot be slept in.
    fn sleep(&self, deadline: Option<Instant>) -> Result<(), Self::Error>;

    /// Ends the sleep under way, or else the next.
    fn rouse(&self);
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Occupied {
    #[default]
    No,
    Yes,
}

impl Sleepers {
    /// Sleeps while `still` holds: until a [`wake`](Self::wake), the deadline, or there is news. May
    /// return early.
    ///
    /// # Errors
    /// Those of the bed.
    pub fn sleep<B: Bed>(
        &self,
        bed: &B,
        deadline: Option<Instant>,
        still: impl Fn() -> bool,
    ) -> Result<(), B::Error> {
        let mut occupied = self.lock();
        // Under the lock, which a wake takes after the change.
        if !still() {
            return Ok(());
        }
        if *occupied == Occupied::Yes {
            self.follow(occupied, deadline);
            return Ok(());
        }
        *occupied = Occupied::Yes;
        drop(occupied);
        let slept = bed.sleep(deadline);
        *self.lock() = Occupied::No;
        // One of them takes the bed.
        self.changed.notify_all();
        slept
    }

    /// Wakes all. Called after the change that they wait for.
    pub fn wake(&self, bed: &impl Bed) {
        if *self.lock() == Occupied::Yes {
            bed.rouse();
        }
        self.changed.notify_all();
    }

    fn follow(&self, occupied: MutexGuard<'_, Occupied>, deadline: Option<Instant>) {
        let Some(deadline) = deadline else {
            drop(self.changed.wait(occupied));
            return;
        };
        let left = deadline.saturating_duration_since(Instant::now());
        drop(self.changed.wait_timeout(occupied, left));
    }

    fn lock(&self) -> MutexGuard<'_, Occupied> {
        self.bed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
