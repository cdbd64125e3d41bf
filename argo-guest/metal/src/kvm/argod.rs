//! The ports by which a guest speaks to argod.

use core::arch::asm;

use argo_core::host::machine::{CALLS, CONSOLE, EXIT, WAIT};

/// Proof that this program is a guest of argod: only who has one can use its ports.
#[derive(Clone, Copy, Debug)]
pub struct Argod(());

impl Argod {
    /// # Safety
    /// This program runs as argod's virtual machine.
    pub unsafe fn here() -> Self {
        Self(())
    }

    /// Has argod execute the calls in a queue. They are answered when this returns.
    ///
    /// # Safety
    /// What the calls have argod write is memory that nobody else uses: the answers of a notify, and
    /// the pages of a ring for as long as it is registered.
    pub unsafe fn call(self, queue: u32) {
        // SAFETY: by `self` argod has this port; what it does to memory is the caller's promise.
        unsafe { write(CALLS, queue) };
    }

    /// Sleeps while the sequence is `seen`, or until an event. May also return for no reason.
    pub fn wait(self, seen: u32) {
        // SAFETY: by `self` argod has this port, and changes no memory but the control area.
        unsafe { write(WAIT, seen) };
    }

    /// Writes to the guest's console.
    pub fn print(self, text: &str) {
        // SAFETY: by `self` argod has this port; `text` is read, and nothing is written.
        unsafe {
            asm!(
                "rep outsb",
                in("dx") CONSOLE, inout("rsi") text.as_ptr() => _, inout("rcx") text.len() => _,
                options(nostack, preserves_flags, readonly)
            );
        }
    }

    /// Ends the guest. 0 is success.
    pub fn exit(self, code: u32) -> ! {
        loop {
            // SAFETY: by `self` argod has this port; it does not come back.
            unsafe { write(EXIT, code) };
        }
    }
}

/// # Safety
/// Whoever listens to the port does nothing to memory that is not his. (The compiler takes it for
/// somebody who may read and write all that others can reach.)
unsafe fn write(port: u16, value: u32) {
    // SAFETY: the caller's promise.
    unsafe {
        asm!("out dx, eax", in("dx") port, in("eax") value, options(nostack, preserves_flags))
    };
}
