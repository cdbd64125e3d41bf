//! The errors a hypercall answers with.

use core::fmt;

/// Declares [`Errno`] with its numbers, names and meanings in one place.
macro_rules! errno {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $text:literal;)*) => {
        /// An error of the Argo hypercall, by its Linux number.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(i32)]
        pub enum Errno { $($(#[$doc])* #[doc = $text] $name = $number,)* }

        impl Errno {
            /// Every error, in the order of the numbers.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// What it means, in a few words.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The error with this (positive) number, if Argo knows it.
            pub const fn from_number(number: i32) -> Option<Self> {
                match number { $($number => Some(Self::$name),)* _ => None }
            }
        }
    };
}

errno! {
    EPERM = 1, "not permitted";
    ENOENT = 2, "no such ring";
    ESRCH = 3, "no such domain";
    EAGAIN = 11, "no room in the ring now";
    ENOMEM = 12, "out of memory";
    EACCES = 13, "refused by policy";
    EFAULT = 14, "bad guest address";
    EBUSY = 16, "too many domains wait for this ring";
    EEXIST = 17, "the ring exists";
    ENODEV = 19, "this domain has no Argo state";
    EINVAL = 22, "invalid argument";
    ENOSPC = 28, "a quota of the domain is used up";
    EMSGSIZE = 90, "message too big";
    EOPNOTSUPP = 95, "operation not supported";
    ECONNREFUSED = 111, "nobody receives there";
    ECANCELED = 125, "a linked call before this one failed";
}

impl Errno {
    /// The (positive) number.
    pub const fn number(self) -> i32 {
        self as i32
    }

    /// The error as a hypercall result: minus its number.
    pub const fn ret(self) -> i64 {
        (self as i32 as i64).wrapping_neg()
    }
}

/// What a hypercall answered: a count, or an error.
///
/// Xen returns some errors zero-extended from 32 bits, so only the low half of the result register
/// counts, read as signed. A negative number that is no error of Argo's reads as
/// [`EINVAL`](Errno::EINVAL).
///
/// # Errors
/// The error that it says.
pub const fn decode_ret(ret: i64) -> Result<u32, Errno> {
    // The rest is not looked at, whatever it is.
    let [a, b, c, d, ..] = ret.to_le_bytes();
    let low = i32::from_le_bytes([a, b, c, d]);
    if low >= 0 {
        return Ok(low.unsigned_abs());
    }
    match Errno::from_number(low.wrapping_neg()) {
        Some(errno) => Err(errno),
        None => Err(Errno::EINVAL),
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({self:?})", self.text())
    }
}

impl core::error::Error for Errno {}
