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
