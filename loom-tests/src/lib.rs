//! Models of the code that two parties run on the same memory at the same time.
//!
//! Each test runs argo-core's own ring, queue and wake-up code on memory that loom stands in for,
//! argo-guest's own waiting core on loom's threads and locks, over a modelled platform, or vchan's
//! own reader and writer on a modelled page:
//! loom tries the interleavings of the threads, and for each read the stale values that the
//! orderings still allow. For each guarantee there is also a version that breaks it, which the
//! checker must find: a model that cannot fail proves nothing.
//!
//! ```text
//! RUSTFLAGS="--cfg argo_loom" cargo test --release -p loom-tests --target-dir target/loom
//! ```
//!
//! Without that cfg this package is empty. Interleavings are bounded to three forced
//! switches unless `LOOM_MAX_PREEMPTIONS` says otherwise.
//!
//! What loom does not try: a read that sees a write which comes later in the run (reads delayed
//! past writes, as Arm allows). That the receiver's reads come before its release of the space is
//! therefore shown only for the interleavings, and rests otherwise on the Release of
//! `RingMem::store_rx`.
#![deny(unsafe_code)]

mod checker;
#[cfg(argo_loom)]
mod control_area;
#[cfg(argo_loom)]
mod entries;
mod heard;
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
pub use model::{PREEMPTIONS, check};
pub use pair::Pair;
#[cfg(argo_loom)]
pub use ring_memory::{BarrierAfterStore, RingMemory};
#[cfg(not(argo_loom))]
pub use schedules::explore;
#[cfg(argo_loom)]
pub use session::{Bell, Flaw, ModelSession, Receive, run_task};
pub use tally::Tally;
#[cfg(argo_loom)]
pub use turn_state::TurnState;
#[cfg(argo_loom)]
pub use vchan_page::{UnfencedPage, VchanPage};
pub use world::{Guest, World, engine, id, ring};
