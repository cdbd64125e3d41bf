//! Why a request is refused.

use thiserror::Error;

/// Why a request is refused. XenStore's messages have room for the name of an errno only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum Refusal {
    #[error("EINVAL")]
    Invalid,
    #[error("EACCES")]
    Denied,
    /// Only domain 0 may give a node to another domain.
    #[error("EPERM")]
    NotPermitted,
    #[error("ENOENT")]
    Missing,
    #[error("EEXIST")]
    Exists,
    /// A transaction in a transaction.
    #[error("EBUSY")]
    Nested,
    /// Somebody else has changed what a transaction has touched.
    #[error("EAGAIN")]
    Conflict,
    /// The message, or its answer, does not fit.
    #[error("E2BIG")]
    TooBig,
    #[error("ENOSPC")]
    QuotaUsedUp,
    /// As Xen has it, another name than that of the other quotas.
    #[error("E2BIG")]
    TooManyWatches,
    #[error("ENOSYS")]
    Unsupported,
    /// The host asks for a connection that there is not.
    #[error("EIO")]
    NoConnection,
}

impl Refusal {
    /// Whether a quota was used up.
    pub(super) fn is_quota(self) -> bool {
        matches!(self, Self::QuotaUsedUp | Self::TooManyWatches)
    }
}
