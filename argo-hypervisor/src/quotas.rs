//! How much a domain may pile up.

use argo_core::abi;

/// The limits of one domain. The default is Xen's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// Rings it may have registered. One more: `ENOSPC`.
    pub rings: u32,
    /// Bytes that its rings may have together, headers not counted. More: `ENOSPC`.
    pub ring_bytes: u64,
    /// Domains that may wait for space in one wildcard ring of its. One more: `EBUSY`. (For a ring
    /// with a named partner only that one can wait.)
    pub waiters: u32,
    /// Entries of one notify. More: `EACCES`.
    pub entries: u32,
}

/// A limit that is set higher than an engine supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("quota {name} is {value}: at most {max} is supported")]
pub struct BadQuotas {
    /// Which one.
    pub name: &'static str,
    /// What it is.
    pub value: u64,
    /// The most that it may be.
    pub max: u64,
}

impl Quotas {
    /// The highest [`rings`](Self::rings).
    pub const RINGS_MAX: u32 = 4096;
    /// The highest [`ring_bytes`](Self::ring_bytes): that many of the largest rings.
    pub const RING_BYTES_MAX: u64 = Self::RINGS_MAX as u64 * abi::RING_LEN_MAX as u64;
    /// The highest [`waiters`](Self::waiters).
    pub const WAITERS_MAX: u32 = 1024;
    /// The highest [`entries`](Self::entries).
    pub const ENTRIES_MAX: u32 = 4096;

    /// Checks each limit against the highest that is supported.
    ///
    /// # Errors
    /// The first one that is too high.
    pub fn check(&self) -> Result<(), BadQuotas> {
        let limits = [
            ("rings", self.rings.into(), Self::RINGS_MAX.into()),
            ("ring_bytes", self.ring_bytes, Self::RING_BYTES_MAX),
            ("waiters", self.waiters.into(), Self::WAITERS_MAX.into()),
            ("entries", self.entries.into(), Self::ENTRIES_MAX.into()),
        ];
        match limits.into_iter().find(|(_, value, max)| value > max) {
            Some((name, value, max)) => Err(BadQuotas { name, value, max }),
            None => Ok(()),
        }
    }
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            rings: abi::RINGS_DEFAULT,
            // Xen counts rings only.
            ring_bytes: u64::from(abi::RINGS_DEFAULT).saturating_mul(abi::RING_LEN_MAX.into()),
            waiters: abi::WAITERS_DEFAULT,
            entries: abi::ENTRIES_DEFAULT,
        }
    }
}
