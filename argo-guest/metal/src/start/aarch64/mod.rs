//! A guest on arm64 that Xen starts by itself: at EL1, with the MMU off, and the address of a device tree
//! in x0, as Linux is started.

#[cfg(feature = "vchan")]
mod grants;

use core::arch::global_asm;
use core::ffi::CStr;
use core::sync::atomic::AtomicU64;

use argo_core::abi::DOMID_SELF;
use argo_mem::View;
use hermit_dtb::Dtb;

use super::regions::{RAM, SHARED};
use super::{heap, run};
use crate::channel::{PORTS, Pending};
use crate::clock::{Clock, Runstate};
use crate::console;
use crate::hypercall::Number;
use crate::machine::Machine;
use crate::ram::{Frames, LentRam};
use crate::xen::{Ending, Refused, Xen};

// The head of a Linux image, which Xen's loader asks for; then the MMU is switched on, since Argo takes
// buffers in cached memory only: addresses are physical ones, 1 GiB from the RAM's start is ordinary
// memory, and so are the 16 MiB in which Xen lets guests put pages that are not theirs.
global_asm!(
    ".pushsection .text.head, \"ax\"",
    ".globl _start",
    "_start: b 1f",
    ".long 0",
    ".quad 0x80000",      // offset from the RAM's start
    ".quad __end - _start",
    ".quad 0xa",          // little-endian, pages of 4 KiB, anywhere
    ".quad 0, 0, 0",
    ".ascii \"ARM\\x64\"",
    ".long 0",
    "1: mov x20, x0",
    "mov x0, #(3 << 20)", // vector registers
    "msr cpacr_el1, x0",
    "mov x0, #0xff",      // attribute 0: ordinary memory, written back
    "msr mair_el1, x0",
    "ldr x0, =0x280803519", // 39 bits, 4 KiB, cached tables, no upper half
    "msr tcr_el1, x0",
    "adrp x0, first_table",
    "msr ttbr0_el1, x0",
    "adrp x0, vectors",
    "add x0, x0, :lo12:vectors",
    "msr vbar_el1, x0",
    "dsb sy",
    "isb",
    "tlbi vmalle1",
    "dsb sy",
    "isb",
    "mrs x0, sctlr_el1",
    "bic x0, x0, #2",     // no alignment check
    "mov x1, #0x1005",    // instruction cache, data cache, MMU
    "orr x0, x0, x1",
    "msr sctlr_el1, x0",
    "isb",
    // Not before: zeros that are written past the caches are lost to whatever the caches still hold.
    "adrp x0, __bss_start",
    "add x0, x0, :lo12:__bss_start",
    "adrp x1, __end",
    "add x1, x1, :lo12:__end",
    "2: cmp x0, x1",
    "b.hs 3f",
    "stp xzr, xzr, [x0], #16",
    "b 2b",
    "3:",
    "adrp x0, boot_stack_end",
    "mov sp, x0",
    "mov x29, xzr",
    "mov x0, x20",
    "bl {begin}",
    "brk #1",
    ".balign 2048",
    "vectors:",
    ".set vector, 0",
    ".rept 16",
    ".balign 128",
    "mov x0, #vector",
    "mrs x1, esr_el1",
    "mrs x2, elr_el1",
    "mrs x3, far_el1",
    "b {trapped}",
    ".set vector, vector + 1",
    ".endr",
    ".popsection",
    ".pushsection .data.tables, \"aw\"",
    ".balign 4096",
    "first_table: .quad second_table + 3",
    ".quad 0x40000701",
    ".skip 4096 - 16",
    "second_table: .skip 8 * 0x1c0",
    ".set block, 0x38000000",
    ".rept 8",
    ".quad block + 0x60000000000701", // never executed
    ".set block, block + 0x200000",
    ".endr",
    ".skip 8 * 0x38",
    ".popsection",
    ".pushsection .bss.stack, \"aw\", @nobits",
    ".balign 4096",
    ".skip 131072",
    "boot_stack_end: .skip 4096",
    ".popsection",
    begin = sym begin,
    trapped = sym trapped,
);

/// The parts of `struct shared_info` that are used.
#[repr(C)]
struct SharedInfo {
    vcpu: [AtomicU64; 6],
    pending: [AtomicU64; PORTS as usize / 64],
}

const _: () = assert!(core::mem::offset_of!(SharedInfo, pending) == 48);

