//! The C functions. Documented in Xen's public `xenevtchn.h`.
//!
//! All of them demand what that header demands: a handle is one that `open` returned and that was
//! not closed (or NULL, which is EINVAL).
#![allow(unsafe_code, reason = "C's pointers are taken at their word here, and nowhere else")]
#![allow(clippy::missing_safety_doc, reason = "the header's rules, told above")]

use std::ffi::{c_int, c_uint, c_void};
use std::ptr;

use xen_abi::{Errno, Ports as Handle, zero};

/// `XENEVTCHN_NO_CLOEXEC`: taken, though the descriptor is of no use after an `exec`.
const FLAGS: c_uint = 1;

#[unsafe(no_mangle)]
pub extern "C" fn xenevtchn_open(_logger: *mut c_void, flags: c_uint) -> *mut Handle {
    let handle =
        if flags & !FLAGS == 0 { Handle::open("libxenevtchn") } else { Err(Errno(libc::EINVAL)) };
    match handle {
        Ok(handle) => Box::into_raw(Box::new(handle)),
        Err(errno) => {
            errno.set();
            ptr::null_mut()
        }
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn xenevtchn_fdopen(_: *mut c_void, _fd: c_int, _flags: c_uint) -> *mut Handle {
    Errno(libc::EOPNOTSUPP).set();
    ptr::null_mut()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn xenevtchn_close(handle: *mut Handle) -> c_int {
    if !handle.is_null() {
        // SAFETY: `xenevtchn_open` made it with `Box::into_raw`; the caller gives it up.
        drop(unsafe { Box::from_raw(handle) });
    }
    0
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn xenevtchn_fd(handle: *mut Handle) -> c_int {
    // SAFETY: this function's contract is the same.
    number(unsafe { known(handle) }.map(Handle::fd))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn xenevtchn_notify(handle: *mut Handle, port: u32) -> c_int {
    // SAFETY: this function's contract is the same.
    zero(unsafe { known(handle) }.and_then(|handle| handle.notify(port)))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn xenevtchn_bind_unbound_port(handle: *mut Handle, domain: u32) -> c_int {
    // SAFETY: this function's contract is the same.
    port(unsafe { known(handle) }.and_then(|handle| handle.alloc_unbound(domain)))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn xenevtchn_bind_interdomain(
    handle: *mut Handle,
    domain: u32,
    remote_port: u32,
) -> c_int {
    // SAFETY: this function's contract is the same.
    port(unsafe { known(handle) }.and_then(|handle| handle.bind(domain, remote_port)))
}

#[unsafe(no_mangle)]
pub extern "C" fn xenevtchn_bind_virq(_handle: *mut Handle, _virq: c_uint) -> c_int {
    Errno(libc::EOPNOTSUPP).minus_one()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn xenevtchn_unbind(handle: *mut Handle, port: u32) -> c_int {
    // SAFETY: this function's contract is the same.
    zero(unsafe { known(handle) }.and_then(|handle| handle.unbind(port)))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn xenevtchn_pending(handle: *mut Handle) -> c_int {
    // SAFETY: this function's contract is the same.
    port(unsafe { known(handle) }.and_then(Handle::pending))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn xenevtchn_unmask(handle: *mut Handle, port: u32) -> c_int {
    // SAFETY: this function's contract is the same.
    zero(unsafe { known(handle) }.and_then(|handle| handle.unmask(port)))
}

#[unsafe(no_mangle)]
pub extern "C" fn xenevtchn_restrict(_handle: *mut Handle, _domain: u16) -> c_int {
    Errno(libc::EOPNOTSUPP).minus_one()
}

/// # Safety
/// The handle is NULL, or came from [`xenevtchn_open`] and is not closed while the result is used.
unsafe fn known<'h>(handle: *mut Handle) -> Result<&'h Handle, Errno> {
    // SAFETY: NULL or valid, says the caller; only shared references are ever made of it.
    unsafe { handle.as_ref() }.ok_or(Errno(libc::EINVAL))
}

/// A port, which fits 31 bits.
fn port(port: Result<u32, Errno>) -> c_int {
    number(port.map(|port| port as c_int))
}

fn number(number: Result<c_int, Errno>) -> c_int {
    number.unwrap_or_else(Errno::minus_one)
}
