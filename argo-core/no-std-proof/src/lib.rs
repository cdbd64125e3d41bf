//! Proof by linking that the guest's formats and protocols and the engine need no `std`.
//!
//! `cargo build` makes a static library of argo-core and vchan *without an allocator*;
//! `cargo build --features engine` adds the engine, the stream protocol, the services and vchan's
//! seams, with an allocator made here; `--features guest` the guest's sockets, too, which talk
//! through the engine when `run.c` calls them. All bring their own panic handler. Were `std`
//! anywhere among the dependencies there would be two of those, and were `alloc` in the first build
//! it would lack an allocator: either way no library.
#![no_std]

#[cfg(feature = "engine")]
mod allocator;
mod core_only;
#[cfg(feature = "engine")]
mod engine;
#[cfg(feature = "guest")]
mod guest;
#[cfg(feature = "guest")]
mod machine;
#[cfg(feature = "reach")]
mod reach;
#[cfg(feature = "engine")]
mod services;
#[cfg(feature = "engine")]
mod spin;
#[cfg(feature = "engine")]
mod streams;

use core::panic::PanicInfo;

#[cfg(not(feature = "reach"))]
#[panic_handler]
fn halt(_: &PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}

#[cfg(feature = "reach")]
#[panic_handler]
fn halt(info: &PanicInfo<'_>) -> ! {
    reach::panicked(info)
}
