//! Bytes by loads and stores of 16, then of one.

use core::arch::asm;

/// # Safety
/// `to` is valid for writes and `from` for reads of `len` bytes.
pub(in crate::start) unsafe fn copy_up(to: *mut u8, from: *const u8, len: usize) {
    // SAFETY: the caller's ranges are valid, and each turn moves what is left of them at most. What is
    // stored was loaded before, and lies below what is still to be loaded.
    unsafe {
        asm!(
            "2: subs {len}, {len}, #16",
            "b.lo 3f",
            "ldp {one}, {two}, [{from}], #16",
            "stp {one}, {two}, [{to}], #16",
            "b 2b",
            "3: adds {len}, {len}, #16",
            "b.eq 5f",
            "4: ldrb {one:w}, [{from}], #1",
            "strb {one:w}, [{to}], #1",
            "subs {len}, {len}, #1",
            "b.ne 4b",
            "5:",
            to = inout(reg) to => _, from = inout(reg) from => _, len = inout(reg) len => _,
            one = out(reg) _, two = out(reg) _,
            options(nostack)
        );
    }
}

/// The same from the last byte to the first.
///
/// # Safety
/// As [`copy_up`].
pub(in crate::start) unsafe fn copy_down(to: *mut u8, from: *const u8, len: usize) {
    // SAFETY: the caller's ranges are valid, and each turn moves one of the `len` bytes.
    unsafe {
        asm!(
            "cbz {len}, 3f",
            "2: ldrb {one:w}, [{from}, #-1]!",
            "strb {one:w}, [{to}, #-1]!",
            "subs {len}, {len}, #1",
            "b.ne 2b",
            "3:",
            to = inout(reg) to.wrapping_add(len) => _, from = inout(reg) from.wrapping_add(len) => _,
            len = inout(reg) len => _, one = out(reg) _,
            options(nostack)
        );
    }
}

/// # Safety
/// `to` is valid for writes of `len` bytes.
pub(in crate::start) unsafe fn fill(to: *mut u8, byte: u8, len: usize) {
    let word = u64::from_ne_bytes([byte; 8]);
    // SAFETY: the caller's range is valid, and each turn fills what is left of it at most.
    unsafe {
        asm!(
            "2: subs {len}, {len}, #16",
            "b.lo 3f",
            "stp {word}, {word}, [{to}], #16",
            "b 2b",
            "3: adds {len}, {len}, #16",
            "b.eq 5f",
            "4: strb {word:w}, [{to}], #1",
            "subs {len}, {len}, #1",
            "b.ne 4b",
            "5:",
            to = inout(reg) to => _, len = inout(reg) len => _, word = in(reg) word,
            options(nostack)
        );
    }
}
