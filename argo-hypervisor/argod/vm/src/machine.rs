//! A machine: memory with a kernel in it, and vCPUs that are about to begin.

use std::sync::Arc;

use argo_core::DomainId;
use argo_core::host::machine::{COMMAND_BYTES, RAM_MAX, RAM_STEP, Start, VCPUS_MAX};
use argo_mem::{Mapping, OutOfRange};
use kvm_bindings::{CpuId, KVM_MAX_CPUID_ENTRIES, kvm_cpuid_entry2};
use kvm_ioctls::VmFd;

use crate::image::Image;
use crate::memory::Memory;
use crate::start;
use crate::vcpu::Vcpu;

/// Bytes that a command line may have.
pub const COMMAND_MAX: usize = COMMAND_BYTES - 1;

/// Where KVM on Intel processors may keep a page of its own: above all that a machine has.
const KVMS_OWN: usize = 0xfffb_d000;

/// That there are VMX and SVM, in their leaves' ECX.
const VMX: u32 = 1 << 5;
const SVM: u32 = 1 << 2;

/// KVM, opened once: machines are made with it wherever files cannot be opened any more.
pub struct Kvm {
    fd: kvm_ioctls::Kvm,
    cpuid: CpuId,
}

/// What a machine looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// The domain that it is.
    pub domain: DomainId,
    /// Bytes of RAM: a multiple of [`RAM_STEP`] up to [`RAM_MAX`].
    pub ram: u64,
    /// vCPUs, and queues in the control area: 1 to [`VCPUS_MAX`].
    pub vcpus: u32,
}

/// Why there is no KVM, or no machine.
#[derive(Debug, thiserror::Error)]
pub enum KvmError {
    /// KVM, or the system, refuses a step.
    #[error("{step}: {source}")]
    Refused {
        /// What was tried.
        step: &'static str,
        /// The answer.
        source: kvm_ioctls::Error,
    },
    /// No machine looks like this.
    #[error(
        "{ram} bytes of RAM and {vcpus} vCPUs; expected a multiple of {RAM_STEP} up to {RAM_MAX}, \
         and 1 to {VCPUS_MAX}"
    )]
    Shape {
        /// Bytes of RAM.
        ram: u64,
        /// vCPUs.
        vcpus: u32,
    },
    /// The memory is shorter than the machine's RAM and control area.
    #[error(transparent)]
    Memory(#[from] OutOfRange),
}

/// A machine that was made. Its vCPUs begin when they are run.
pub struct Machine {
    /// Before the memory: dropped in this order.
    vm: VmFd,
    memory: Memory,
    shape: Shape,
    entry: u64,
}

impl Kvm {
    /// Opens `/dev/kvm`, and asks what a processor of its can do.
    ///
    /// # Errors
    /// There is none, or this user may not use it.
    pub fn open() -> Result<Self, KvmError> {
        let fd = kvm_ioctls::Kvm::new().map_err(refused("opening /dev/kvm"))?;
        let cpuid = fd.get_supported_cpuid(KVM_MAX_CPUID_ENTRIES);
        let mut cpuid = cpuid.map_err(refused("KVM_GET_SUPPORTED_CPUID"))?;
        cpuid.as_mut_slice().iter_mut().for_each(hide_virtualization);
        Ok(Self { fd, cpuid })
    }
}

impl Machine {
    /// Makes a machine out of memory that is zero: control area, then RAM. An image that was checked
    /// for less RAM fits, too. `command` is cut after [`COMMAND_MAX`] bytes.
    ///
    /// # Errors
    /// [`KvmError`]; the image was checked for more RAM, for example. The memory may not be zero any more.
    pub fn new(
        kvm: &Kvm,
        memory: Arc<Mapping>,
        shape: Shape,
        image: &Image,
        command: &str,
    ) -> Result<Self, KvmError> {
        let Shape { ram, vcpus, .. } = shape;
        let fits = (RAM_STEP..=RAM_MAX).contains(&ram) && ram.is_multiple_of(RAM_STEP);
        if !fits || !(1..=VCPUS_MAX).contains(&vcpus) {
            return Err(KvmError::Shape { ram, vcpus });
        }
        let memory = Memory::new(memory, vcpus, ram)?;
        start::write_tables(memory.ram()?, memory.control())?;
        image.load(memory.ram()?)?;
        memory.write_command(&command.as_bytes()[..command.len().min(COMMAND_MAX)])?;
        let vm = kvm.fd.create_vm().map_err(refused("KVM_CREATE_VM"))?;
        vm.set_tss_address(KVMS_OWN).map_err(refused("KVM_SET_TSS_ADDR"))?;
        memory.show(&vm).map_err(refused("KVM_SET_USER_MEMORY_REGION"))?;
        Ok(Self { vm, memory, shape, entry: image.entry() })
    }

    /// The vCPU with this number, about to begin. Each can be had once.
    ///
    /// # Errors
    /// [`KvmError`]
    pub fn vcpu(&self, kvm: &Kvm, number: u32) -> Result<Vcpu, KvmError> {
        let vcpu = self.vm.create_vcpu(number.into()).map_err(refused("KVM_CREATE_VCPU"))?;
        vcpu.set_cpuid2(&kvm.cpuid).map_err(refused("KVM_SET_CPUID2"))?;
        let reset = vcpu.get_sregs().map_err(refused("KVM_GET_SREGS"))?;
        let system = start::system_registers(reset);
        vcpu.set_sregs(&system).map_err(refused("KVM_SET_SREGS"))?;
        let ticks = vcpu.get_tsc_khz().map_err(refused("KVM_GET_TSC_KHZ"))?;
        let begins = Start {
            domain: self.shape.domain.raw().into(),
            ram: self.shape.ram,
            vcpu: number.into(),
            vcpus: self.shape.vcpus.into(),
            ticks: ticks.into(),
        };
        let registers = start::registers(self.entry, &begins);
        vcpu.set_regs(&registers).map_err(refused("KVM_SET_REGS"))?;
        Ok(Vcpu::new(vcpu, self.memory.clone()))
    }
}

/// No machine needs machines of its own: KVM's part for those is large, and rarely used. (VMX: Intel SDM
/// volume 2, CPUID, leaf 1; SVM: AMD APM volume 3, appendix E, Fn8000_0001.)
fn hide_virtualization(leaf: &mut kvm_cpuid_entry2) {
    match leaf.function {
        1 => leaf.ecx &= !VMX,
        0x8000_0001 => leaf.ecx &= !SVM,
        _ => {}
    }
}

pub(crate) fn refused(step: &'static str) -> impl Fn(kvm_ioctls::Error) -> KvmError {
    move |source| KvmError::Refused { step, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_all_that_a_processor_can_do_only_machines_are_hidden() {
        let all = |function| kvm_cpuid_entry2 {
            function,
            ecx: u32::MAX,
            edx: u32::MAX,
            ..Default::default()
        };
        for (function, hidden) in [(0, 0), (1, 1 << 5), (7, 0), (0x8000_0001, 1 << 2)] {
            let mut leaf = all(function);
            hide_virtualization(&mut leaf);
            assert_eq!((leaf.ecx, leaf.edx), (!hidden, u32::MAX), "{function:#x}");
        }
    }
}
