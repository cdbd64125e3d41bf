//! The ways in which somebody else's bytes come into the code, for `xtask/evidence` to follow.
//!
//! What the name of a function begins with says what may be reached from it:
//! - `strict_`: no panic at all, memory that is used up included;
//! - `trusting_`: none in code of ours, and none of the standard library's that an argument brings
//!   about; it may panic where memory is used up, and where it checks itself.
//!   Here are the ways that allocate without asking: the end of sessions and rings, new policies,
//!   listeners, the services of a host, and how a vchan is met;
//! - `broken_` and `wasteful_`: a panic of ours, and memory that is used up; if these are not found
//!   the evidence is worth nothing.

mod broken;
mod engine;
mod guest;
mod services;
mod vchan;

use core::panic::PanicInfo;

unsafe extern "Rust" {
    /// Defined nowhere: whatever can panic refers to it, inlined or not.
    safe fn argo_panicked(info: &PanicInfo<'_>) -> !;
}

/// Where every panic ends.
pub fn panicked(info: &PanicInfo<'_>) -> ! {
    argo_panicked(info)
}
