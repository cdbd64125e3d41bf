//! What a guest says, and the types that prove it was checked.
//!
//! Each type has one constructor that takes the guest's words; whoever holds a value knows that
//! they passed. Errors are the hypercall's own.

use crate::abi;
use crate::{DomainId, Errno, Partner};

/// A ring's length that is legal: 48 bytes to 16 MiB, a multiple of 16, header not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RingLen(u32);

impl RingLen {
    /// Checks a claimed length.
    ///
    /// # Errors
    /// [`Errno::EINVAL`]: too small, too large or not a multiple of 16.
    pub const fn check(claimed: u32) -> Result<Self, Errno> {
        let legal = claimed >= abi::RING_LEN_MIN
            && claimed <= abi::RING_LEN_MAX
            && claimed.is_multiple_of(abi::SLOT);
        if legal { Ok(Self(claimed)) } else { Err(Errno::EINVAL) }
    }

    /// The length in bytes.
    #[inline]
    pub const fn bytes(self) -> u32 {
        self.0
    }

    /// Pages that the ring and its header take.
    pub const fn pages(self) -> u32 {
        self.0.saturating_add(abi::RING_HEADER).div_ceil(abi::PAGE_SIZE)
    }

    /// The longest payload that the ring can ever hold: a header and a free slot are taken off.
    #[inline]
    pub const fn max_payload(self) -> u32 {
        self.0.saturating_sub(2 * abi::SLOT)
    }
}

impl Partner {
    /// Reads a claimed partner. A named one is not known to exist; `None` for reserved ids other
    /// than the wildcard, which name no domain.
    pub const fn from_raw(partner_id: u16) -> Option<Self> {
        if partner_id == abi::DOMID_ANY {
            return Some(Self::Any);
        }
        match DomainId::new(partner_id) {
            Some(domain) => Some(Self::Domain(domain)),
            None => None,
        }
    }

    /// The partner as structures of the ABI name it.
    pub const fn raw(self) -> u16 {
        match self {
            Self::Any => abi::DOMID_ANY,
            Self::Domain(domain) => domain.raw(),
        }
    }
}

/// A payload length that is legal in some ring: at most [`abi::PAYLOAD_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PayloadLen(u32);

impl PayloadLen {
    /// Adds up the buffers of a send.
    ///
    /// # Errors
    /// In the order of the buffers: [`Errno::EINVAL`] if one has padding that is not zero or is
    /// longer than any message; [`Errno::EMSGSIZE`] if the sum so far is.
    pub fn of(iovs: &[abi::Iov]) -> Result<Self, Errno> {
        let mut sum = 0u32;
        for iov in iovs {
            if iov.pad != 0 || iov.iov_len > abi::PAYLOAD_MAX {
                return Err(Errno::EINVAL);
            }
            // Both are at most PAYLOAD_MAX, so the sum fits 32 bits.
            sum = sum.saturating_add(iov.iov_len);
            if sum > abi::PAYLOAD_MAX {
                return Err(Errno::EMSGSIZE);
            }
        }
        Ok(Self(sum))
    }

    /// A length known by other means.
    ///
    /// # Errors
    /// [`Errno::EMSGSIZE`]: longer than any message.
    pub const fn check(bytes: u32) -> Result<Self, Errno> {
        if bytes > abi::PAYLOAD_MAX { Err(Errno::EMSGSIZE) } else { Ok(Self(bytes)) }
    }

    /// The length in bytes.
    #[inline]
    pub const fn bytes(self) -> u32 {
        self.0
    }
}
