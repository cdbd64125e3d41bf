//! XenStore's messages, as Xen's public `io/xs_wire.h` has them.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Bytes after the [`Header`] of a message at most.
pub const PAYLOAD_MAX: usize = 4096;

/// Bytes of an absolute path at most, without the zero at its end.
pub const ABSOLUTE_PATH_MAX: usize = 3072;

/// Bytes of a path that begins at the domain's own `/local/domain/N` at most.
pub const RELATIVE_PATH_MAX: usize = 2048;

/// The head of each message, in both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Header {
    /// A [`Kind`].
    pub kind: u32,
    /// Repeated in the reply.
    pub request: u32,
    /// The transaction, or 0.
    pub transaction: u32,
    /// Bytes that follow: at most [`PAYLOAD_MAX`].
    pub len: u32,
}

const _: () = assert!(size_of::<Header>() == 16);

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $number:literal,)*) => {
        /// What a message is about: the numbers of `enum xsd_sockmsg_type`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u32)]
        pub enum Kind {
            $($(#[$doc])* $name = $number,)*
        }

        impl Kind {
            /// The kind with this number.
            pub const fn new(number: u32) -> Option<Self> {
                Some(match number {
                    $($number => Self::$name,)*
                    _ => return None,
                })
            }
        }
    };
}

kinds! {
    /// For tools on the control domain only.
    Control = 0,
    /// Lists a node's children.
    Directory = 1,
    /// Reads a node's value.
    Read = 2,
    /// Lists a node's permissions.
    GetPerms = 3,
    /// Asks to be told of changes under a path.
    Watch = 4,
    /// Asks no more.
    Unwatch = 5,
    /// Begins a transaction.
    TransactionStart = 6,
    /// Commits ("T") or drops ("F") a transaction.
    TransactionEnd = 7,
    /// For tools on the control domain only.
    Introduce = 8,
    /// For tools on the control domain only.
    Release = 9,
    /// Tells a domain's path, `/local/domain/N`.
    GetDomainPath = 10,
    /// Writes a node's value; makes the node and its parents if they are not there.
    Write = 11,
    /// Makes a node if it is not there.
    Mkdir = 12,
    /// Removes a node with all below it.
    Rm = 13,
    /// Replaces a node's permissions.
    SetPerms = 14,
    /// Sent by the store: a watch has fired.
    WatchEvent = 15,
    /// Sent by the store: the name of an errno.
    Error = 16,
    /// Tells whether there is a domain: "T" or "F".
    IsDomainIntroduced = 17,
    /// For tools on the control domain only.
    Resume = 18,
    /// For tools on the control domain only.
    SetTarget = 19,
    /// Forgets all watches and transactions of the connection.
    ResetWatches = 21,
    /// Lists a part of a node's children.
    DirectoryPart = 22,
}
