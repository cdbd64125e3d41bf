//! The C functions. Documented in Xen's public `xenstore.h` and `xenstore_lib.h`.
//!
//! All of them demand what those headers demand: a handle is one that `xs_open` returned and that
//! was not closed, a string ends with a zero, an array is as long as is said (or NULL: EINVAL).
#![allow(unsafe_code, reason = "C's pointers are taken at their word here, and nowhere else")]
#![allow(clippy::missing_safety_doc, reason = "the headers' rules, told above")]

mod domains;
mod library;
mod nodes;
mod opening;
mod transactions;
mod watches;

use std::ffi::{CStr, c_char, c_uint};
use std::ptr;

use xen_abi::Errno;

use crate::handle::Handle;
use crate::memory;

/// # Safety
/// The handle is NULL, or came from `xs_open` and is not closed while the result is used.
unsafe fn known<'h>(handle: *mut Handle) -> Result<&'h Handle, Errno> {
    // SAFETY: NULL or valid, says the caller; only shared references are ever made of it.
    unsafe { handle.as_ref() }.ok_or(Errno(libc::EINVAL))
}

/// # Safety
/// The text is NULL, or ends with a zero and does not change while the result is used.
unsafe fn string<'t>(text: *const c_char) -> Result<&'t CStr, Errno> {
    if text.is_null() {
        return Err(Errno(libc::EINVAL));
    }
    // SAFETY: it is not NULL; the caller promises the rest.
    Ok(unsafe { CStr::from_ptr(text) })
}

/// # Safety
/// `items` is NULL, or valid for reads of `len` items that do not change while the result is used.
unsafe fn slice<'s, T>(items: *const T, len: c_uint) -> Result<&'s [T], Errno> {
    if len == 0 {
        return Ok(&[]);
    }
    if items.is_null() {
        return Err(Errno(libc::EINVAL));
    }
    // SAFETY: it is not NULL; the caller promises the rest.
    Ok(unsafe { std::slice::from_raw_parts(items, len as usize) })
}

/// # Safety
/// `at` is NULL, or valid for a write.
unsafe fn store(at: *mut c_uint, value: usize) {
    if !at.is_null() {
        // SAFETY: it is not NULL; the caller promises the rest. No list has 2^32 members.
        unsafe { at.write(value as c_uint) }
    }
}

/// Stands for an answer that C gets as true, or as false with `errno`.
fn truth(result: Result<(), Errno>) -> bool {
    result.map_err(Errno::set).is_ok()
}

/// Stands for an answer that C gets as a pointer, or as NULL with `errno`.
fn pointer<T>(result: Result<*mut T, Errno>) -> *mut T {
    result.unwrap_or_else(|errno| {
        errno.set();
        ptr::null_mut()
    })
}

/// A string of the store, which may end with a zero already.
fn text(payload: &[u8]) -> Result<*mut c_char, Errno> {
    memory::bytes(payload.strip_suffix(b"\0").unwrap_or(payload)).map(|text| text.cast())
}
