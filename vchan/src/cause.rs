//! The kinds of fault that a platform can have.

use core::fmt;

/// The kinds of fault that make a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// Policy or permissions say no.
    Refused,
    /// A quota or a table is full, or there is no memory.
    Full,
    /// What was named does not exist, or not for us.
    NotThere,
    /// What was named is in use.
    Busy,
    /// The other side has closed its port for ever.
    Ended,
    /// The platform itself has gone: argod has ended, the device was closed.
    Gone,
    /// Anything else.
    Failed,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Cause::Refused => "refused",
            Cause::Full => "full",
            Cause::NotThere => "not there",
            Cause::Busy => "in use",
            Cause::Ended => "ended",
            Cause::Gone => "platform gone",
            Cause::Failed => "failed",
        })
    }
}
