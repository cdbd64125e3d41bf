//! A panic ends the guest, after a line about it.

use core::panic::PanicInfo;

use crate::console;
use crate::xen::{Ending, Xen};

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    // SAFETY: with the feature `start` there is no other way into this program than Xen's.
    let xen = unsafe { Xen::here() };
    console::line(xen, format_args!("{info}"));
    xen.shut_down(Ending::Crash)
}

/// The core library names it, since it was compiled for programs that unwind. Nothing here does.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

/// As [`rust_eh_personality`].
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    loop {
        core::hint::spin_loop();
    }
}
