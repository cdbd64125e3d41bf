//! Locks that no model looks into: parking_lot's, or spin locks where there is no operating system.
//!
//! A spin lock is for vCPUs that run: none waits for the platform, or long for anything, while it
//! holds one. Whoever interrupts a vCPU must not use the domain's sockets: the lock it would wait
//! for may be held by what it has interrupted.

#[cfg(feature = "std")]
pub(crate) use parking_lot::{Mutex, RwLock};
#[cfg(not(feature = "std"))]
pub(crate) use spin::{Mutex, RwLock};
#[cfg(feature = "std")]
pub(crate) use std::sync::OnceLock;

/// Lets others run who may have what this thread needs.
pub(crate) fn yield_now() {
    #[cfg(feature = "std")]
    std::thread::yield_now();
    #[cfg(not(feature = "std"))]
    core::hint::spin_loop();
}

/// The standard library's, made of a spin lock.
#[cfg(not(feature = "std"))]
#[derive(Debug)]
pub(crate) struct OnceLock<T>(spin::Once<T>);

#[cfg(not(feature = "std"))]
impl<T> OnceLock<T> {
    pub(crate) const fn new() -> Self {
        Self(spin::Once::new())
    }

    pub(crate) fn get(&self) -> Option<&T> {
        self.0.get()
    }

    pub(crate) fn get_or_init(&self, value: impl FnOnce() -> T) -> &T {
        self.0.call_once(value)
    }
}
