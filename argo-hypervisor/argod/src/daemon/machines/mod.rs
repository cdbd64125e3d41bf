//! Domains that are virtual machines.
//!
//! | module | what |
//! |---|---|
//! | `prepare` | before anything starts: the images, and whether KVM can be used |
//! | `keeper` | one thread a machine: starts it, sees it end, starts it again |
//! | `run` | one life of a machine, from its making to its end |
//! | `vcpu` | a vCPU's thread: it runs the guest and executes its calls |
//! | `bell` | from an event to the vCPU that sleeps |
//! | `allowance` | how much of a processor the machine's calls may take |
//! | `console`, `life` | what a machine says, and what became of it |
//!
//! A call takes no other thread: a vCPU that rings comes back from the kernel, and its own thread
//! executes what is in the queue. So whatever a guest makes slow is its own vCPU, and a vCPU that
//! spins is one thread among others to the kernel's scheduler.

mod allowance;
mod bell;
mod console;
mod error;
mod keeper;
mod life;
mod prepare;
mod run;
mod vcpu;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use argo_mem::{Mapping, Memory as _};
use argo_vm::{Image, Kvm, Shape};
use parking_lot::Mutex;

use super::attach;
use super::domain::HostDomain;
use super::host::Host;
use crate::admin::MachineStat;
use crate::config::{LockMemory, Restart};
use allowance::Allowance;
pub use bell::Bell;
use console::Console;
pub use error::{MachineError, PrepareError};
use keeper::Keeper;
use life::Life;
pub use prepare::{Machines, check_images};

/// A domain's virtual machine, running or not.
pub struct Machine {
    kvm: Arc<Kvm>,
    image: Arc<Image>,
    shape: Shape,
    command: String,
    restart: Restart,
    /// Control area and RAM: the same in each of its lives.
    ram: Arc<Mapping>,
    /// A life has begun in them, so that the next one has to wipe them first.
    dirty: AtomicBool,
    bell: Arc<Bell>,
    allowance: Allowance,
    console: Console,
    life: Life,
    /// Somebody wants it to end.
    stopping: AtomicBool,
    keeper: Mutex<Option<JoinHandle<()>>>,
}

impl Machine {
    /// Starts it. When this returns its vCPUs run.
    ///
    /// # Errors
    /// It cannot be made, or it runs already.
    pub fn start(
        self: &Arc<Self>,
        host: &Arc<Host>,
        domain: &Arc<HostDomain>,
    ) -> Result<(), MachineError> {
        let mut keeper = self.keeper.lock();
        let is_kept = keeper.as_ref().is_some_and(|keeper| !keeper.is_finished());
        if is_kept && !self.life.is_at_rest() {
            return Err(MachineError::Runs);
        }
        // Of a machine at rest it has nothing left to do.
        Self::join(keeper.take());
        let wanted = match host.config().reserve {
            Some(_) => LockMemory::Require,
            None => host.lock_memory(),
        };
        attach::lock(wanted, domain, &self.ram)?;
        self.stopping.store(false, Ordering::SeqCst);
        *keeper = Some(Keeper::start(host.clone(), domain.clone(), self.clone())?);
        Ok(())
    }

    /// The same when argod starts, unless somebody has started or stopped it meanwhile.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn start_at_first(
        self: &Arc<Self>,
        host: &Arc<Host>,
        domain: &Arc<HostDomain>,
    ) -> Result<(), MachineError> {
        // One that is dirty has been started, and may have ended.
        if self.is_stopping() || self.dirty.load(Ordering::SeqCst) {
            return Ok(());
        }
        self.start(host, domain)
    }

    /// Ends it for good, or until it is started. When this returns nothing of it is left in the
    /// engine. `false`: it had ended already.
    pub fn stop(&self) -> bool {
        // First: a start that is on its way would take back what comes next, and nobody would tell
        // its keeper again.
        let mut keeper = self.keeper.lock();
        let ended = self.life.is_at_rest();
        self.stopping.store(true, Ordering::SeqCst);
        self.bell.end();
        Self::join(keeper.take());
        !ended
    }

    /// Whether somebody runs in it, as far as the engine knows.
    pub fn is_inhabited(&self) -> bool {
        self.life.is_inhabited()
    }

    /// Time spent on waking its vCPUs.
    pub fn interrupt_time(&self) -> Duration {
        self.bell.time()
    }

    /// What there is to say about it.
    pub fn stat(&self) -> MachineStat {
        MachineStat {
            vcpus: self.shape.vcpus,
            delayed_ns: self.allowance.delayed().as_nanos() as u64,
            console: self.console.last(),
            ..self.life.stat()
        }
    }

    fn join(keeper: Option<JoinHandle<()>>) {
        if let Some(keeper) = keeper {
            keeper.thread().unpark();
            // Its panics are argod's end, if argod is a process of its own.
            let _ = keeper.join();
        }
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Has its memory as it was at first: zero. The first life finds it so.
    fn wipe(&self) {
        if !self.dirty.swap(true, Ordering::SeqCst) {
            return;
        }
        static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
        let memory = self.ram.view();
        for at in (0..memory.len()).step_by(ZEROS.len()) {
            let zeros = &ZEROS[..ZEROS.len().min(memory.len() - at)];
            // It lies inside.
            let _ = memory.write(at, zeros);
        }
    }
}
