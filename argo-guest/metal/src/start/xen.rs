//! From the first instructions on Xen to the guest's main function.

use crate::machine::Machine;
use crate::xen::Ending;

/// Makes a function the guest's main function: it is called once, and when it returns, the guest ends.
#[macro_export]
macro_rules! entry {
    ($main:path) => {
        #[unsafe(no_mangle)]
        extern "Rust" fn argo_metal_main(machine: $crate::Machine) {
            let main: fn($crate::Machine) = $main;
            main(machine)
        }
    };
}

unsafe extern "Rust" {
    fn argo_metal_main(machine: Machine);
}

/// Runs the guest to its end.
pub(super) fn run(machine: Machine) -> ! {
    let xen = machine.xen;
    // SAFETY: `entry!` defines it with this type; a guest without it does not link.
    unsafe { argo_metal_main(machine) };
    xen.shut_down(Ending::PowerOff)
}
