//! The one crate that touches memory which another party can write at the same time.
//!
//! Guest RAM, Argo rings and session pages are shared between processes (and, in tests, between
//! threads) that do not trust each other. Rust references to such bytes would be a lie, so they
//! are reached through a [`View`]: bounds-checked, every word one atomic or volatile access, and
//! bulk bytes by one copy primitive (`copy`) of which the compiler knows nothing. Racing bytes are
//! *arbitrary*, never undefined behaviour: whoever reads them validates a private copy.
//!
//! - [`View`]: a borrowed window on shared memory; [`ReadView`]: one that can only be read.
//! - `HeapRam` (feature `alloc`): RAM of an in-process domain.
//! - `Mapping` (feature `host`): RAM in a sealed memfd, shared with a guest process.
//!
//! ```
//! # #[cfg(feature = "alloc")]
//! # fn main() -> Result<(), argo_mem::OutOfRange> {
//! use argo_mem::{HeapRam, Memory};
//! use core::sync::atomic::Ordering;
//!
//! let ram = HeapRam::zeroed(4096);
//! let view = ram.view();
//! view.write(16, b"argo")?;
//! assert_eq!(view.load_u32(16, Ordering::Relaxed)?, u32::from_le_bytes(*b"argo"));
//! assert!(view.write(4095, b"ab").is_err());
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "alloc"))]
//! # fn main() {}
//! ```
#![no_std]
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::as_underscore,
        clippy::cast_lossless,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        clippy::indexing_slicing,
        clippy::string_slice
    )
)]
#![warn(missing_docs)]

#[cfg(target_endian = "big")]
compile_error!("Argo's structures are little-endian and are read in place");

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(feature = "host")]
extern crate std;

mod copy;
#[cfg(feature = "alloc")]
mod heap;
#[cfg(feature = "host")]
mod mapping;
#[cfg(feature = "host")]
mod parts;
mod read_view;
mod view;

#[cfg(feature = "alloc")]
pub use heap::HeapRam;
#[cfg(feature = "host")]
pub use mapping::{MapError, Mapping, sized_memfd};
#[cfg(feature = "host")]
pub use parts::{FilePart, ReadMapping};
pub use read_view::ReadView;
pub use view::{OutOfRange, View};

/// Something that owns shared memory and lends views of it.
pub trait Memory: Send + Sync {
    /// The whole memory.
    fn view(&self) -> View<'_>;
}

/// Something that owns, or has mapped, shared memory which it may not write.
pub trait ReadMemory: Send + Sync {
    /// The whole memory.
    fn read_view(&self) -> ReadView<'_>;
}

impl<M: Memory> ReadMemory for M {
    fn read_view(&self) -> ReadView<'_> {
        self.view().to_read()
    }
}
