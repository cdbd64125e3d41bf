//! What a message means.

use crate::arrival::Arrival;
use crate::wire::Flags;

/// What a message means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// Nothing: it is dropped.
    Ignored,
    /// Payload, behind that many bytes of head. It may be empty.
    Data {
        /// Bytes before the payload.
        skip: u32,
    },
    /// The last payload, behind that many bytes of head, and then the end: the peer writes no more.
    Finished {
        /// Bytes before the payload.
        skip: u32,
    },
    /// The connection that was asked for is granted.
    Connected,
    /// It is refused.
    Refused,
    /// It is over: the peer is gone or wants no more.
    Reset,
    /// Not for this connection, or senseless in it: answer its sender with a plain RST of its
    /// connection id.
    Stray {
        /// The id to answer with.
        conid: u32,
    },
    /// It breaks the protocol: answer as for [`Stray`](Self::Stray); the connection is over.
    Violation,
}

/// What to do with a message that belongs to no connection and asks for none: an RST is never
/// answered, nor is a SYN with something behind it.
pub(crate) fn stray(arrival: &Arrival<'_>, flags: Flags, conid: u32) -> Verdict {
    let malformed = flags.contains(Flags::SYN) && !arrival.is_bare();
    if flags.contains(Flags::RST) || malformed {
        Verdict::Ignored
    } else {
        Verdict::Stray { conid }
    }
}
