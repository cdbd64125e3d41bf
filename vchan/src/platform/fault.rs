//! What a platform answers when it does not do what it was asked for.

use alloc::borrow::Cow;

use crate::Cause;

/// Why the platform did not do something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason} ({cause})")]
pub struct Fault {
    /// The kind, to decide by.
    pub cause: Cause,
    /// What the platform says, for people.
    pub reason: Cow<'static, str>,
}

impl Fault {
    /// A fault of this kind, with what the platform says.
    pub fn new(cause: Cause, reason: impl Into<Cow<'static, str>>) -> Fault {
        Fault { cause, reason: reason.into() }
    }
}
