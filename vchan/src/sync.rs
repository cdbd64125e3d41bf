//! What waiting is made of: the real thing, or loom's where it is modelled.

#[cfg(not(argo_loom))]
pub(crate) use core::sync::atomic;
#[cfg(argo_loom)]
pub(crate) use loom::sync::atomic;
#[cfg(all(feature = "std", argo_loom))]
pub(crate) use loom::sync::{Condvar, Mutex, MutexGuard};
#[cfg(all(feature = "std", not(argo_loom)))]
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};
