//! What needs no handle.

use std::env::var_os;
use std::ffi::{CString, OsString, c_char, c_int, c_uint, c_void};
use std::os::unix::ffi::OsStringExt;
use std::sync::OnceLock;

use super::{string, truth};
use crate::permissions::Permission;

#[unsafe(no_mangle)]
pub extern "C" fn xs_daemon_rundir() -> *const c_char {
    static PATH: OnceLock<CString> = OnceLock::new();
    PATH.get_or_init(|| path(rundir())).as_ptr()
}

#[unsafe(no_mangle)]
pub extern "C" fn xs_daemon_socket() -> *const c_char {
    static PATH: OnceLock<CString> = OnceLock::new();
    PATH.get_or_init(|| path(socket())).as_ptr()
}

#[unsafe(no_mangle)]
pub extern "C" fn xs_daemon_socket_ro() -> *const c_char {
    xs_daemon_socket()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn xs_write_all(fd: c_int, data: *const c_void, len: c_uint) -> bool {
    let mut done = 0;
    while done < len as usize {
        let rest = data.wrapping_byte_add(done);
        // SAFETY: the caller promises `len` bytes, of which `done` were written.
        match unsafe { libc::write(fd, rest, len as usize - done) } {
            written @ 1.. => done += written as usize,
            0 => return false,
            _ if std::io::Error::last_os_error().raw_os_error() == Some(libc::EINTR) => {}
            _ => return false,
        }
    }
    true
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn xs_strings_to_perms(
    entries: *mut Permission,
    count: c_uint,
    strings: *const c_char,
) -> bool {
    let mut next = strings;
    for index in 0..count as usize {
        // SAFETY: the caller promises `count` strings, one after the other.
        let entry = unsafe { string(next) }.and_then(|text| {
            next = next.wrapping_add(text.count_bytes() + 1);
            Permission::parse(text.to_bytes())
        });
        match entry {
            // SAFETY: the caller promises room for `count` of them.
            Ok(entry) => unsafe { entries.add(index).write(entry) },
            Err(errno) => return truth(Err(errno)),
        }
    }
    true
}

fn rundir() -> OsString {
    var_os("XENSTORED_RUNDIR").unwrap_or_else(|| "/var/run/xenstored".into())
}

fn socket() -> OsString {
    var_os("XENSTORED_PATH").unwrap_or_else(|| {
        let mut path = rundir();
        path.push("/socket");
        path
    })
}

/// The environment has no zero in it.
fn path(path: OsString) -> CString {
    CString::new(path.into_vec()).unwrap_or_default()
}
