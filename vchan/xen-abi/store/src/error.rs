//! The store's names of errors.

use xen_abi::Errno;

/// Those that Xen's public `io/xs_wire.h` lists.
const NAMES: [(&[u8], i32); 16] = [
    (b"EINVAL", libc::EINVAL),
    (b"EACCES", libc::EACCES),
    (b"EEXIST", libc::EEXIST),
    (b"EISDIR", libc::EISDIR),
    (b"ENOENT", libc::ENOENT),
    (b"ENOMEM", libc::ENOMEM),
    (b"ENOSPC", libc::ENOSPC),
    (b"EIO", libc::EIO),
    (b"ENOTEMPTY", libc::ENOTEMPTY),
    (b"ENOSYS", libc::ENOSYS),
    (b"EROFS", libc::EROFS),
    (b"EBUSY", libc::EBUSY),
    (b"EAGAIN", libc::EAGAIN),
    (b"EISCONN", libc::EISCONN),
    (b"E2BIG", libc::E2BIG),
    (b"EPERM", libc::EPERM),
];

/// What the payload of an `ERROR` message means; EINVAL for a name that is not known, as Xen's
/// library has it.
pub(crate) fn from_name(payload: &[u8]) -> Errno {
    let name = payload.strip_suffix(b"\0").unwrap_or(payload);
    let known = NAMES.iter().find(|(known, _)| *known == name);
    Errno(known.map_or(libc::EINVAL, |(_, number)| *number))
}
