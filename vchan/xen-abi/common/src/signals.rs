//! What a signal handler does to a call that waits.
#![allow(unsafe_code, reason = "the handlers of a C program are known by sigaction alone")]

use std::mem::MaybeUninit;
use std::ptr;

/// The last signal's number on Linux.
const LAST: i32 = 64;

/// Whether a wait that a signal has interrupted goes on, as a device's `read` does after a handler
/// with SA_RESTART. epoll never tells which signal it was: so if all handlers have it.
pub(crate) fn all_restart() -> bool {
    (1..=LAST).all(restarts)
}

/// Also of a signal that has no handler: it may have stopped the process, and it goes on now.
fn restarts(signal: i32) -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY:
    // - NULL for the new action changes nothing.
    // - `action` is valid for writes of one `sigaction`.
    if unsafe { libc::sigaction(signal, ptr::null(), action.as_mut_ptr()) } != 0 {
        // One of those that the C library keeps for itself.
        return true;
    }
    // SAFETY: the call above has succeeded, and filled it in.
    let action = unsafe { action.assume_init() };
    let has_handler = ![libc::SIG_DFL, libc::SIG_IGN].contains(&action.sa_sigaction);
    !has_handler || action.sa_flags & libc::SA_RESTART != 0
}
