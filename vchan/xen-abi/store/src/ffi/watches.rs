//! Watches.

use std::ffi::{c_char, c_int, c_uint};

use xen_abi::Errno;

use super::{known, pointer, store, string, truth};
use crate::handle::Handle;
use crate::{memory, watches};

#[unsafe(no_mangle)]
pub unsafe extern "C" fn xs_watch(
    handle: *mut Handle,
    path: *const c_char,
    token: *const c_char,
) -> bool {
    let watch = || {
        // SAFETY: this function's contract is the same.
        let (handle, path, token) = unsafe { (known(handle)?, string(path)?, string(token)?) };
        handle.watch(path, token)
    };
    truth(watch())
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn xs_unwatch(
    handle: *mut Handle,
    path: *const c_char,
    token: *const c_char,
) -> bool {
    let unwatch = || {
        // SAFETY: this function's contract is the same.
        let (handle, path, token) = unsafe { (known(handle)?, string(path)?, string(token)?) };
        handle.unwatch(path, token)
    };
    truth(unwatch())
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn xs_fileno(handle: *mut Handle) -> c_int {
    // SAFETY: this function's contract is the same.
    unsafe { known(handle) }.and_then(Handle::fileno).unwrap_or_else(Errno::minus_one)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn xs_check_watch(handle: *mut Handle) -> *mut *mut c_char {
    // SAFETY: this function's contract is the same.
    pointer(unsafe { known(handle) }.and_then(Handle::check_watch).and_then(event))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn xs_read_watch(
    handle: *mut Handle,
    count: *mut c_uint,
) -> *mut *mut c_char {
    // SAFETY: this function's contract is the same.
    let event = unsafe { known(handle) }.and_then(Handle::read_watch).and_then(event);
    if event.is_ok() {
        // SAFETY: this function's contract is the same.
        unsafe { store(count, 2) };
    }
    pointer(event)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn xs_path_is_subpath(parent: *const c_char, child: *const c_char) -> bool {
    // SAFETY: this function's contract is the same.
    let (parent, child) = unsafe { (string(parent), string(child)) };
    matches!((parent, child), (Ok(parent), Ok(child))
        if watches::is_subpath(parent.to_bytes(), child.to_bytes()))
}

fn event((path, token): (Vec<u8>, Vec<u8>)) -> Result<*mut *mut c_char, Errno> {
    memory::strings(&[&path, &token])
}
