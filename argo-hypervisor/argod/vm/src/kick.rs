//! Makes a thread come back from its vCPU, by a signal whose handler does nothing.
//!
//! A signal that comes just before the vCPU runs is lost: kick again until the thread is back.

use std::ffi::c_void;
use std::thread::JoinHandle;

use vmm_sys_util::errno;
use vmm_sys_util::signal::{Killable as _, SIGRTMIN, register_signal_handler};

/// Prepares this process for kicks. Once is enough.
///
/// # Errors
/// The system refuses the handler.
pub fn prepare() -> errno::Result<()> {
    extern "C" fn nothing(_: i32, _: *mut libc::siginfo_t, _: *mut c_void) {}
    register_signal_handler(SIGRTMIN(), nothing)
}

/// Interrupts a thread's vCPU, if it runs one now. The process has to be [prepared](prepare).
///
/// # Errors
/// There is no such thread any more.
pub fn kick<T>(thread: &JoinHandle<T>) -> errno::Result<()> {
    thread.kill(SIGRTMIN())
}
