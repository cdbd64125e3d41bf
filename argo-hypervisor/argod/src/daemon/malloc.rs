//! How the C library's allocator is told to keep what it has: unsafe code that no library spares us.
#![allow(unsafe_code, reason = "no library offers mallopt")]

use std::io;

/// One heap for all threads (a thread's own one would be mapped when the thread comes), also for what
/// is large, and what is free at its end is not given back.
///
/// # Errors
/// The C library is another one than glibc.
pub(super) fn hold() -> io::Result<()> {
    #[cfg(target_env = "gnu")]
    {
        let options = [(libc::M_ARENA_MAX, 1), (libc::M_MMAP_MAX, 0), (libc::M_TRIM_THRESHOLD, -1)];
        // SAFETY: mallopt takes any two integers, and locks the allocator while it changes options,
        // which are looked at under the same lock.
        let set = |(option, value)| unsafe { libc::mallopt(option, value) } == 1;
        if options.into_iter().all(set) {
            return Ok(());
        }
    }
    Err(io::Error::new(io::ErrorKind::Unsupported, "the allocator of this C library cannot"))
}
