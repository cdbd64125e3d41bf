//! What waiting is made of: the real thing, or loom's where the waiting core is modelled.

#[cfg(argo_loom)]
pub(crate) use self::modelled::{Condvar, Mutex, MutexGuard, Parker};
#[cfg(not(argo_loom))]
pub(crate) use crate::lock::Mutex;
#[cfg(not(argo_loom))]
pub(crate) use core::sync::atomic;
#[cfg(argo_loom)]
pub(crate) use loom::{sync::atomic, thread};
#[cfg(all(feature = "std", not(argo_loom)))]
pub(crate) use parking_lot::{Condvar, MutexGuard};
#[cfg(all(feature = "std", not(argo_loom)))]
pub(crate) use std::thread;

/// Whether a model has failed: then its threads are switched no more, and destructors must leave
/// everything as it is.
#[cfg(not(argo_loom))]
pub(crate) const fn model_failed() -> bool {
    false
}

#[cfg(argo_loom)]
pub(crate) fn model_failed() -> bool {
    std::thread::panicking()
}

/// Where the thread that made it sleeps, until another one unparks it.
#[cfg(all(feature = "std", not(argo_loom)))]
pub(crate) struct Parker(thread::Thread);

#[cfg(all(feature = "std", not(argo_loom)))]
impl Parker {
    pub(crate) fn new() -> Self {
        Self(thread::current())
    }

    /// Sleeps until unparked, or for no reason. Of the thread that made it only.
    pub(crate) fn park(&self) {
        thread::park();
    }

    /// Ends the current sleep, or else the next.
    pub(crate) fn unpark(&self) {
        self.0.unpark();
    }
}

/// Without threads a vCPU has nobody to leave the processor to: its sleep ends at once, for no
/// reason.
#[cfg(not(feature = "std"))]
pub(crate) struct Parker;

#[cfg(not(feature = "std"))]
impl Parker {
    pub(crate) fn new() -> Self {
        Self
    }

    pub(crate) fn park(&self) {
        core::hint::spin_loop();
    }

    pub(crate) fn unpark(&self) {}
}

/// Loom's primitives with the same interface.
#[cfg(argo_loom)]
mod modelled {
    #![allow(clippy::unwrap_used, reason = "a model fails by panic")]

    use std::ops::{Deref, DerefMut};
    use std::time::Duration;

    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    /// Empty only while its condition is waited for.
    pub(crate) struct MutexGuard<'m, T> {
        of: &'m loom::sync::Mutex<T>,
        guard: Option<loom::sync::MutexGuard<'m, T>>,
    }

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
            let guard = self.0.try_lock().ok()?;
            Some(MutexGuard { of: &self.0, guard: Some(guard) })
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            MutexGuard { of: &self.0, guard: Some(self.0.lock().unwrap()) }
        }
    }

    impl<T> Deref for MutexGuard<'_, T> {
        type Target = T;

        fn deref(&self) -> &T {
            self.guard.as_ref().unwrap()
        }
    }

    impl<T> DerefMut for MutexGuard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            self.guard.as_mut().unwrap()
        }
    }

    #[derive(Debug, Default)]
    pub(crate) struct Condvar(loom::sync::Condvar);

    impl Condvar {
        pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
            guard.guard = guard.guard.take().map(|held| self.0.wait(held).unwrap());
        }

        /// The time is over at once: others run in between or not, as loom likes.
        pub(crate) fn wait_for<T>(&self, guard: &mut MutexGuard<'_, T>, _: Duration) {
            drop(guard.guard.take());
            guard.guard = Some(guard.of.lock().unwrap());
        }

        pub(crate) fn notify_one(&self) {
            self.0.notify_one();
        }
    }

    pub(crate) struct Parker(loom::sync::Notify);

    impl Parker {
        pub(crate) fn new() -> Self {
            Self(loom::sync::Notify::new())
        }

        pub(crate) fn park(&self) {
            self.0.wait();
        }

        pub(crate) fn unpark(&self) {
            self.0.notify();
        }
    }
}
