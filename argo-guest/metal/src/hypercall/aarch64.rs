//! A guest on arm64 (Xen's `public/arch-arm.h`).

use core::arch::asm;

use super::Number;

/// # Safety
/// - This program runs as a guest of Xen, at EL1.
/// - What the call has Xen write is memory that the caller may write.
pub(crate) unsafe fn call(number: Number, arguments: [u64; 5]) -> i64 {
    let [first, second, third, fourth, fifth] = arguments;
    let result: i64;
    // SAFETY: Xen takes the number in x16 and the arguments in x0 to x4, which it may overwrite, and
    // answers in x0. Everything else is kept, the stack is not used, and what Xen writes to memory is
    // the caller's promise.
    unsafe {
        asm!(
            "hvc #0xEA1",
            inlateout("x16") number as u64 => _,
            inlateout("x0") first => result,
            inlateout("x1") second => _,
            inlateout("x2") third => _,
            inlateout("x3") fourth => _,
            inlateout("x4") fifth => _,
            options(nostack)
        );
    }
    result
}
