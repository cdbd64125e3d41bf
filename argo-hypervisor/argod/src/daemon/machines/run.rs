//! One life of a machine, from its making to its end.

use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle, Thread};
use std::time::Duration;

use argo_core::GuestAddr;
use argo_core::host::machine::KERNEL_FIRST;
use argo_hypervisor::{Caller, RingPages};
use argo_vm::kick::kick;
use argo_vm::{Fault, Vcpu};
use parking_lot::Mutex;

use super::life::End;
use super::vcpu::Driver;
use super::{Machine, MachineError};
use crate::daemon::calls::Queue;
use crate::daemon::domain::HostDomain;
use crate::daemon::host::Host;
use crate::daemon::interrupts::Ear;
use crate::daemon::system::HostSystem;

/// How long a vCPU may run without writing its time down.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Between two kicks of a vCPU that has to come back: one may come just before it runs, and is lost.
const KICK_EVERY: Duration = Duration::from_millis(1);

/// What the threads of one life share.
pub struct Board {
    pub host: Arc<Host>,
    pub domain: Arc<HostDomain>,
    pub machine: Arc<Machine>,
    pub caller: Caller<HostSystem>,
    /// By number. A vCPU may ring for any of them.
    pub queues: Vec<Mutex<Queue>>,
    /// How the first of them ended, and which.
    end: OnceLock<(usize, End)>,
    keeper: Thread,
}

/// A machine that runs. Whoever has it is its keeper's thread.
pub struct Run {
    board: Arc<Board>,
    threads: Vec<JoinHandle<Vcpu>>,
    /// Lives as long as its vCPUs.
    _vm: argo_vm::Machine,
}

impl Board {
    /// A vCPU has ended: so has the machine.
    pub fn ended(&self, vcpu: usize, end: End) {
        // An error means that another was first.
        let _ = self.end.set((vcpu, end));
        self.machine.bell.end();
        self.keeper.unpark();
    }
}

impl Run {
    /// Makes the machine, in memory that is wiped if it lived before, and lets its vCPUs run.
    ///
    /// # Errors
    /// It cannot be made; nothing of it is left.
    pub fn begin(
        host: &Arc<Host>,
        domain: &Arc<HostDomain>,
        machine: &Arc<Machine>,
    ) -> Result<Self, MachineError> {
        let Machine { kvm, image, shape, command, ram, bell, life, .. } = &**machine;
        machine.wipe();
        let vm = argo_vm::Machine::new(kvm, ram.clone(), *shape, image, command)?;
        let vcpus = (0..shape.vcpus).map(|number| vm.vcpu(kvm, number));
        let vcpus = vcpus.collect::<Result<Vec<_>, _>>()?;
        let memory = domain.memory(ram, shape.vcpus)?.with_first(GuestAddr(KERNEL_FIRST));
        let board = Arc::new(Board {
            host: host.clone(),
            domain: domain.clone(),
            machine: machine.clone(),
            caller: Caller::new(domain.engine.clone(), memory),
            queues: (0..shape.vcpus).map(Queue::new).map(Mutex::new).collect(),
            end: OnceLock::new(),
            keeper: thread::current(),
        });
        bell.begin();
        if machine.is_stopping() {
            bell.end();
        }
        host.engine().events().add(domain.id(), Ear::Machine(bell.clone()));
        life.begins();
        host.engine().activate(&domain.engine);
        let mut run = Self { board, threads: Vec::new(), _vm: vm };
        match run.spawn(vcpus) {
            Ok(()) => Ok(run),
            Err(error) => {
                run.finish();
                Err(error)
            }
        }
    }

    /// Waits for the machine's end, by itself or by somebody's wish, and has this thread's time put on
    /// an account meanwhile. Nothing of the machine is left in the engine when this returns.
    pub fn oversee(mut self, mut bill: impl FnMut()) -> End {
        let bell = self.board.machine.bell.clone();
        while !bell.is_over() && self.finished().is_none() {
            bill();
            thread::park_timeout(LOOK_EVERY);
            self.kick();
        }
        if let Some(vcpu) = self.finished() {
            // Whoever ends says how, before: this one has panicked, unless it was not the first.
            let _ = self.board.end.set((vcpu, End::Host("a thread of its is gone".to_owned())));
        }
        let vcpus = self.finish();
        match self.board.end.get() {
            Some((vcpu, End::Failed(fault))) => End::Failed(located(&vcpus, *vcpu, *fault)),
            Some((_, end)) => end.clone(),
            // Its threads were gone before they could say anything.
            None => End::Stopped,
        }
    }

    fn finished(&self) -> Option<usize> {
        self.threads.iter().position(JoinHandle::is_finished)
    }

    fn spawn(&mut self, vcpus: Vec<Vcpu>) -> Result<(), MachineError> {
        for (number, vcpu) in vcpus.into_iter().enumerate() {
            let (board, name) =
                (self.board.clone(), format!("vcpu-{}-{number}", self.board.domain.id()));
            let drive = move || Driver::new(&board, number, vcpu).run();
            self.threads.push(thread::Builder::new().name(name).spawn(drive)?);
        }
        Ok(())
    }

    /// Has all threads end, and takes away what the engine has of the machine.
    fn finish(&mut self) -> Vec<Vcpu> {
        let Board { host, domain, machine, .. } = &*self.board;
        machine.bell.end();
        while !self.threads.iter().all(JoinHandle::is_finished) {
            self.kick();
            thread::park_timeout(KICK_EVERY);
        }
        host.engine().events().remove(domain.id(), &Ear::Machine(machine.bell.clone()));
        let own = |ring: &_| Arc::ptr_eq(RingPages::memory(ring), &machine.ram);
        host.engine().withdraw_rings(&domain.engine, own);
        machine.life.is_deserted();
        host.engine().deactivate(&domain.engine);
        let threads = self.threads.drain(..);
        threads.filter_map(|thread| thread.join().ok()).collect()
    }

    fn kick(&self) {
        for thread in &self.threads {
            // An error means that it has ended.
            let _ = kick(thread);
        }
    }
}

fn located(vcpus: &[Vcpu], vcpu: usize, fault: Fault) -> Fault {
    vcpus.get(vcpu).map_or(fault, |vcpu| vcpu.located(fault))
}
