//! Handles.

use std::ffi::c_ulong;

use super::pointer;
use crate::handle::Handle;
use crate::watches::Watches;

/// `XS_UNWATCH_FILTER`; the other flags mean nothing any more.
const FILTER: c_ulong = 1 << 2;

#[unsafe(no_mangle)]
pub extern "C" fn xs_open(flags: c_ulong) -> *mut Handle {
    let watches = if flags & FILTER == 0 { Watches::default() } else { Watches::filtered() };
    pointer(Handle::open(watches).map(|handle| Box::into_raw(Box::new(handle))))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn xs_close(handle: *mut Handle) {
    if !handle.is_null() {
        // SAFETY: `xs_open` made it with `Box::into_raw`; the caller gives it up.
        drop(unsafe { Box::from_raw(handle) });
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn xs_daemon_open() -> *mut Handle {
    xs_open(0)
}

#[unsafe(no_mangle)]
pub extern "C" fn xs_daemon_open_readonly() -> *mut Handle {
    xs_open(0)
}

#[unsafe(no_mangle)]
pub extern "C" fn xs_domain_open() -> *mut Handle {
    xs_open(0)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn xs_daemon_close(handle: *mut Handle) {
    // SAFETY: this function's contract is the same.
    unsafe { xs_close(handle) }
}

/// Nothing is said to argod at the end of a handle, so it is the same after a fork.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn xs_daemon_destroy_postfork(handle: *mut Handle) {
    // SAFETY: this function's contract is the same.
    unsafe { xs_close(handle) }
}
