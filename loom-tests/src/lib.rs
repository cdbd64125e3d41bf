//! Models of the code that several parties run at the same time.
//!
//! Each runs the real code, on memory, locks and threads that a checker stands in for:
//!
//! | tests | code | what is shown |
//! |---|---|---|
//! | `ring`, `doorbell`, `interrupt`, `round_trip` | argo-core's ring, queues and wake-ups | a message is seen whole; no call, answer or event is slept through |
//! | `machine` | argo-core's wake-ups, in a copy of argod's bell for vCPUs | no event and no end is slept through |
//! | `engine` | the engine, through its seams `Locks`, `GuestMemory`, `Policy` and `Events` | calls, teardowns, waits and policies do not deadlock, and nothing is left of the dead |
//! | `crowd` | the same at large | each message once and in order; nobody sleeps for ever |
//! | `waiting` | argo-guest's waiting core | whoever waits for the platform, nobody sleeps through his news |
//! | `vchan` | vchan's rings | bytes as they were sent; nobody sleeps through data, room or the peer's end |
//! | `vchan_waits` | vchan's bells and sleepers, in a copy of argod's port; how a channel stands | no event is slept through; one lie is told, and whole |
//! | `vchan_close` | vchan's channel and its halves, on a modelled port | no close by another thread is slept through |
//!
//! For each guarantee there is also a version that breaks it, which the checker must find: a model
//! that cannot fail proves nothing.
//!
//! # loom
//! Loom tries the interleavings of the threads, and for each read the stale values that the orderings
//! still allow. Models that use `check` are bounded to three forced switches between threads
//! in a run, unless `LOOM_MAX_PREEMPTIONS` says otherwise: what needs four is not found. Models that use
//! `check_all`, which are most of two domains on the engine, have no such bound.
//!
//! Of steps that have nothing to do with each other, as far as loom sees, it tries one order only: what
//! a model asserts must be ordered by words or locks that loom sees. Nor does it try all orders of those
//! that have: of each word and lock it remembers the last use only. Hence the known-bad versions, and
//! random schedules beside it.
//!
//! ```text
//! RUSTFLAGS="--cfg argo_loom" cargo test --release -p loom-tests --target-dir target/loom
//! ```
//!
//! # shuttle
//! What is too large for that runs in random schedules (`crowd`), some thousands, and `ARGO_EFFORT` times
//! as many; so do the models of the engine once more. Random schedules know of no stale values. A failure
//! prints its schedule and its seed.
//!
//! ```text
//! cargo test -p loom-tests
//! ```
//!
//! # What is not shown
//! - Loom does not try a read that sees a write which comes later in the run (reads delayed past
//!   writes, as Arm allows). That the receiver's reads come before its release of the space is
//!   therefore shown only for the interleavings, and rests otherwise on the Release of
//!   `RingMem::store_rx`.
//! - In the models of the engine the bytes of rings and payloads are plain memory, which other models
//!   are about.
//! - The engine's locks here let readers pass a writer that waits, unlike parking_lot's. That this
//!   makes no deadlock follows from their order, which each run keeps: no two are taken crosswise.
//! - argod's port of a vchan (`HostChannel`), whose descriptors are the system's: `vchan_waits` repeats
//!   its steps around the real sleepers.
//! - argod's bell for vCPUs, whose futex is the system's: `machine` repeats its steps around the real
//!   words.
//! - argod's own locks and its `ArcSwap`: their tests are argod's, with real threads.
//! - Of the guest library sockets and streams: they lock more than the waiting core, with locks that
//!   no checker sees.
#![deny(unsafe_code)]

pub mod checker;
#[cfg(argo_loom)]
mod control_area;
#[cfg(argo_loom)]
mod entries;
mod heard;
mod lock_order;
mod locks;
mod memory;
#[cfg(argo_loom)]
mod model;
mod pair;
#[cfg(argo_loom)]
mod ring_memory;
#[cfg(not(argo_loom))]
mod schedules;
#[cfg(argo_loom)]
mod session;
mod tally;
#[cfg(argo_loom)]
mod turn_state;
#[cfg(argo_loom)]
mod vchan_page;
mod world;

#[cfg(argo_loom)]
pub use control_area::{ControlArea, Unfenced};
pub use heard::{DOMAINS, Heard};
pub use locks::{CheckedLocks, holding};
pub use memory::{CheckedMemory, CheckedRing};
#[cfg(argo_loom)]
pub use model::{PREEMPTIONS, check, check_all};
pub use pair::Pair;
#[cfg(argo_loom)]
pub use ring_memory::{BarrierAfterStore, RingMemory};
#[cfg(not(argo_loom))]
pub use schedules::{check, check_all, explore};
#[cfg(argo_loom)]
pub use session::{Bell, Flaw, ModelSession, Receive, run_task};
pub use tally::Tally;
#[cfg(argo_loom)]
pub use turn_state::TurnState;
#[cfg(argo_loom)]
pub use vchan_page::{UnfencedPage, VchanPage};
pub use world::{Guest, World, engine, id, ring};
