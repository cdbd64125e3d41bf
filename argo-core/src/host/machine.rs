//! What argod and the kernel of a virtual machine share, where a domain is one.
//!
//! The machine has the same control area as a session, with one queue a vCPU, and rings by port
//! instead of by doorbell: the vCPU that writes to [`CALLS`] goes on once its calls are answered.
//! Nobody interrupts it; a vCPU with nothing to do writes to [`WAIT`].
//!
//! ```text
//! address            what
//! 0                  nothing: a null pointer faults
//! 0x1000             what the processor starts with: out of the kernel's reach, and of its hypercalls'
//! KERNEL_FIRST       RAM, from the kernel's segments on
//! CONTROL            the control area
//! ```
//! Addresses are the same before and after the page tables, and the offsets in RAM that hypercalls
//! name; of those what lies below [`KERNEL_FIRST`] is as page 0: no memory. Every vCPU begins at the kernel's entry, in 64-bit mode at privilege level 3, where it
//! stays, without a stack and with [`START`] in its registers. There is no interrupt table: an
//! exception ends the machine.

use super::layout::QUEUES_MAX;

/// Where the control area lies.
pub const CONTROL: u64 = 0xC000_0000;

/// Where the kernel finds its command line, in the first page of the control area: text, then zeros.
pub const COMMAND: u64 = CONTROL + 2048;

/// Bytes of the command line, a final zero included.
pub const COMMAND_BYTES: usize = 2048;

/// The most RAM: what is below [`CONTROL`].
pub const RAM_MAX: u64 = CONTROL;

/// RAM comes in large pages of so many bytes.
pub const RAM_STEP: u64 = 2 << 20;

/// The first address that a kernel may use, and that its hypercalls may name: a whole page.
pub const KERNEL_FIRST: u64 = 0x1_0000;

/// The most vCPUs: each has a queue.
pub const VCPUS_MAX: u32 = QUEUES_MAX;

/// Port: executes the calls in the queue with the number that is written (32 bits). When the next
/// instruction begins all that were submitted before are answered, however many.
pub const CALLS: u16 = 0xA60;

/// Port: sleeps while the session's sequence is the number that is written (32 bits), at most as long
/// as the [`patience`](super::layout::QueueLayout::patience) of the queue with this vCPU's number
/// says. May also return for no reason.
pub const WAIT: u16 = 0xA64;

/// Port: bytes of text for whoever looks after the machine.
pub const CONSOLE: u16 = 0xA68;

/// Port: ends the machine with the exit code that is written (32 bits). 0 is success.
pub const EXIT: u16 = 0xA6C;

/// The registers in which a vCPU finds what it cannot know, in the order of [`Start`]'s fields: those
/// of a C function's first arguments.
pub const START: [&str; 5] = ["rdi", "rsi", "rdx", "rcx", "r8"];

/// What a vCPU is told when it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// The domain's id.
    pub domain: u64,
    /// Bytes of RAM.
    pub ram: u64,
    /// The number of this vCPU, from 0.
    pub vcpu: u64,
    /// How many there are.
    pub vcpus: u64,
    /// What the time-stamp counter counts a millisecond.
    pub ticks: u64,
}
