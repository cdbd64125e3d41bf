//! What a guest without operating system needs to use Argo on Xen, or as a virtual machine of argod.
//!
//! [`XenDomain`] is a [`Platform`](argo_core::platform::Platform) whose calls are hypercalls: on it, the
//! sockets of argo-guest work as they do elsewhere. It runs on arm64, started by Xen from the device tree
//! without a control domain, and paravirtualized on x86-64, on one vCPU. Nothing interrupts the guest: it
//! looks at the pending bits of its event channels, and sleeps by asking Xen to wake it for one. Its
//! stack has 128 KiB and no guard page below: what overflows it writes over other variables.
//!
//! | module | what |
//! |---|---|
//! | `start` (feature `start`) | the entry point, the MMU, memory, the end by panic: `entry!` |
//! | [`xen`], [`channel`], `clock` | the calls that any guest makes |
//! | `ram`, `guard` | which memory Argo's calls may name |
//! | `vchan` (feature `vchan`) | grants and event channels, for vchans |
//! | `domain` | the [`Platform`](argo_core::platform::Platform) |
//! | `kvm` (on x86-64) | all of it for a virtual machine of argod, with the feature `start-kvm` instead |
//!
//! A guest is a package of its own, with `panic = "abort"`, linked by one of the scripts in `link`:
//!
//! ```ignore (needs an entry point without operating system)
//! #![no_std]
//! #![no_main]
//!
//! argo_metal::entry!(main);
//!
//! fn main(machine: argo_metal::Machine) {
//!     argo_metal::console::line(machine.xen, format_args!("I am up"));
//! }
//! ```
#![no_std]
#![deny(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::cast_lossless,
        clippy::cast_possible_wrap,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        clippy::indexing_slicing,
        clippy::string_slice
    )
)]

#[cfg(any(feature = "start", feature = "start-kvm", feature = "vchan"))]
extern crate alloc;
#[cfg(test)]
extern crate std;

#[cfg(all(feature = "start", feature = "start-kvm"))]
compile_error!("a guest starts on Xen or as a machine of argod");

#[allow(unsafe_code, reason = "hypercalls")]
pub mod channel;
#[allow(unsafe_code, reason = "registers of the processor")]
mod clock;
pub mod console;
#[allow(unsafe_code, reason = "hypercalls")]
mod domain;
mod guard;
#[allow(unsafe_code, reason = "the instruction itself")]
mod hypercall;
#[cfg(target_arch = "x86_64")]
pub mod kvm;
#[allow(unsafe_code, reason = "who makes it promises what it says")]
mod machine;
#[allow(unsafe_code, reason = "who makes it promises what it says")]
mod ram;
#[cfg(any(feature = "start", feature = "start-kvm"))]
#[doc(hidden)]
#[allow(unsafe_code, reason = "it is what an operating system would bring")]
pub mod start;
#[cfg(feature = "vchan")]
pub mod vchan;
#[allow(unsafe_code, reason = "hypercalls")]
pub mod xen;

pub use clock::Clock;
pub use domain::{NoArgo, XenDomain};
pub use machine::Machine;
#[cfg(feature = "vchan")]
pub use machine::{Addresses, Grants};
pub use ram::{Frames, LentRam};
pub use xen::{Ending, Refused, Xen};