/// # Safety
/// To be called once, by `_start`, with the address that Xen passed to it.
unsafe extern "C" fn begin(device_tree: *const u8) -> ! {
    // SAFETY: this is the guest's start.
    let xen = unsafe { Xen::here() };
    // SAFETY: nothing has been allocated yet.
    unsafe { heap::begin() };
    // SAFETY: Xen has put the tree into the guest's RAM, where nobody changes it.
    let tree = unsafe { Dtb::from_raw(device_tree) };
    // SAFETY: this happens once.
    match unsafe { machine(xen, tree.as_ref()) } {
        Ok(machine) => run(machine),
        Err(refused) => {
            console::line(xen, format_args!("{refused}"));
            xen.shut_down(Ending::Crash)
        }
    }
}

/// # Safety
/// To be called once, with the device tree.
unsafe fn machine(xen: Xen, tree: Option<&Dtb<'static>>) -> Result<Machine, Refused> {
    // SAFETY: only this function uses the page, once.
    unsafe { add_to_physmap(xen, SHARED_INFO, SHARED.start()) }?;
    // SAFETY: the page is there for good, aligned, and consists of atomic words, which Xen changes as
    // such.
    let shared = unsafe { &*SHARED.start().cast::<SharedInfo>() };
    // SAFETY: the region is aligned and lives as long as the guest; its address is used here alone.
    let ram = unsafe { View::new(RAM.start(), RAM.len()) };
    Ok(Machine {
        xen,
        pending: Pending::new(&shared.pending),
        // SAFETY: this happens once.
        clock: unsafe { watch(xen) }?,
        // SAFETY: addresses are the guest's physical ones, by which Xen counts the pages.
        ram: unsafe { LentRam::new(ram, RAM.start() as u64, Frames::Identity) },
        #[cfg(feature = "vchan")]
        // SAFETY: this happens once.
        grants: unsafe { grants::prepare(xen, tree) }?,
        command_line: command_line(tree),
    })
}

/// The page that Xen shares with each guest.
const SHARED_INFO: u32 = 0;

/// Puts a page of Xen's in the place of one of the guest's own.
///
/// # Safety
/// Nobody uses the page at that address, and whoever does from now on knows what it is.
unsafe fn add_to_physmap(xen: Xen, space: u32, page: *mut u8) -> Result<(), Refused> {
    const ADD_TO_PHYSMAP: u64 = 7;
    let frame = page as u64 / 4096;
    let mut argument = AddToPhysmap { domain: DOMID_SELF, size: 0, space, index: 0, frame };
    // SAFETY: this is the command's structure, and the page is the caller's promise.
    unsafe { xen.command("add_to_physmap", Number::MemoryOp, ADD_TO_PHYSMAP, &mut argument) }?;
    Ok(())
}

/// Has Xen write down when it lets this guest run.
///
/// # Safety
/// To be called once.
unsafe fn watch(_: Xen) -> Result<&'static Clock, Refused> {
    const REGISTER_RUNSTATE: u64 = 5;
    let runstate: &'static Runstate = alloc::boxed::Box::leak(alloc::boxed::Box::default());
    let at = &raw const *runstate as u64;
    let arguments = [REGISTER_RUNSTATE, 0, &raw const at as u64, 0, 0];
    // SAFETY: the memory lives as long as the guest and consists of atomic words.
    let result = unsafe { crate::hypercall::call(Number::VcpuOp, arguments) };
    if result != 0 {
        return Err(Refused { call: "register_runstate_memory_area", result });
    }
    Ok(alloc::boxed::Box::leak(alloc::boxed::Box::new(Clock::new(runstate))))
}

fn command_line(tree: Option<&Dtb<'static>>) -> &'static str {
    let line = tree.and_then(|tree| tree.get_property("/chosen", "bootargs")).unwrap_or_default();
    let line = CStr::from_bytes_until_nul(line).ok();
    line.and_then(|line| line.to_str().ok()).unwrap_or_default()
}

/// Nothing of a guest is meant to trap.
extern "C" fn trapped(vector: u64, syndrome: u64, at: u64, address: u64) -> ! {
    // SAFETY: with the feature `start` there is no other way into this program than Xen's.
    let xen = unsafe { Xen::here() };
    let why = format_args!("trap: vector {vector}, syndrome {syndrome:#x}");
    console::line(xen, format_args!("{why} at {at:#x}, address {address:#x}"));
    xen.shut_down(Ending::Crash)
}

/// `struct xen_add_to_physmap`.
#[repr(C)]
struct AddToPhysmap {
    domain: u16,
    size: u16,
    space: u32,
    index: u64,
    frame: u64,
}
