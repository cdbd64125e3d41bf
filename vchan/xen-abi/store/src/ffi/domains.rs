//! Domains, mostly for tools on domain 0: what of it there is, argod's store decides.

use std::ffi::{c_char, c_int, c_uint, c_ulong, c_void};

use argo_core::xenstore::Kind;
use xen_abi::Errno;

use super::opening::xs_open;
use super::{known, pointer, slice, string, text, truth};
use crate::handle::Handle;

#[unsafe(no_mangle)]
pub unsafe extern "C" fn xs_introduce_domain(
    handle: *mut Handle,
    domain: c_uint,
    frame: c_ulong,
    port: c_uint,
) -> bool {
    // SAFETY: this function's contract is the same.
    truth(unsafe { about(handle, Kind::Introduce, &[domain.into(), frame, port.into()]) }.map(drop))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn xs_set_target(
    handle: *mut Handle,
    domain: c_uint,
    target: c_uint,
) -> bool {
    // SAFETY: this function's contract is the same.
    truth(unsafe { about(handle, Kind::SetTarget, &[domain.into(), target.into()]) }.map(drop))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn xs_resume_domain(handle: *mut Handle, domain: c_uint) -> bool {
    // SAFETY: this function's contract is the same.
    truth(unsafe { about(handle, Kind::Resume, &[domain.into()]) }.map(drop))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn xs_release_domain(handle: *mut Handle, domain: c_uint) -> bool {
    // SAFETY: this function's contract is the same.
    truth(unsafe { about(handle, Kind::Release, &[domain.into()]) }.map(drop))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn xs_get_domain_path(handle: *mut Handle, domain: c_uint) -> *mut c_char {
    // SAFETY: this function's contract is the same.
    let path = unsafe { about(handle, Kind::GetDomainPath, &[domain.into()]) };
    pointer(path.and_then(|path| text(&path)))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn xs_is_domain_introduced(handle: *mut Handle, domain: c_uint) -> bool {
    // SAFETY: this function's contract is the same.
    let answer = unsafe { about(handle, Kind::IsDomainIntroduced, &[domain.into()]) };
    answer.map_err(Errno::set).is_ok_and(|answer| answer != b"F\0")
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn xs_control_command(
    handle: *mut Handle,
    command: *const c_char,
    data: *const c_void,
    len: c_uint,
) -> *mut c_char {
    let control = || {
        // SAFETY: this function's contract is the same.
        let (handle, command) = unsafe { (known(handle)?, string(command)?) };
        // SAFETY: this function's contract is the same.
        let data = unsafe { slice(data.cast::<u8>(), len)? };
        text(&handle.ask(Kind::Control, 0, &[command.to_bytes_with_nul(), data])?)
    };
    pointer(control())
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn xs_debug_command(
    handle: *mut Handle,
    command: *const c_char,
    data: *const c_void,
    len: c_uint,
) -> *mut c_char {
    // SAFETY: this function's contract is the same.
    unsafe { xs_control_command(handle, command, data, len) }
}

/// Never done, as in Xen's library.
#[unsafe(no_mangle)]
pub extern "C" fn xs_restrict(_handle: *mut Handle, _domain: c_uint) -> bool {
    false
}

/// Over a handle of its own, as Xen's library does it.
#[unsafe(no_mangle)]
pub extern "C" fn xs_suspend_evtchn_port(domain: c_int) -> c_int {
    let handle = xs_open(0);
    let path = format!("/local/domain/{domain}/device/suspend/event-channel\0");
    // SAFETY: NULL, or new and not known elsewhere.
    let value =
        unsafe { known(handle) }.and_then(|handle| handle.ask(Kind::Read, 0, &[path.as_bytes()]));
    // SAFETY: NULL, or new and not used any more.
    unsafe { super::opening::xs_close(handle) };
    let number = value.ok().and_then(|value| String::from_utf8(value).ok()?.parse().ok());
    number.unwrap_or(-1)
}

/// Asks about domains.
///
/// # Safety
/// As for the functions above.
unsafe fn about(handle: *mut Handle, kind: Kind, numbers: &[u64]) -> Result<Vec<u8>, Errno> {
    // SAFETY: this function's contract is the same.
    unsafe { known(handle) }?.ask_about(kind, numbers)
}
