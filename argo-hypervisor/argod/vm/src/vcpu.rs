//! A vCPU runs until it wants something, or cannot go on.

use argo_core::host::machine::{CALLS, CONSOLE, EXIT, WAIT};
use kvm_ioctls::{VcpuExit, VcpuFd};

use crate::memory::Memory;

/// A vCPU. It is run by one thread at a time.
pub struct Vcpu {
    /// Before the memory: dropped in this order.
    fd: VcpuFd,
    _memory: Memory,
}

/// What a vCPU wants. Unless it said that it is done, or failed, it goes on when it is run again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit<'v> {
    /// The calls in this queue executed.
    Calls(u32),
    /// To sleep while the sequence is this.
    Wait(u32),
    /// This read by somebody.
    Console(&'v [u8]),
    /// Nothing more: the machine is done, with this exit code.
    Done(u32),
    /// Nothing: it was [kicked](crate::kick), or the thread had a signal.
    Interrupted,
    /// It cannot go on.
    Failed(Fault),
}

/// Why a vCPU cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// An exception, of which there is nobody to take care.
    #[error("an exception (triple fault) at {at:#x}, address {address:#x}")]
    Exception {
        /// The instruction.
        at: u64,
        /// The address, if it was a page fault.
        address: u64,
    },
    /// It used an address where no memory is.
    #[error("there is no memory at {0:#x}")]
    NoMemory(u64),
    /// It used a port in a way that none of them is used.
    #[error("port {port:#x} {direction} with {bytes} byte(s)")]
    Port {
        /// The port.
        port: u16,
        /// Which way.
        direction: &'static str,
        /// How many bytes.
        bytes: usize,
    },
    /// KVM cannot run it, for a reason of its own.
    #[error("KVM cannot run it: {what}, {number:#x}")]
    Kvm {
        /// What KVM says.
        what: &'static str,
        /// And the reason.
        number: u64,
    },
}

impl Vcpu {
    pub(crate) fn new(fd: VcpuFd, memory: Memory) -> Self {
        Self { fd, _memory: memory }
    }

    /// Runs it on this thread until it wants something.
    pub fn run(&mut self) -> Exit<'_> {
        match self.fd.run() {
            Ok(exit) => understood(exit),
            // Signals, and what the kernel asks to be tried again.
            Err(error) if [EINTR, EAGAIN].contains(&error.errno()) => Exit::Interrupted,
            Err(error) => kvms("KVM_RUN", error.errno() as u64),
        }
    }

    /// Where it was when it could not go on: says more about an exception.
    pub fn located(&self, fault: Fault) -> Fault {
        match (fault, self.fd.get_regs(), self.fd.get_sregs()) {
            (Fault::Exception { .. }, Ok(registers), Ok(system)) => {
                Fault::Exception { at: registers.rip, address: system.cr2 }
            }
            _ => fault,
        }
    }
}

/// <asm-generic/errno-base.h>.
const EINTR: i32 = 4;
const EAGAIN: i32 = 11;

fn understood(exit: VcpuExit<'_>) -> Exit<'_> {
    match exit {
        VcpuExit::IoOut(port, bytes) => written(port, bytes),
        VcpuExit::IoIn(port, bytes) => misused(port, "read", bytes.len()),
        VcpuExit::Intr => Exit::Interrupted,
        VcpuExit::Shutdown => Exit::Failed(Fault::Exception { at: 0, address: 0 }),
        VcpuExit::MmioRead(at, _) | VcpuExit::MmioWrite(at, _) => Exit::Failed(Fault::NoMemory(at)),
        VcpuExit::FailEntry(reason, _) => kvms("entry failed", reason),
        VcpuExit::InternalError => kvms("internal error", 0),
        VcpuExit::Hlt => kvms("halted", 0),
        VcpuExit::Unsupported(reason) => kvms("unknown exit", reason.into()),
        _ => kvms("unexpected exit", 0),
    }
}

fn written(port: u16, bytes: &[u8]) -> Exit<'_> {
    let word = bytes.try_into().map(u32::from_le_bytes);
    match (port, word) {
        (CALLS, Ok(queue)) => Exit::Calls(queue),
        (WAIT, Ok(seen)) => Exit::Wait(seen),
        (EXIT, Ok(code)) => Exit::Done(code),
        (CONSOLE, _) => Exit::Console(bytes),
        _ => misused(port, "written", bytes.len()),
    }
}

fn misused<'v>(port: u16, direction: &'static str, bytes: usize) -> Exit<'v> {
    Exit::Failed(Fault::Port { port, direction, bytes })
}

fn kvms<'v>(what: &'static str, number: u64) -> Exit<'v> {
    Exit::Failed(Fault::Kvm { what, number })
}
