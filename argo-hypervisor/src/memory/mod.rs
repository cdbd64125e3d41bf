//! The memory of guests, as the engine reaches it.

mod linear;
mod page_lists;
mod ring_pages;

use argo_core::claim::RingLen;
use argo_core::ring::{RingMem, Spans};
use argo_core::{Errno, Gfn, GuestAddr};
use zerocopy::{FromBytes, Immutable, IntoBytes};

pub use linear::{BadRam, LinearMemory};
pub use page_lists::PageLists;
pub use ring_pages::RingPages;

/// The memory of a caller, which may change under every access.
pub trait GuestMemory: Send + Sync + 'static {
    /// The memory of a registered ring.
    type Ring: RingMem + Send + Sync + 'static;

    /// Copies bytes out. No bytes never fault, whatever the address.
    ///
    /// # Errors
    /// They are not all there; `out` may be partly written.
    fn read(&self, at: GuestAddr, out: &mut [u8]) -> Result<(), Fault>;

    /// Copies bytes in. No bytes never fault, whatever the address.
    ///
    /// # Errors
    /// The place is not all there; it may be partly written.
    fn write(&self, at: GuestAddr, bytes: &[u8]) -> Result<(), Fault>;

    /// Takes pages for a ring, in this order; as many as [`RingLen::pages`]. They stay as long as
    /// the result lives: accesses to it never fault. A page may occur twice.
    ///
    /// # Errors
    /// The first thing wrong, each page being read and checked before the next one is read.
    fn map_ring(
        &self,
        pages: impl ExactSizeIterator<Item = Result<Gfn, Fault>>,
        len: RingLen,
    ) -> Result<Self::Ring, MapError>;

    /// Copies bytes that follow each other at `from` into a ring. No bytes never fault.
    ///
    /// # Errors
    /// They are not all there; the ring may be partly written.
    fn copy_to_ring(&self, from: GuestAddr, to: &Self::Ring, spans: Spans) -> Result<(), Fault>;
}

/// An address that a guest named is not in its memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{len} bytes at guest address {:#x} are not in the guest's memory", .at.0)]
pub struct Fault {
    /// Where the access begins.
    pub at: GuestAddr,
    /// Its length in bytes.
    pub len: usize,
}

impl From<Fault> for Errno {
    fn from(_: Fault) -> Self {
        Self::EFAULT
    }
}

/// Why pages cannot be a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MapError {
    /// The list of pages is not in the guest's memory.
    #[error("page list: {0}")]
    Fault(#[from] Fault),
    /// No writable RAM page of the guest has this number.
    #[error("page {0:#x} is not a writable RAM page of the guest")]
    BadPage(u64),
    /// The host has no memory to keep the list.
    #[error("no memory for a list of {0} pages")]
    NoMemory(usize),
}

impl From<MapError> for Errno {
    fn from(error: MapError) -> Self {
        match error {
            MapError::Fault(fault) => fault.into(),
            MapError::BadPage(_) => Self::EINVAL,
            MapError::NoMemory(_) => Self::ENOMEM,
        }
    }
}

/// Takes a private copy of a structure in guest memory.
#[inline]
pub(crate) fn read_struct<T>(memory: &impl GuestMemory, at: GuestAddr) -> Result<T, Fault>
where
    T: FromBytes + IntoBytes + Immutable,
{
    let mut value = T::new_zeroed();
    memory.read(at, value.as_mut_bytes())?;
    Ok(value)
}
