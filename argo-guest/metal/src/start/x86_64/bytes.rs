//! Bytes by the processor's own string instructions.

use core::arch::asm;

/// # Safety
/// `to` is valid for writes and `from` for reads of `len` bytes.
pub(in crate::start) unsafe fn copy_up(to: *mut u8, from: *const u8, len: usize) {
    // SAFETY: the caller's ranges are valid; the direction flag is clear by the ABI.
    unsafe {
        asm!(
            "rep movsb",
            inout("rdi") to => _, inout("rsi") from => _, inout("rcx") len => _,
            options(nostack, preserves_flags)
        );
    }
}

/// The same from the last byte to the first.
///
/// # Safety
/// As [`copy_up`], and `len` is not 0.
pub(in crate::start) unsafe fn copy_down(to: *mut u8, from: *const u8, len: usize) {
    let last = len.wrapping_sub(1);
    // SAFETY: the caller's ranges are valid, and it begins with their last bytes; the direction flag is
    // clear again afterwards.
    unsafe {
        asm!(
            "std", "rep movsb", "cld",
            inout("rdi") to.wrapping_add(last) => _, inout("rsi") from.wrapping_add(last) => _,
            inout("rcx") len => _,
            options(nostack)
        );
    }
}

/// # Safety
/// `to` is valid for writes of `len` bytes.
pub(in crate::start) unsafe fn fill(to: *mut u8, byte: u8, len: usize) {
    // SAFETY: the caller's range is valid; the direction flag is clear by the ABI.
    unsafe {
        asm!(
            "rep stosb",
            inout("rdi") to => _, inout("rcx") len => _, in("al") byte,
            options(nostack, preserves_flags)
        );
    }
}
