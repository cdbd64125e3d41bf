//! Whether KVM can be used: it runs a few instructions at privilege level 3.

use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use argo_core::DomainId;
use argo_core::host::layout::control_bytes;
use argo_core::host::machine::RAM_STEP;
use argo_mem::{MapError, Mapping};
use vmm_sys_util::errno;

use crate::image::Image;
use crate::kick::{kick, prepare};
use crate::machine::{Kvm, KvmError, Machine, Shape};
use crate::vcpu::{Exit, Vcpu};

/// How long a few instructions may take. Where they run at all it is less than a millisecond.
const WITHIN: Duration = Duration::from_secs(2);
/// Between two kicks of one that takes longer.
const KICK_EVERY: Duration = Duration::from_millis(1);

/// What the probe ends with, computed by SSE: ports and vector registers work.
const ANSWER: u32 = 42;
#[rustfmt::skip]
const PROBE: [u8; 24] = [
    0xb8, 21, 0, 0, 0,          // mov eax, 21
    0x66, 0x0f, 0x6e, 0xc0,     // movd xmm0, eax
    0x66, 0x0f, 0xfe, 0xc0,     // paddd xmm0, xmm0
    0x66, 0x0f, 0x7e, 0xc0,     // movd eax, xmm0
    0x66, 0xba, 0x6c, 0x0a,     // mov dx, EXIT
    0xef,                       // out dx, eax
    0x0f, 0x0b,                 // ud2
];

/// Why KVM cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// There is none, or it makes no machine.
    #[error(transparent)]
    Kvm(#[from] KvmError),
    /// No memory for a small machine.
    #[error("probing: {0}")]
    Memory(#[from] MapError),
    /// A signal handler or a thread is refused.
    #[error("probing: {0}")]
    System(#[from] std::io::Error),
    /// A few instructions at privilege level 3 did something else than they should.
    #[error(
        "a few instructions at privilege level 3, one of them SSE, ended so: {found}; expected exit code {ANSWER}"
    )]
    Wrong {
        /// What they did.
        found: String,
    },
    /// They did not come to an end.
    #[error("a few instructions at privilege level 3 were not done within {WITHIN:?}")]
    Hangs,
}

impl Kvm {
    /// Opens KVM, runs a few instructions, and prepares this process for kicks.
    ///
    /// # Errors
    /// [`ProbeError`]: what was tried and failed.
    pub fn probe() -> Result<Self, ProbeError> {
        prepare().map_err(system)?;
        let kvm = Self::open()?;
        let (machine, shape) = (small_memory()?, SMALL);
        let machine = Machine::new(&kvm, machine, shape, &Image::flat(&PROBE), "")?;
        run(machine.vcpu(&kvm, 0)?)?;
        Ok(kvm)
    }
}

const SMALL: Shape = Shape { domain: DomainId::CONTROL, ram: RAM_STEP, vcpus: 1 };

fn small_memory() -> Result<Arc<Mapping>, MapError> {
    let bytes = control_bytes(SMALL.vcpus) as usize + SMALL.ram as usize;
    Ok(Arc::new(Mapping::create("argo-probe", bytes)?.0))
}

/// Runs it until it wants something, on a thread of its own, which is over when this returns, or stays
/// where no kick brings it back.
fn run(mut vcpu: Vcpu) -> Result<(), ProbeError> {
    let (tell, told) = mpsc::channel();
    let run = move || {
        let wrong = |found| Err(ProbeError::Wrong { found });
        // Nobody listens any more if it took too long.
        let _ = tell.send(match vcpu.run() {
            Exit::Done(ANSWER) => Ok(()),
            Exit::Failed(fault) => wrong(vcpu.located(fault).to_string()),
            exit => wrong(format!("{exit:?}")),
        });
    };
    let thread = std::thread::Builder::new().name("kvm-probe".into()).spawn(run)?;
    let outcome = told.recv_timeout(WITHIN).unwrap_or(Err(ProbeError::Hangs));
    end(&thread);
    if thread.is_finished() {
        // It cannot have panicked.
        let _ = thread.join();
    }
    outcome
}

fn end(thread: &JoinHandle<()>) {
    let until = Instant::now() + WITHIN;
    while !thread.is_finished() && Instant::now() < until {
        let _ = kick(thread);
        std::thread::sleep(KICK_EVERY);
    }
}

fn system(error: errno::Error) -> ProbeError {
    ProbeError::System(error.into())
}
