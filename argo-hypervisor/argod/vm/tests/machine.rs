//! Machines on KVM, where it can be used.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to stop")]

use std::sync::Arc;
use std::thread;

use argo_core::DomainId;
use argo_core::host::layout::control_bytes;
use argo_core::host::machine::{CALLS, CONTROL, RAM_MAX, RAM_STEP};
use argo_mem::Mapping;
use argo_vm::kick::kick;
use argo_vm::{Exit, Fault, Image, Kvm, KvmError, Machine, Shape, Vcpu};
use argod_hostile::kernels;

const SHAPE: Shape = Shape { domain: DomainId::CONTROL, ram: 2 * RAM_STEP, vcpus: 2 };

/// `None`, said loudly, where KVM cannot be used.
fn kvm() -> Option<Kvm> {
    let probed = Kvm::probe();
    probed.inspect_err(|why| effort::skipped(&format!("machines: {why}"))).ok()
}

fn memory() -> Arc<Mapping> {
    let bytes = control_bytes(SHAPE.vcpus) as usize + SHAPE.ram as usize;
    Arc::new(Mapping::create("machine", bytes).unwrap().0)
}

fn make(kvm: &Kvm, kernel: Vec<u8>, shape: Shape) -> Result<Machine, KvmError> {
    Machine::new(kvm, memory(), shape, &Image::check(kernel, SHAPE.ram).unwrap(), "")
}

fn vcpu(kvm: &Kvm, kernel: Vec<u8>) -> Vcpu {
    make(kvm, kernel, SHAPE).unwrap().vcpu(kvm, 1).unwrap()
}

fn fault(kvm: &Kvm, kernel: Vec<u8>) -> Fault {
    let mut vcpu = vcpu(kvm, kernel);
    match vcpu.run() {
        Exit::Failed(fault) => vcpu.located(fault),
        exit => unreachable!("{exit:?}"),
    }
}

#[test]
fn a_kernel_says_what_it_wants() {
    let Some(kvm) = kvm() else { return };
    assert_eq!(vcpu(&kvm, kernels::exits(7)).run(), Exit::Done(7));
    let mut rings = vcpu(&kvm, kernels::rings(3));
    assert_eq!(rings.run(), Exit::Calls(3));
    assert_eq!(rings.run(), Exit::Calls(3), "it goes on behind its call");
    assert_eq!(vcpu(&kvm, kernels::sleeps()).run(), Exit::Wait(0));
}

#[test]
fn what_a_kernel_does_wrong_is_its_end() {
    let Some(kvm) = kvm() else { return };
    let at = argo_core::host::machine::KERNEL_FIRST;
    assert_eq!(fault(&kvm, kernels::faults()), Fault::Exception { at, address: 0 });
    let port = Fault::Port { port: CALLS, direction: "read", bytes: 4 };
    assert_eq!(fault(&kvm, kernels::reads_a_port()), port);
    let control_end = CONTROL + u64::from(control_bytes(SHAPE.vcpus));
    for address in [1, 0x1000, at - 1, SHAPE.ram, CONTROL - 1, control_end, 1 << 46] {
        // Behind the load of the address.
        let expected = Fault::Exception { at: at + 10, address };
        assert_eq!(fault(&kvm, kernels::touches(address)), expected, "{address:#x}");
    }
    for address in [at, SHAPE.ram - 1, CONTROL, control_end - 1] {
        // What follows in memory is zeros: add [rax], al; until the end of what is there.
        let Fault::Exception { at: end, .. } = fault(&kvm, kernels::touches(address)) else {
            unreachable!()
        };
        assert!(end > at + 10, "{address:#x} is memory");
    }
}

#[test]
fn a_kernel_that_never_comes_back_is_kicked() {
    let Some(kvm) = kvm() else { return };
    let mut spinning = vcpu(&kvm, kernels::spins());
    let runs = thread::spawn(move || matches!(spinning.run(), Exit::Interrupted));
    while !runs.is_finished() {
        kick(&runs).unwrap();
        thread::yield_now();
    }
    assert!(runs.join().unwrap());
}

#[test]
fn no_machine_has_another_shape() {
    let Some(kvm) = kvm() else { return };
    let shapes = [
        Shape { ram: RAM_STEP + 4096, ..SHAPE },
        Shape { ram: 0, ..SHAPE },
        Shape { ram: RAM_MAX + RAM_STEP, ..SHAPE },
        Shape { vcpus: 0, ..SHAPE },
        Shape { vcpus: 9, ..SHAPE },
    ];
    for shape in shapes {
        let made = make(&kvm, kernels::spins(), shape);
        assert!(matches!(made, Err(KvmError::Shape { .. })), "{shape:?}");
    }
    let longer = make(&kvm, kernels::spins(), Shape { ram: 2 * SHAPE.ram, ..SHAPE });
    assert!(matches!(longer, Err(KvmError::Memory(_))), "more RAM than there is memory");
}

#[test]
fn an_image_that_was_checked_for_more_ram_makes_no_machine() {
    let Some(kvm) = kvm() else { return };
    let mut kernel = kernels::elf(&[]);
    // Its part's last bytes lie at the end of the larger RAM.
    kernel.resize(kernel.len() + 16, 0x90);
    let last = SHAPE.ram - 16;
    for (at, word) in [(24, last), (64 + 16, last), (64 + 32, 16), (64 + 40, 16)] {
        kernel[at..at + 8].copy_from_slice(&word.to_le_bytes());
    }
    make(&kvm, kernel.clone(), SHAPE).unwrap();
    let smaller = make(&kvm, kernel, Shape { ram: RAM_STEP, ..SHAPE });
    assert!(matches!(smaller, Err(KvmError::Memory(_))));
}
