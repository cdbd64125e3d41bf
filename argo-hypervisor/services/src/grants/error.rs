//! Why pages were not shared or mapped.

use argo_core::Errno;
use argo_core::host::services::{Entry, PAGES_MAX, PARTS_SHARES_MAX};

/// Why pages were not shared, or a share or map was not given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShareError {
    /// None, or more than one share may have.
    #[error("{pages} pages: a share has 1 to {PAGES_MAX}")]
    Pages {
        /// How many.
        pages: u32,
    },
    /// The byte that is to be cleared lies outside.
    #[error("byte {offset} is to become zero: there are {bytes}")]
    Notify {
        /// The byte.
        offset: u32,
        /// How many bytes there are.
        bytes: u32,
    },
    /// The domain has as many shares as it may.
    #[error("the domain has {limit} shares, which is all it may have")]
    Shares {
        /// How many it may have.
        limit: u32,
    },
    /// The domain would share more pages than it may. Pages that it took back count for as long as
    /// somebody has them mapped.
    #[error("{pages} pages more than the {used} that are shared: {limit} are allowed")]
    Quota {
        /// How many were to be shared.
        pages: u32,
        /// How many are.
        used: u32,
        /// How many may be.
        limit: u32,
    },
    /// The connection has no such share or map.
    #[error("this connection has no share or map {number}")]
    Unknown {
        /// Its number.
        number: u32,
    },
}

impl ShareError {
    /// The errno that tells of it.
    pub fn errno(self) -> Errno {
        match self {
            Self::Pages { .. } | Self::Notify { .. } => Errno::EINVAL,
            Self::Shares { .. } | Self::Quota { .. } => Errno::ENOSPC,
            Self::Unknown { .. } => Errno::ENOENT,
        }
    }
}

/// Why pages were not mapped. None was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MapError {
    /// None, or more than one map may have.
    #[error("{entries} pages: a map has 1 to {PAGES_MAX}")]
    Entries {
        /// How many.
        entries: usize,
    },
    /// They lie in too many shares.
    #[error("the pages lie in more than {PARTS_SHARES_MAX} shares")]
    TooManyShares,
    /// The byte that is to be cleared lies outside.
    #[error("byte {offset} is to become zero: there are {bytes}")]
    Notify {
        /// The byte.
        offset: u32,
        /// How many bytes there are.
        bytes: u32,
    },
    /// A byte is to be cleared in what can only be read.
    #[error("byte {offset} is to become zero in pages that are mapped to be read")]
    NotifyReadOnly {
        /// The byte.
        offset: u32,
    },
    /// There is no such page, or it was taken back.
    #[error("domain {} shares no page with reference {}", .entry.domain, .entry.reference)]
    NoReference {
        /// The page.
        entry: Entry,
    },
    /// It is shared with another domain.
    #[error("page {} of domain {} is shared with another domain", .entry.reference, .entry.domain)]
    NotForYou {
        /// The page.
        entry: Entry,
    },
    /// It is shared to be read only.
    #[error("page {} of domain {} is shared to be read", .entry.reference, .entry.domain)]
    ReadOnly {
        /// The page.
        entry: Entry,
    },
    /// The domain has as many maps as it may.
    #[error("the domain has {limit} maps, which is all it may have")]
    Maps {
        /// How many it may have.
        limit: u32,
    },
}

impl MapError {
    /// The errno that tells of it.
    pub fn errno(self) -> Errno {
        match self {
            Self::Entries { .. }
            | Self::TooManyShares
            | Self::Notify { .. }
            | Self::NotifyReadOnly { .. } => Errno::EINVAL,
            Self::NoReference { .. } => Errno::ENOENT,
            Self::NotForYou { .. } => Errno::EPERM,
            Self::ReadOnly { .. } => Errno::EACCES,
            Self::Maps { .. } => Errno::ENOSPC,
        }
    }
}
