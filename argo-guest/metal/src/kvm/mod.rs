//! A guest of argod: a virtual machine on KVM, which argod starts and serves.
//!
//! | module | what |
//! |---|---|
//! | `start` (feature `start-kvm`) | the entry point, the end by panic: `kvm_entry!` |
//! | [`argod`] | the ports: calls, sleep, console, end |
//! | `clock` | time stamps |
//! | `domain` | the [`Platform`](argo_core::platform::Platform) |
//!
//! What guest and argod share is in [`argo_core::host::machine`]. The guest runs at privilege level 3
//! from its first instruction to its last, which is all that it needs.

#[allow(unsafe_code, reason = "ports")]
pub mod argod;
#[allow(unsafe_code, reason = "registers of the processor")]
mod clock;
pub mod console;
#[allow(unsafe_code, reason = "calls")]
mod domain;

use argo_mem::View;

pub use argod::Argod;
pub use clock::Clock;
pub use domain::{Calls, KvmDomain};

use crate::ram::LentRam;

/// A guest's machine: given to its main function, once.
pub struct Machine {
    /// The way to argod.
    pub argod: Argod,
    /// The domain that it is.
    pub domain: argo_core::DomainId,
    /// The control area.
    pub control: View<'static>,
    /// The RAM that Argo's calls may name.
    pub ram: LentRam,
    /// The time.
    pub clock: Clock,
    /// What the guest was told when it was started.
    pub command_line: &'static str,
}
