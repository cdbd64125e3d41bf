//! What the guests do, over any platform: on Xen without an operating system, in the tests over the
//! engine in this process.
//!
//! Each role tells by lines what it has found; who watches knows which lines must come.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use core::time::Duration;

pub mod loopback;
pub mod pipe;
pub mod probe;
mod report;
mod roles;
pub mod talk;

pub use report::Report;
pub use roles::{option, play};

/// How long anything may take, at most: the machine may be an emulated one.
const PATIENCE: Duration = Duration::from_secs(20);
