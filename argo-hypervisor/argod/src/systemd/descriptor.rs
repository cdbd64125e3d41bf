//! From the number of an inherited descriptor to its owner: unsafe code that no library spares us.
#![allow(unsafe_code, reason = "systemd passes descriptors by their numbers")]

use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

/// The owners of these descriptors, which are open and which this process was started with. Only
/// the first call gets any: a descriptor has one owner.
pub(super) fn adopt(numbers: impl IntoIterator<Item = RawFd>) -> Vec<OwnedFd> {
    static ADOPTED: AtomicBool = AtomicBool::new(false);
    if ADOPTED.swap(true, Ordering::SeqCst) {
        return Vec::new();
    }
    // SAFETY:
    // - `from_raw_fd` needs an open descriptor: the caller has set a flag on each of them.
    // - and that nobody else owns it: whoever starts a process with `LISTEN_FDS` and this process's
    //   number in `LISTEN_PID` gives it those descriptors (sd_listen_fds(3)); `ADOPTED` shows that
    //   this is the only place and the only time that they are taken.
    numbers.into_iter().map(|number| unsafe { OwnedFd::from_raw_fd(number) }).collect()
}
