//! One end of a way between two threads.

use std::hint;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::case::Failure;
use crate::placement::{self, Place};

/// Sends messages to the other end and receives its. Both spin, by the [`Patience`] of the two.
pub trait End: Send {
    /// Writes message number `number` anew and sends it.
    ///
    /// # Errors
    /// It cannot be sent, or the other end has failed.
    fn send(&mut self, number: u64, patience: &Patience) -> Result<(), Failure>;

    /// The sum of the next message.
    ///
    /// # Errors
    /// Nothing can be received, or the other end has failed.
    fn receive(&mut self, patience: &Patience) -> Result<u64, Failure>;
}

/// How two threads wait for each other.
pub struct Patience {
    shares_core: bool,
    over: AtomicBool,
}

impl Patience {
    /// Of threads that are placed apart, if there are two cores.
    ///
    /// # Errors
    /// The kernel's.
    pub fn new() -> Result<Self, Failure> {
        let shares_core = placement::core(Place::First)? == placement::core(Place::Second)?;
        Ok(Self { shares_core, over: AtomicBool::new(false) })
    }

    /// Waits a moment.
    ///
    /// # Errors
    /// The other thread has failed: there is nothing to wait for.
    #[inline]
    pub fn wait(&self) -> Result<(), Failure> {
        if self.over.load(Ordering::Relaxed) {
            return Err("the other end has failed".into());
        }
        if self.shares_core {
            thread::yield_now()
        } else {
            hint::spin_loop()
        }
        Ok(())
    }

    /// Nobody is to wait any more.
    pub fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }
}
