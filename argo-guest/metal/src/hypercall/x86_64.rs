//! A paravirtualized guest on x86-64 (Xen's `public/arch-x86/xen-x86_64.h`).

use core::arch::asm;

use super::Number;

/// # Safety
/// - This program runs as a paravirtualized guest of Xen.
/// - What the call has Xen write is memory that the caller may write.
pub(crate) unsafe fn call(number: Number, arguments: [u64; 5]) -> i64 {
    let [first, second, third, fourth, fifth] = arguments;
    let result: i64;
    // SAFETY: Xen takes the number in rax and the arguments in rdi, rsi, rdx, r10 and r8, which it
    // may overwrite; `syscall` itself overwrites rcx and r11. Everything else is kept, the stack is
    // not used, and what Xen writes to memory is the caller's promise.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number as u64 => result,
            inlateout("rdi") first => _,
            inlateout("rsi") second => _,
            inlateout("rdx") third => _,
            inlateout("r10") fourth => _,
            inlateout("r8") fifth => _,
            lateout("rcx") _,
            lateout("r9") _,
            lateout("r11") _,
            options(nostack)
        );
    }
    result
}
