//! What a model's threads are made of: what stands in for the system's threads: loom's under its cfg, shuttle's otherwise.

#[cfg(argo_loom)]
pub use loom::{sync, thread, thread_local};
#[cfg(not(argo_loom))]
pub use shuttle::{sync, thread, thread_local};
