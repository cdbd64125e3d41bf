//! The attachment: its messages and what is checked in them.

use alloc::vec::Vec;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use argo_core::DomainId;
use argo_core::abi::PAGE_SIZE;
use argo_core::host::attach::{DOORBELLS_MAX, Hello, Sealed, Verdict, Welcome};
use argo_core::host::{MAGIC, VERSION, layout};
use argo_mem::Mapping;

use super::doorbells::Doorbells;
use super::error::{AttachCause, Step};
use super::link::{Link, accepted, domain_id, expect, nonsense};

/// Submission queues that a session asks for: all threads of a process share one.
const QUEUES: u32 = 1;

type Failure = (Step, AttachCause);

/// What a completed attachment yields.
pub(super) struct Attached {
    pub(super) socket: OwnedFd,
    pub(super) memory: Mapping,
    pub(super) doorbells: Doorbells,
    pub(super) domain: DomainId,
    pub(super) control_bytes: usize,
    pub(super) ram_pages: u32,
}

/// Attaches to the domain whose socket this is; all steps together take at most `patience`.
pub(super) fn attach(path: &Path, patience: Duration) -> Result<Attached, Failure> {
    let at = |step| move |cause| (step, cause);
    let link = Link::connect(path, patience).map_err(at(Step::Connecting))?;
    link.send(&Hello::new(QUEUES)).map_err(at(Step::Greeting))?;
    let (welcome, fds) = link.receive::<Welcome>().map_err(at(Step::ReceivingWelcome))?;
    let shape = check(&welcome, fds.len()).map_err(at(Step::ReceivingWelcome))?;
    let (memory, bells) = take_memory(&shape, fds).map_err(at(Step::TakingMemory))?;
    link.send(&Sealed::MESSAGE).map_err(at(Step::TakingMemory))?;
    let (verdict, _) = link.receive::<Verdict>().map_err(at(Step::ReceivingVerdict))?;
    expect("Verdict's magic", verdict.magic, MAGIC).map_err(at(Step::ReceivingVerdict))?;
    accepted(verdict.errno, &verdict.text).map_err(at(Step::ReceivingVerdict))?;
    let doorbells = Doorbells::new(bells, &welcome.cpus[..welcome.doorbells as usize]);
    let Shape { domain, control_bytes, ram_pages, .. } = shape;
    Ok(Attached { socket: link.into_socket(), memory, doorbells, domain, control_bytes, ram_pages })
}

/// A Welcome that makes sense.
struct Shape {
    domain: DomainId,
    control_bytes: usize,
    ram_pages: u32,
    total_bytes: usize,
}

fn check(welcome: &Welcome, fds: usize) -> Result<Shape, AttachCause> {
    expect("Welcome's magic", welcome.magic, MAGIC)?;
    if welcome.version != VERSION {
        return Err(AttachCause::Version { theirs: welcome.version, ours: VERSION });
    }
    accepted(welcome.errno, &welcome.text)?;
    expect("the number of queues", welcome.queues, QUEUES)?;
    let control = layout::control_bytes(QUEUES);
    expect("the size of the control area", welcome.control_bytes, control)?;
    if welcome.doorbells == 0 || welcome.doorbells > DOORBELLS_MAX {
        return Err(nonsense("the number of doorbells", welcome.doorbells, DOORBELLS_MAX));
    }
    let promised = 1 + welcome.doorbells as usize;
    expect("the number of descriptors", fds as u64, promised as u64)?;
    let domain = domain_id(welcome.domain)?;
    let total = u64::from(control) + u64::from(welcome.ram_pages) * u64::from(PAGE_SIZE);
    let total_bytes = usize::try_from(total)
        .map_err(|_| nonsense("the size of the RAM in bytes", total, usize::MAX as u64))?;
    let control_bytes = control as usize;
    Ok(Shape { domain, control_bytes, ram_pages: welcome.ram_pages, total_bytes })
}

/// Maps the RAM, then adds the final seals: in this order, since they forbid new mappings.
fn take_memory(shape: &Shape, fds: Vec<OwnedFd>) -> Result<(Mapping, Vec<OwnedFd>), AttachCause> {
    let mut fds = fds.into_iter();
    let ram = fds.next().ok_or_else(|| nonsense("the number of descriptors", 0u32, 1u32))?;
    let memory = Mapping::of(&ram, shape.total_bytes)?;
    Mapping::finish_seals(&ram)?;
    Ok((memory, fds.collect()))
}
