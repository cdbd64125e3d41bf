//! Values, lists and permissions.

use std::ffi::{c_char, c_uint, c_void};

use argo_core::xenstore::Kind;
use xen_abi::Errno;

use super::{known, pointer, slice, store, string, truth};
use crate::handle::Handle;
use crate::permissions::Permission;
use crate::{memory, message};

#[unsafe(no_mangle)]
pub unsafe extern "C" fn xs_directory(
    handle: *mut Handle,
    transaction: u32,
    path: *const c_char,
    count: *mut c_uint,
) -> *mut *mut c_char {
    let list = || {
        // SAFETY: this function's contract is the same.
        let (handle, path) = unsafe { (known(handle)?, string(path)?) };
        let names = handle.directory(transaction, path)?;
        let names = message::strings(&names);
        let block = memory::strings(&names)?;
        // SAFETY: this function's contract is the same.
        unsafe { store(count, names.len()) };
        Ok(block)
    };
    pointer(list())
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn xs_read(
    handle: *mut Handle,
    transaction: u32,
    path: *const c_char,
    len: *mut c_uint,
) -> *mut c_void {
    // SAFETY: this function's contract is the same.
    let value = unsafe { ask(handle, Kind::Read, transaction, path) };
    let copy = value.and_then(|value| {
        let block = memory::bytes(&value)?;
        // SAFETY: this function's contract is the same.
        unsafe { store(len, value.len()) };
        Ok(block.cast())
    });
    pointer(copy)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn xs_write(
    handle: *mut Handle,
    transaction: u32,
    path: *const c_char,
    data: *const c_void,
    len: c_uint,
) -> bool {
    let write = || {
        // SAFETY: this function's contract is the same.
        let (handle, path) = unsafe { (known(handle)?, string(path)?) };
        // SAFETY: this function's contract is the same.
        let data = unsafe { slice(data.cast::<u8>(), len)? };
        handle.tell(Kind::Write, transaction, &[path.to_bytes_with_nul(), data])
    };
    truth(write())
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn xs_mkdir(
    handle: *mut Handle,
    transaction: u32,
    path: *const c_char,
) -> bool {
    // SAFETY: this function's contract is the same.
    truth(unsafe { ask(handle, Kind::Mkdir, transaction, path) }.map(|_| ()))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn xs_rm(handle: *mut Handle, transaction: u32, path: *const c_char) -> bool {
    // SAFETY: this function's contract is the same.
    truth(unsafe { ask(handle, Kind::Rm, transaction, path) }.map(|_| ()))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn xs_get_permissions(
    handle: *mut Handle,
    transaction: u32,
    path: *const c_char,
    count: *mut c_uint,
) -> *mut Permission {
    // SAFETY: this function's contract is the same.
    let answer = unsafe { ask(handle, Kind::GetPerms, transaction, path) };
    let copy = answer.and_then(|answer| {
        let entries = message::strings(&answer);
        let entries: Result<Vec<_>, _> = entries.into_iter().map(Permission::parse).collect();
        let entries = entries?;
        let block = memory::array(&entries)?;
        // SAFETY: this function's contract is the same.
        unsafe { store(count, entries.len()) };
        Ok(block)
    });
    pointer(copy)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn xs_set_permissions(
    handle: *mut Handle,
    transaction: u32,
    path: *const c_char,
    entries: *const Permission,
    count: c_uint,
) -> bool {
    let set = || {
        // SAFETY: this function's contract is the same.
        let (handle, path) = unsafe { (known(handle)?, string(path)?) };
        // SAFETY: this function's contract is the same.
        let entries = unsafe { slice(entries, count)? };
        let texts: Result<String, _> = entries.iter().map(|entry| entry.render()).collect();
        let parts = [path.to_bytes_with_nul(), texts?.as_bytes()].concat();
        handle.tell(Kind::SetPerms, transaction, &[&parts])
    };
    truth(set())
}

/// Asks about one path.
///
/// # Safety
/// As for the functions above.
unsafe fn ask(
    handle: *mut Handle,
    kind: Kind,
    transaction: u32,
    path: *const c_char,
) -> Result<Vec<u8>, Errno> {
    // SAFETY: this function's contract is the same.
    let (handle, path) = unsafe { (known(handle)?, string(path)?) };
    handle.ask(kind, transaction, &[path.to_bytes_with_nul()])
}
