//! Numbers that others do not guess: ports, connection ids, epochs.

use core::hash::{BuildHasher, BuildHasherDefault};
use core::sync::atomic::{AtomicU64, Ordering};

use siphasher::sip::SipHasher13;

/// Where a session takes them from.
pub(super) enum Chance {
    /// The machine has a source of its own.
    #[cfg(feature = "std")]
    Own(std::hash::RandomState, AtomicU64),
    /// It was given a number, from which all others follow.
    Given(u64, AtomicU64),
}

impl Chance {
    #[cfg(feature = "std")]
    pub(super) fn own() -> Self {
        Self::Own(std::hash::RandomState::new(), AtomicU64::new(0))
    }

    pub(super) fn given(entropy: u64) -> Self {
        Self::Given(entropy, AtomicU64::new(0))
    }

    pub(super) fn draw(&self) -> u64 {
        match self {
            #[cfg(feature = "std")]
            Self::Own(keys, drawn) => keys.hash_one(drawn.fetch_add(1, Ordering::Relaxed)),
            Self::Given(entropy, drawn) => {
                let keys = BuildHasherDefault::<SipHasher13>::new();
                keys.hash_one((entropy, drawn.fetch_add(1, Ordering::Relaxed)))
            }
        }
    }
}
