//! Channels for tasks: async calls, and the I/O traits of `futures` and `tokio`.
//!
//! No runtime is needed and any will do: the platform wakes the wakers.

mod calls;
#[cfg(feature = "std")]
mod futures_io;
mod polls;
#[cfg(feature = "std")]
mod std_io;
#[cfg(feature = "tokio")]
mod tokio_io;
