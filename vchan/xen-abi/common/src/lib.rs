//! What the C interfaces of Xen's libraries have in common: how a handle comes to its connection,
//! and how C is told of an error.
#![deny(unsafe_code)]

mod names;
mod ports;
mod signals;

use std::ffi::c_int;
use std::io::Write;

use argo_core::DomainId;
use argo_guest::services::{RequestError, Services};

pub use ports::Ports;

/// The domain id by which C programs mean their own domain.
const DOMID_SELF: u32 = 0x7FF0;

/// An error number, as C finds it in `errno`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errno(pub c_int);

impl Errno {
    /// Puts it into `errno`, and is the -1 that goes with that.
    pub fn minus_one(self) -> c_int {
        self.set();
        -1
    }

    /// Puts it into `errno`.
    #[allow(unsafe_code, reason = "errno has no other form in Rust")]
    pub fn set(self) {
        // SAFETY: the address is valid for writes by this thread, and no reference is kept.
        unsafe { *libc::__errno_location() = self.0 }
    }
}

impl From<RequestError> for Errno {
    fn from(error: RequestError) -> Self {
        Self(error.errno())
    }
}

/// A connection of its own, as each handle of Xen's libraries has a device file of its own. Why
/// there is none is told on stderr in the name of `library`: C has no other words for it.
///
/// # Errors
/// ENOENT if `ARGO_DOMAIN` is not set, else what stopped the connection.
pub fn connect(library: &str) -> Result<Services, Errno> {
    Services::from_env().map_err(|error| {
        // Nobody is left to be told that stderr is closed.
        let _ = writeln!(std::io::stderr(), "{library}: {error}");
        Errno(error.errno())
    })
}

/// The domain that C means.
///
/// # Errors
/// ESRCH if there is no such number.
pub fn domain(services: &Services, domid: u32) -> Result<DomainId, Errno> {
    if domid == DOMID_SELF {
        return Ok(services.domain());
    }
    u16::try_from(domid).ok().and_then(DomainId::new).ok_or(Errno(libc::ESRCH))
}

/// Stands for an answer that C gets as 0, or as -1 with `errno`.
pub fn zero(result: Result<(), Errno>) -> c_int {
    match result {
        Ok(()) => 0,
        Err(errno) => errno.minus_one(),
    }
}
