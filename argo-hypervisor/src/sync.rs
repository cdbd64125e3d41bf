//! The words that calls share beside locks: the real thing, or loom's where the engine is modelled.

#[cfg(not(argo_loom))]
pub(crate) use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, fence};
#[cfg(argo_loom)]
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, fence};
