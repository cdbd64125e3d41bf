//! What a vCPU begins with: 64-bit mode at privilege level 3, all memory mapped, four ports open.
//!
//! The tables lie in the first pages of RAM, which are out of the kernel's reach as long as they stay as
//! they are: whoever executes hypercalls has to refuse those that name an address or a page below
//! [`KERNEL_FIRST`], or a message could write the kernel a table that lets it out of level 3.
//!
//! Formats: Intel SDM volume 3, chapters 3 (segments), 4 (paging), 8 (tasks) and 19.5.2 (I/O bitmap).

use argo_core::host::machine::{CALLS, CONTROL, EXIT, KERNEL_FIRST, RAM_STEP, Start, VCPUS_MAX};
use argo_mem::{OutOfRange, View};
use kvm_bindings::{kvm_regs, kvm_segment, kvm_sregs};
use zerocopy::IntoBytes;

const PAGE: u64 = 4096;
/// Entries of a page table.
const ENTRIES: u64 = 512;
/// Bytes of one.
const ENTRY: u64 = 8;

const GDT: u64 = 0x1000;
const TSS: u64 = 0x2000;
const LEVEL_4: u64 = 0x3000;
const LEVEL_3: u64 = 0x4000;
/// A table of large pages a GiB of RAM, then that of the control area.
const LEVEL_2: u64 = 0x5000;
const LEVEL_2_CONTROL: u64 = LEVEL_2 + 3 * PAGE;
/// The first of the large pages, page by page.
const LEVEL_1_FIRST: u64 = 0x9000;
const LEVEL_1_CONTROL: u64 = 0xA000;

/// Present, writable, for level 3, accessed.
const TABLE: u64 = 0x27;
/// The same, and written to.
const SMALL: u64 = 0x67;
/// The same, but only for level 0, as which the processor reads its tables.
const PROCESSORS: u64 = 0x63;
/// A small page's bits on a page of 2 MiB.
const LARGE: u64 = 0xE7;

/// Selectors: index in the GDT and privilege level.
const DATA: u16 = (1 << 3) | 3;
const CODE: u16 = (2 << 3) | 3;
const TASK: u16 = 3 << 3;
/// Flat data and 64-bit code for level 3, accessed; a busy task whose base is below 16 MiB.
const DATA_DESCRIPTOR: u64 = 0x00cf_f300_0000_ffff;
const CODE_DESCRIPTOR: u64 = 0x00af_fb00_0000_ffff;
const TASK_DESCRIPTOR: u64 = 0x0000_8b00_0000_0000 | (TSS << 16) | TSS_LIMIT;

/// Where a 64-bit task's I/O bitmap begins; the same at this offset in the task.
const BITMAP: u64 = 0x68;
const BITMAP_AT: u64 = 0x66;
/// One more byte, all ones, has to follow the bits of the last port.
const TSS_LIMIT: u64 = BITMAP + PORTS / 8;
/// Ports whose bits there are. The others are closed.
const PORTS: u64 = EXIT as u64 + 4;

/// Protection, monitor coprocessor, numeric errors, write protection, paging, and what is always 1.
const CR0: u64 = 0x8001_0033;
/// Physical address extension, SSE and its exceptions.
const CR4: u64 = 0x620;
/// Long mode, enabled and active.
const EFER: u64 = 0x500;

const _: () = {
    assert!(LEVEL_1_CONTROL + PAGE <= KERNEL_FIRST);
    assert!(argo_core::host::layout::control_bytes(VCPUS_MAX) as u64 <= ENTRIES * PAGE);
    assert!(PORTS.is_multiple_of(8) && CALLS.is_multiple_of(8));
    assert!(CONTROL == 3 << 30);
};

/// Writes the tables into RAM that is zero, behind which there are so many bytes of control area.
///
/// # Errors
/// There is less RAM than a large page.
pub(crate) fn write_tables(ram: View<'_>, control: u64) -> Result<(), OutOfRange> {
    write_entries(ram, GDT, [0, DATA_DESCRIPTOR, CODE_DESCRIPTOR, TASK_DESCRIPTOR, 0])?;
    write_entries(ram, LEVEL_4, [LEVEL_3 | TABLE])?;
    write_entries(ram, LEVEL_3, (0..4).map(|gib| (LEVEL_2 + gib * PAGE) | TABLE))?;
    let large = (1..ram.len() as u64 / RAM_STEP).map(|page| (page * RAM_STEP) | LARGE);
    write_entries(ram, LEVEL_2, [LEVEL_1_FIRST | TABLE].into_iter().chain(large))?;
    write_entries(ram, LEVEL_2_CONTROL, [LEVEL_1_CONTROL | TABLE])?;
    let whose = |page| if page * PAGE < KERNEL_FIRST { PROCESSORS } else { SMALL };
    let first = (1..ENTRIES).map(|page| (page * PAGE) | whose(page));
    write_entries(ram, LEVEL_1_FIRST + ENTRY, first)?;
    let pages = (0..control.div_ceil(PAGE)).map(|page| (CONTROL + page * PAGE) | SMALL);
    write_entries(ram, LEVEL_1_CONTROL, pages)?;
    write_task(ram)
}

fn write_entries(
    ram: View<'_>,
    table: u64,
    entries: impl IntoIterator<Item = u64>,
) -> Result<(), OutOfRange> {
    let places = (table as usize..).step_by(ENTRY as usize);
    places.zip(entries).try_for_each(|(place, entry)| ram.write(place, entry.as_bytes()))
}

/// The task: only its I/O bitmap matters. A port with a bit of 0 is open.
fn write_task(ram: View<'_>) -> Result<(), OutOfRange> {
    let mut bitmap = [0xff; (PORTS / 8 + 1) as usize];
    bitmap[usize::from(CALLS / 8)..(PORTS / 8) as usize].fill(0);
    ram.write((TSS + BITMAP_AT) as usize, (BITMAP as u16).as_bytes())?;
    ram.write((TSS + BITMAP) as usize, &bitmap)
}

/// The system's registers, made of what they are after a reset.
pub(crate) fn system_registers(reset: kvm_sregs) -> kvm_sregs {
    let mut registers = reset;
    let flat = |selector, kind, long| kvm_segment {
        base: 0,
        limit: u32::MAX,
        selector,
        type_: kind,
        present: 1,
        dpl: 3,
        db: 1 - long,
        s: 1,
        l: long,
        g: 1,
        ..Default::default()
    };
    let data = flat(DATA, 3, 0);
    registers.cs = flat(CODE, 11, 1);
    [registers.ds, registers.es, registers.fs, registers.gs, registers.ss] = [data; 5];
    registers.tr = kvm_segment {
        base: TSS,
        limit: TSS_LIMIT as u32,
        selector: TASK,
        type_: 11,
        present: 1,
        ..Default::default()
    };
    registers.gdt.base = GDT;
    registers.gdt.limit = 5 * 8 - 1;
    registers.idt.base = 0;
    registers.idt.limit = 0;
    registers.cr0 = CR0;
    registers.cr3 = LEVEL_4;
    registers.cr4 = CR4;
    registers.efer = EFER;
    registers
}

/// The registers of a program that begins at `entry`.
pub(crate) fn registers(entry: u64, start: &Start) -> kvm_regs {
    let &Start { domain, ram, vcpu, vcpus, ticks } = start;
    // The bit of the flags that is always 1: no interrupts.
    let flags = 2;
    kvm_regs {
        rip: entry,
        rflags: flags,
        rdi: domain,
        rsi: ram,
        rdx: vcpu,
        rcx: vcpus,
        r8: ticks,
        ..Default::default()
    }
}
