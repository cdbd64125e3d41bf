//! RAM and control area, as the machine sees them. One piece of memory of its maker's: first the
//! control area, then the RAM, as a session has it.
#![allow(unsafe_code, reason = "KVM is told addresses")]

use std::sync::Arc;

use argo_core::host::layout::control_bytes;
use argo_core::host::machine::{COMMAND, CONTROL};
use argo_mem::{Mapping, Memory as _, OutOfRange, View};
use kvm_bindings::kvm_userspace_memory_region;
use kvm_ioctls::VmFd;

/// The memory of one machine.
#[derive(Clone)]
pub(crate) struct Memory {
    mapping: Arc<Mapping>,
    control: usize,
    ram: usize,
}

impl Memory {
    /// A mapping with a control area of so many queues and so much RAM.
    ///
    /// # Errors
    /// It is shorter than that.
    pub(crate) fn new(mapping: Arc<Mapping>, queues: u32, ram: u64) -> Result<Self, OutOfRange> {
        let (control, ram) = (control_bytes(queues) as usize, ram as usize);
        mapping.view().part(control, ram)?;
        Ok(Self { mapping, control, ram })
    }

    /// Bytes of the control area.
    pub(crate) fn control(&self) -> u64 {
        self.control as u64
    }

    /// The RAM.
    ///
    /// # Errors
    /// None, as `new` has checked.
    pub(crate) fn ram(&self) -> Result<View<'_>, OutOfRange> {
        self.mapping.view().part(self.control, self.ram)
    }

    /// Writes the command line, into memory that is zero.
    ///
    /// # Errors
    /// It is longer than the memory.
    pub(crate) fn write_command(&self, line: &[u8]) -> Result<(), OutOfRange> {
        self.mapping.view().write((COMMAND - CONTROL) as usize, line)
    }

    /// Shows the machine its memory. Whoever has `vm`, or a vCPU of its, has to keep `self` longer.
    ///
    /// # Errors
    /// KVM's.
    pub(crate) fn show(&self, vm: &VmFd) -> Result<(), kvm_ioctls::Error> {
        let base = self.mapping.as_ptr() as u64;
        let regions = [(0, base + self.control as u64, self.ram), (CONTROL, base, self.control)];
        for (slot, (guest_phys_addr, userspace_addr, bytes)) in (0..).zip(regions) {
            let region = kvm_userspace_memory_region {
                slot,
                flags: 0,
                guest_phys_addr,
                memory_size: bytes as u64,
                userspace_addr,
            };
            // SAFETY: the region lies in the mapping, as `new` has checked; nothing in this process
            // refers to it but by views, for which the machine is one more writer like a process
            // that has mapped the memory; `Machine` and `Vcpu` close their descriptors before they
            // let the mapping go.
            unsafe { vm.set_user_memory_region(region)? };
        }
        Ok(())
    }
}
