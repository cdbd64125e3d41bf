//! Replay of conformance traces: what Xen's Argo does, recorded, and held against a [`World`].
//!
//! The way of a trace: [`Trace::open`] reads and checks a file whole ([`TraceError`] names the
//! line), [`replay`] carries its records out on a world and stops at the first difference
//! ([`Failure`]), [`replay_paths`] does so for files and folders and prints what failed.
//! The format is described in `tests/conformance/README.md`.
#![forbid(unsafe_code)]

mod argod_world;
mod engine_world;
mod fields;
mod layout;
mod parse;
mod paths;
mod record;
mod run;
mod trace;
mod world;

pub use argod_world::{ArgodWorld, Programs, serve_guest};
pub use engine_world::EngineWorld;
pub use paths::{ReplayError, Summary, replay_paths};
pub use record::{Check, Content, Hook, Op, Record, System, Teardown};
pub use run::{Cause, Failure, replay};
pub use trace::{Entry, MAX_FILE_BYTES, MAX_LINE_BYTES, Trace, TraceError};
pub use world::{Interrupts, MAX_ACCESS_BYTES, OpResult, World, WorldError};

pub use layout::MAX_LIVE_PAGES;

/// Bytes in a page of a trace's domains.
pub const PAGE_BYTES: u64 = 4096;

#[cfg(test)]
mod tests;
