//! Time: for this guest since some start of its own, and as Xen reckons it, for the end of a wait.

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(any(target_arch = "x86_64", test))]
mod scale;
#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(target_arch = "aarch64")]
pub use aarch64::Clock;
#[cfg(all(target_arch = "aarch64", feature = "start"))]
pub(crate) use aarch64::Runstate;
#[cfg(target_arch = "x86_64")]
pub use x86_64::Clock;
#[cfg(all(target_arch = "x86_64", feature = "start"))]
pub(crate) use x86_64::TimeInfo;
