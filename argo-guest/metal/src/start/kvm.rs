//! A guest of argod: at privilege level 3 with all of its memory mapped, without a stack.

use alloc::string::String;
use alloc::vec;
use core::arch::global_asm;
use core::ffi::CStr;
use core::panic::PanicInfo;

use argo_core::DomainId;
use argo_core::host::layout::{SEQUENCE, control_bytes};
use argo_core::host::machine::{COMMAND, COMMAND_BYTES, CONTROL, WAIT};
use argo_mem::View;

use super::heap;
use super::regions::RAM;
use crate::kvm::{Argod, Clock, Machine, console};
use crate::ram::{Frames, LentRam};

/// The exit code of a guest that panicked: as a Rust program's.
const PANICKED: u32 = 101;

// The assembly below takes the first word of the control area for it.
const _: () = assert!(SEQUENCE.0 == 0);

// The first vCPU runs the guest; others sleep through all events, of which the first word of the control
// area has the number.
global_asm!(
    ".pushsection .text.head, \"ax\"",
    ".globl _start",
    "_start: cld",
    "test rdx, rdx",
    "jnz 2f",
    "lea rsp, [rip + boot_stack_end]",
    "xor ebp, ebp",
    "call {begin}",
    "ud2",
    "2: mov ebx, {control}",
    "mov edx, {wait}",
    "3: mov eax, [rbx]",
    "out dx, eax",
    "jmp 3b",
    ".popsection",
    ".pushsection .bss.stack, \"aw\", @nobits",
    ".balign 4096",
    ".skip 131072",
    "boot_stack_end:",
    ".popsection",
    begin = sym begin,
    control = const CONTROL,
    wait = const WAIT,
);

/// Makes a function the guest's main function: it is called once, and the guest ends with the exit code
/// that it returns.
#[macro_export]
macro_rules! kvm_entry {
    ($main:path) => {
        #[unsafe(no_mangle)]
        extern "Rust" fn argo_metal_kvm_main(machine: $crate::kvm::Machine) -> u32 {
            let main: fn($crate::kvm::Machine) -> u32 = $main;
            main(machine)
        }
    };
}

unsafe extern "Rust" {
    fn argo_metal_kvm_main(machine: Machine) -> u32;
}

/// # Safety
/// To be called once, by `_start`, with what argod passed to it.
unsafe extern "C" fn begin(domain: u64, _ram: u64, _vcpu: u64, vcpus: u64, ticks: u64) -> ! {
    // SAFETY: this is the guest's start.
    let argod = unsafe { Argod::here() };
    // SAFETY: nothing has been allocated yet.
    unsafe { heap::begin() };
    let control = control_bytes(u32::try_from(vcpus).unwrap_or(1)) as usize;
    // SAFETY: argod maps the control area there, for good; its words are reached through views only.
    let control = unsafe { View::new(CONTROL as *mut u8, control) };
    // SAFETY: the region is aligned and lives as long as the guest; its address is used here alone.
    let ram = unsafe { View::new(RAM.start(), RAM.len()) };
    // SAFETY: addresses and page numbers are the machine's own.
    let ram = unsafe { LentRam::new(ram, RAM.start() as u64, Frames::Identity) };
    let id = u16::try_from(domain).ok().and_then(DomainId::new);
    let machine = Machine {
        argod,
        domain: id.unwrap_or(DomainId::CONTROL),
        control,
        ram,
        clock: Clock::new(ticks),
        command_line: command_line(control),
    };
    // SAFETY: `kvm_entry!` defines it with this type; a guest without it does not link.
    argod.exit(unsafe { argo_metal_kvm_main(machine) })
}

/// A copy: the control area is argod's, and this guest's calls write to it.
fn command_line(control: View<'_>) -> &'static str {
    let mut bytes = vec![0; COMMAND_BYTES];
    let read = control.read((COMMAND - CONTROL) as usize, &mut bytes).ok();
    let line = read.and_then(|()| CStr::from_bytes_until_nul(&bytes).ok()?.to_str().ok());
    String::from(line.unwrap_or_default()).leak()
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    // SAFETY: with the feature `start-kvm` there is no other way into this program than argod's.
    let argod = unsafe { Argod::here() };
    console::line(argod, format_args!("{info}"));
    argod.exit(PANICKED)
}
