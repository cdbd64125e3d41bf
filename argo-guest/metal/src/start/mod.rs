//! From the first instruction to the guest's main function.

#[cfg(all(feature = "start", target_arch = "aarch64"))]
mod aarch64;
#[cfg_attr(target_arch = "aarch64", path = "aarch64/bytes.rs")]
#[cfg_attr(target_arch = "x86_64", path = "x86_64/bytes.rs")]
mod bytes;
mod heap;
#[cfg(feature = "start-kvm")]
mod kvm;
mod memory;
#[cfg(feature = "start")]
mod panic;
mod regions;
mod unwinding;
#[cfg(all(feature = "start", target_arch = "x86_64"))]
mod x86_64;
#[cfg(feature = "start")]
mod xen;

#[cfg(feature = "start")]
use xen::run;
