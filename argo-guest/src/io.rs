//! What streams use of `std::io`: the same, or as much of it where there is no `std`.
//!
//! Code that uses it by these names builds either way.

#[cfg(feature = "std")]
pub use std::io::{Error, ErrorKind, IoSlice, IoSliceMut, Read, Result, Write};
#[cfg(feature = "std")]
pub use std::net::Shutdown;

#[cfg(not(feature = "std"))]
pub use self::bare::{Error, ErrorKind, IoSlice, IoSliceMut, Read, Result, Shutdown, Write};

#[cfg(not(feature = "std"))]
mod bare;
