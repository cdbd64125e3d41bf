//! The C functions. Documented in Xen's public `xengnttab.h`.
//!
//! All of them demand what that header demands: a handle is one that `open` returned and that was
//! not closed (or NULL, which is EINVAL); arrays are as long as the count says.
#![allow(unsafe_code, reason = "C's pointers are taken at their word here, and nowhere else")]
#![allow(clippy::missing_safety_doc, reason = "the header's rules, told above")]

use std::ffi::{c_int, c_uint, c_void};
use std::ptr;

use argo_guest::services::{Access, Entry, Notify};
use xen_abi::{Errno, zero};

use crate::handle::{Handle, Mapping, Memory, Sharing, notify};

const INVALID: Errno = Errno(libc::EINVAL);

#[unsafe(no_mangle)]
pub extern "C" fn xengntshr_open(_logger: *mut c_void, _flags: c_uint) -> *mut Sharing {
    boxed(Handle::open())
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn xengntshr_close(handle: *mut Sharing) -> c_int {
    // SAFETY: this function's contract is the same.
    unsafe { close(handle) }
}

#[unsafe(no_mangle)]
pub extern "C" fn xengntshr_fd(_handle: *mut Sharing) -> c_int {
    unsupported()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn xengntshr_share_pages(
    handle: *mut Sharing,
    domain: u32,
    count: c_int,
    references: *mut u32,
    writable: c_int,
) -> *mut c_void {
    // SAFETY: this function's contract is the same.
    unsafe { share(handle, domain, count, references, writable, Notify::NOTHING) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn xengntshr_share_page_notify(
    handle: *mut Sharing,
    domain: u32,
    reference: *mut u32,
    writable: c_int,
    notify_offset: u32,
    notify_port: u32,
) -> *mut c_void {
    let notify = notify(notify_offset, notify_port);
    // SAFETY: this function's contract is the same, with one reference.
    unsafe { share(handle, domain, 1, reference, writable, notify) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn xengntshr_unshare(
    handle: *mut Sharing,
    address: *mut c_void,
    count: u32,
) -> c_int {
    // SAFETY: this function's contract is the same.
    unsafe { give_up(handle, address, count) }
}

#[unsafe(no_mangle)]
pub extern "C" fn xengnttab_open(_logger: *mut c_void, _flags: c_uint) -> *mut Mapping {
    boxed(Handle::open())
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn xengnttab_close(handle: *mut Mapping) -> c_int {
    // SAFETY: this function's contract is the same.
    unsafe { close(handle) }
}

#[unsafe(no_mangle)]
pub extern "C" fn xengnttab_fd(_handle: *mut Mapping) -> c_int {
    unsupported()
}

/// Linux has not had such a limit since 5.4, and says yes to everything.
#[unsafe(no_mangle)]
pub extern "C" fn xengnttab_set_max_grants(_handle: *mut Mapping, _grants: u32) -> c_int {
    0
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn xengnttab_map_grant_ref(
    handle: *mut Mapping,
    domain: u32,
    reference: u32,
    prot: c_int,
) -> *mut c_void {
    // SAFETY: the contract of the handle is the same.
    unsafe { map(handle, &[Entry { domain, reference }], prot, Notify::NOTHING) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn xengnttab_map_grant_refs(
    handle: *mut Mapping,
    count: u32,
    domains: *mut u32,
    references: *mut u32,
    prot: c_int,
) -> *mut c_void {
    // SAFETY: both arrays have `count` elements, says the contract.
    let entries = unsafe { entries(count, domains, DomainStep::Each, references) };
    // SAFETY: the contract of the handle is the same.
    unsafe { map(handle, &entries, prot, Notify::NOTHING) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn xengnttab_map_domain_grant_refs(
    handle: *mut Mapping,
    count: u32,
    mut domain: u32,
    references: *mut u32,
    prot: c_int,
) -> *mut c_void {
    // SAFETY: the references are `count` elements, says the contract, and the domain is one.
    let entries = unsafe { entries(count, &raw mut domain, DomainStep::Same, references) };
    // SAFETY: the contract of the handle is the same.
    unsafe { map(handle, &entries, prot, Notify::NOTHING) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn xengnttab_map_grant_ref_notify(
    handle: *mut Mapping,
    domain: u32,
    reference: u32,
    prot: c_int,
    notify_offset: u32,
    notify_port: u32,
) -> *mut c_void {
    let notify = notify(notify_offset, notify_port);
    // SAFETY: the contract of the handle is the same.
    unsafe { map(handle, &[Entry { domain, reference }], prot, notify) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn xengnttab_unmap(
    handle: *mut Mapping,
    address: *mut c_void,
    count: u32,
) -> c_int {
    // SAFETY: this function's contract is the same.
    unsafe { give_up(handle, address, count) }
}

#[unsafe(no_mangle)]
pub extern "C" fn xengnttab_grant_copy(_: *mut Mapping, _: u32, _: *mut c_void) -> c_int {
    unsupported()
}

#[unsafe(no_mangle)]
pub extern "C" fn xengnttab_dmabuf_exp_from_refs(
    _handle: *mut Mapping,
    _domain: u32,
    _flags: u32,
    _count: u32,
    _references: *const u32,
    _fd: *mut u32,
) -> c_int {
    unsupported()
}

#[unsafe(no_mangle)]
pub extern "C" fn xengnttab_dmabuf_exp_wait_released(_: *mut Mapping, _: u32, _: u32) -> c_int {
    unsupported()
}

#[unsafe(no_mangle)]
pub extern "C" fn xengnttab_dmabuf_imp_to_refs(
    _handle: *mut Mapping,
    _domain: u32,
    _fd: u32,
    _count: u32,
    _references: *mut u32,
) -> c_int {
    unsupported()
}

#[unsafe(no_mangle)]
pub extern "C" fn xengnttab_dmabuf_imp_release(_: *mut Mapping, _: u32) -> c_int {
    unsupported()
}

fn unsupported() -> c_int {
    Errno(libc::EOPNOTSUPP).minus_one()
}

fn boxed<M: Memory>(handle: Result<Handle<M>, Errno>) -> *mut Handle<M> {
    match handle {
        Ok(handle) => Box::into_raw(Box::new(handle)),
        Err(errno) => null(errno),
    }
}

fn null<T>(errno: Errno) -> *mut T {
    errno.set();
    ptr::null_mut()
}

fn address(result: Result<*mut c_void, Errno>) -> *mut c_void {
    result.unwrap_or_else(null)
}

/// # Safety
/// The handle is NULL, or came from [`boxed`] and is not used any more.
unsafe fn close<M: Memory>(handle: *mut Handle<M>) -> c_int {
    if !handle.is_null() {
        // SAFETY: `boxed` made it with `Box::into_raw`; the caller gives it up.
        drop(unsafe { Box::from_raw(handle) });
    }
    0
}

/// # Safety
/// The handle is NULL, or came from [`boxed`] and was not closed; `references` has `count` elements.
unsafe fn share(
    handle: *mut Sharing,
    domain: u32,
    count: c_int,
    references: *mut u32,
    writable: c_int,
    notify: Notify,
) -> *mut c_void {
    // SAFETY: NULL or valid, says the caller; only shared references are ever made of it.
    let Some(handle) = (unsafe { handle.as_ref() }).filter(|_| !references.is_null()) else {
        return null(INVALID);
    };
    let access = if writable == 0 { Access::Read } else { Access::Write };
    let mut put = |page: usize, reference| {
        // SAFETY: `page` is below `count`, and the caller's array has as many elements.
        unsafe { references.add(page).write(reference) }
    };
    address(handle.share(domain, count, access, notify, &mut put))
}

/// # Safety
/// The handle is NULL, or came from [`boxed`] and was not closed.
unsafe fn map(handle: *mut Mapping, entries: &[Entry], prot: c_int, notify: Notify) -> *mut c_void {
    let access = if prot & libc::PROT_WRITE == 0 { Access::Read } else { Access::Write };
    // SAFETY: NULL or valid, says the caller; only shared references are ever made of it.
    match unsafe { handle.as_ref() } {
        Some(handle) => address(handle.map(entries, access, notify)),
        None => null(INVALID),
    }
}

/// # Safety
/// The handle is NULL, or came from [`boxed`] and was not closed.
unsafe fn give_up<M: Memory>(handle: *mut Handle<M>, address: *mut c_void, count: u32) -> c_int {
    // SAFETY: NULL or valid, says the caller; only shared references are ever made of it.
    match unsafe { handle.as_ref() } {
        Some(handle) => zero(handle.give_up(address, count as usize)),
        None => INVALID.minus_one(),
    }
}

/// Whether there is a domain for each reference, or one for all.
#[derive(Clone, Copy, PartialEq, Eq)]
enum DomainStep {
    Each,
    Same,
}

/// # Safety
/// `references` is NULL or has `count` elements, and so has `domains`, or one if that is for all.
unsafe fn entries(
    count: u32,
    domains: *const u32,
    step: DomainStep,
    references: *const u32,
) -> Vec<Entry> {
    if domains.is_null() || references.is_null() {
        return Vec::new();
    }
    let entry = |page: usize| {
        let domain = if step == DomainStep::Same { 0 } else { page };
        // SAFETY: `page` is below `count`, so both lie in the caller's arrays.
        unsafe {
            Entry { domain: domains.add(domain).read(), reference: references.add(page).read() }
        }
    };
    (0..count as usize).map(entry).collect()
}
