//! The simplest locks that an embedder can bring: readers exclude each other too.

use core::sync::atomic::{AtomicBool, Ordering};

use argo_hypervisor::Locks;
use lock_api::{GuardSend, RawMutex, RawRwLock};

/// A lock that waits by spinning.
pub struct Spin(AtomicBool);

/// Spin locks for everything.
pub enum SpinLocks {}

impl Locks for SpinLocks {
    type Rw = Spin;
    type Mutex = Spin;
}

// SAFETY: only who turned the flag from false to true holds the lock, until it stores false; the
// Acquire there pairs with the Release here, so holders follow one another.
unsafe impl RawMutex for Spin {
    const INIT: Self = Self(AtomicBool::new(false));
    type GuardMarker = GuardSend;

    fn lock(&self) {
        while !RawMutex::try_lock(self) {
            core::hint::spin_loop();
        }
    }

    fn try_lock(&self) -> bool {
        self.0.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    unsafe fn unlock(&self) {
        self.0.store(false, Ordering::Release);
    }
}

// SAFETY: every holder, reader or writer, is the only one, as for `RawMutex`.
unsafe impl RawRwLock for Spin {
    const INIT: Self = <Self as RawMutex>::INIT;
    type GuardMarker = GuardSend;

    fn lock_shared(&self) {
        RawMutex::lock(self);
    }

    fn try_lock_shared(&self) -> bool {
        RawMutex::try_lock(self)
    }

    unsafe fn unlock_shared(&self) {
        // SAFETY: the caller holds the lock.
        unsafe { RawMutex::unlock(self) }
    }

    fn lock_exclusive(&self) {
        RawMutex::lock(self);
    }

    fn try_lock_exclusive(&self) -> bool {
        RawMutex::try_lock(self)
    }

    unsafe fn unlock_exclusive(&self) {
        // SAFETY: the caller holds the lock.
        unsafe { RawMutex::unlock(self) }
    }
}
