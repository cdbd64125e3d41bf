//! The store's names of errors.

use argo_guest::services::StoreError;

use crate::Errno;

/// Those that Xen's public `io/xs_wire.h` lists.
const NAMES: [(&str, i32); 16] = [
    ("EINVAL", libc::EINVAL),
    ("EACCES", libc::EACCES),
    ("EEXIST", libc::EEXIST),
    ("EISDIR", libc::EISDIR),
    ("ENOENT", libc::ENOENT),
    ("ENOMEM", libc::ENOMEM),
    ("ENOSPC", libc::ENOSPC),
    ("EIO", libc::EIO),
    ("ENOTEMPTY", libc::ENOTEMPTY),
    ("ENOSYS", libc::ENOSYS),
    ("EROFS", libc::EROFS),
    ("EBUSY", libc::EBUSY),
    ("EAGAIN", libc::EAGAIN),
    ("EISCONN", libc::EISCONN),
    ("E2BIG", libc::E2BIG),
    ("EPERM", libc::EPERM),
];

impl Errno {
    /// What the store means by this name; EINVAL if it is not known, as Xen's library has it.
    pub fn from_name(name: &[u8]) -> Self {
        let known = NAMES.iter().find(|(known, _)| known.as_bytes() == name);
        Self(known.map_or(libc::EINVAL, |(_, number)| *number))
    }
}

impl From<StoreError> for Errno {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused { name, .. } => Self::from_name(name.as_bytes()),
            StoreError::Unsendable { .. } => Self(libc::E2BIG),
            StoreError::Nonsense(_) => Self(libc::EIO),
            StoreError::Request(error) => error.into(),
        }
    }
}
