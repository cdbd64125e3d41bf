//! A paravirtualized guest: Xen has made its page tables, and starts it in 64-bit mode with the address of
//! a page of facts in rsi (Xen's `public/xen.h`, `struct start_info`).

use core::arch::global_asm;
use core::ffi::CStr;
use core::sync::atomic::AtomicU64;

use argo_mem::View;

use super::regions::{RAM, SHARED};
use super::{heap, run};
use crate::channel::{PORTS, Pending};
use crate::clock::{Clock, TimeInfo};
use crate::hypercall::{Number, call};
use crate::machine::Machine;
use crate::ram::{Frames, LentRam};
use crate::xen::Xen;

/// Where Xen maps the guest's first page: the note below and the linker script say so, too.
const FIRST_PAGE: u64 = 0xFFFF_FFFF_8000_0000;

global_asm!(
    ".macro xen_note kind:req, how:req, what:vararg",
    ".pushsection .note.Xen, \"a\", @note",
    ".balign 4",
    ".long 4, 9f - 8f, \\kind",
    ".asciz \"Xen\"",
    "8: \\how \\what",
    "9: .balign 4",
    ".popsection",
    ".endm",
    "xen_note 1, .quad, _start",         // XEN_ELFNOTE_ENTRY
    "xen_note 3, .quad, {first_page}",   // XEN_ELFNOTE_VIRT_BASE
    "xen_note 4, .quad, 0",              // XEN_ELFNOTE_PADDR_OFFSET
    "xen_note 5, .asciz, \"xen-3.0\"",   // XEN_ELFNOTE_XEN_VERSION
    "xen_note 6, .asciz, \"argo-metal\"", // XEN_ELFNOTE_GUEST_OS
    "xen_note 8, .asciz, \"generic\"",   // XEN_ELFNOTE_LOADER
    "xen_note 9, .asciz, \"yes\"",       // XEN_ELFNOTE_PAE_MODE
    "xen_note 10, .asciz, \"!writable_page_tables|pae_pgdir_above_4gb\"", // XEN_ELFNOTE_FEATURES
    ".pushsection .text.head, \"ax\"",
    ".globl _start",
    "_start: cld",
    "lea rsp, [rip + boot_stack_end]",
    "xor ebp, ebp",
    "mov rdi, rsi",
    "call {begin}",
    "ud2",
    ".popsection",
    ".pushsection .bss.stack, \"aw\", @nobits",
    ".balign 4096",
    ".skip 131072",
    "boot_stack_end:",
    ".popsection",
    first_page = const FIRST_PAGE,
    begin = sym begin,
);

/// `struct start_info`.
#[repr(C)]
struct StartInfo {
    magic: [u8; 32],
    pages: u64,
    shared_info: u64,
    flags: u32,
    store_frame: u64,
    store_port: u32,
    console_frame: u64,
    console_port: u32,
    page_table: u64,
    page_table_frames: u64,
    frames: *const u64,
    module_start: u64,
    module_len: u64,
    command_line: [u8; 1024],
}

/// The parts of `struct shared_info` that are used, for vCPU 0.
#[repr(C)]
struct SharedInfo {
    upcall: AtomicU64,
    selector: AtomicU64,
    arch: [u64; 2],
    time: TimeInfo,
    other_vcpus: [u64; 8 * 31],
    pending: [AtomicU64; PORTS as usize / 64],
}

const _: () = assert!(core::mem::offset_of!(SharedInfo, pending) == 2048);
const _: () = assert!(core::mem::offset_of!(StartInfo, command_line) == 128);

/// # Safety
/// To be called once, by `_start`, with what Xen passed to it.
unsafe extern "C" fn begin(facts: *const StartInfo) -> ! {
    // SAFETY: this is the guest's start, and Xen's page of facts stays as it is.
    let (xen, facts) = unsafe { (Xen::here(), &*facts) };
    // SAFETY: nothing has been allocated yet.
    unsafe { heap::begin() };
    // SAFETY: the list has an entry for each of the guest's pages, and is not changed.
    let frames = unsafe { core::slice::from_raw_parts(facts.frames, facts.pages as usize) };
    let frames = Frames::Listed { base: FIRST_PAGE, frames };
    // SAFETY: Xen gives this guest its own shared page, and this happens once.
    let shared = unsafe { share(xen, facts.shared_info) };
    // SAFETY: the region is aligned and lives as long as the guest; its address is used here alone.
    let ram = unsafe { View::new(RAM.start(), RAM.len()) };
    // SAFETY: this is its address, and Xen's list names its pages.
    let ram = unsafe { LentRam::new(ram, RAM.start() as u64, frames) };
    let command_line = CStr::from_bytes_until_nul(&facts.command_line);
    let command_line = command_line.ok().and_then(|line| line.to_str().ok()).unwrap_or_default();
    run(Machine {
        xen,
        pending: Pending::new(&shared.pending),
        clock: clock(shared),
        ram,
        #[cfg(feature = "vchan")]
        grants: None,
        command_line,
    })
}

/// Maps the page that Xen shares with this guest in the place of one of the guest's own.
///
/// # Safety
/// `page` is the machine address of that page. To be called once.
unsafe fn share(xen: Xen, page: u64) -> &'static SharedInfo {
    const PRESENT_WRITABLE_USER: u64 = 7;
    const FLUSH_THIS_ADDRESS: u64 = 2;
    let at = SHARED.start() as u64;
    let arguments = [at, page | PRESENT_WRITABLE_USER, FLUSH_THIS_ADDRESS, 0, 0];
    // SAFETY: only this function uses the page that is replaced, and nothing is in it.
    let result = unsafe { call(Number::UpdateVaMapping, arguments) };
    if result != 0 {
        crate::console::line(xen, format_args!("Xen does not map the shared page: {result}"));
        xen.shut_down(crate::Ending::Crash);
    }
    // SAFETY: the page is there for good, aligned, and consists of atomic words, which Xen changes as
    // such, but for those that it leaves alone.
    unsafe { &*SHARED.start().cast::<SharedInfo>() }
}

fn clock(shared: &'static SharedInfo) -> &'static Clock {
    alloc::boxed::Box::leak(alloc::boxed::Box::new(Clock::new(&shared.time)))
}
