//! A small virtual machine on KVM, for argod: RAM that its maker brings, a kernel from an ELF file,
//! vCPUs that call by writing to ports.
//!
//! | module | what |
//! |---|---|
//! | [`image`] | a kernel: what is wrong with it, and how it gets into RAM |
//! | `start` | what a vCPU begins with: tables in RAM, registers |
//! | `memory` | RAM and control area, as the machine sees them |
//! | [`machine`] | a machine, from its making to its end |
//! | [`vcpu`] | a vCPU runs until it wants something |
//! | [`kick`] | makes a thread come back from its vCPU |
//! | [`probe`] | whether KVM can be used at all |
//!
//! The kernel runs at privilege level 3 with all of its memory mapped from the beginning
//! (`argo_core::host::machine` has the addresses and ports). So it needs of KVM what every program
//! needs of a processor, and nothing of the rest: it runs at full speed even where KVM interprets
//! what is privileged.
//!
//! Whatever a kernel does is an [`Exit`], and it sees no memory but what it was given, as far as KVM and
//! the processor keep what they promise. Whoever executes its calls has to refuse those that name what
//! lies below `KERNEL_FIRST` (`start` says why), and has to bound the time and memory that exits cost.
//!
//! Unsafe code is in one module: `memory` tells KVM which memory the machine has.
#![deny(unsafe_code)]

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
compile_error!("machines are for KVM on x86-64");

pub mod image;
pub mod kick;
pub mod machine;
mod memory;
pub mod probe;
mod start;
pub mod vcpu;

pub use image::{Image, ImageError};
pub use machine::{COMMAND_MAX, Kvm, KvmError, Machine, Shape};
pub use probe::ProbeError;
pub use vcpu::{Exit, Fault, Vcpu};
