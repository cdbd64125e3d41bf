//! The one word that calls share beside locks: the real thing, or loom's where the engine is modelled.

#[cfg(not(argo_loom))]
pub(crate) use core::sync::atomic::AtomicBool;
#[cfg(argo_loom)]
pub(crate) use loom::sync::atomic::AtomicBool;
