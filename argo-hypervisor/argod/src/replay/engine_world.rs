//! Traces against the engine itself, in this process.

use std::collections::{HashMap, HashSet};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use argo_core::policy::{Action, Decision, PortQuery, Query};
use argo_core::{DomainId, GuestAddr};
use argo_hypervisor::inprocess::AllowAll;
use argo_hypervisor::{
    Argo, Caller, Config, Engine, Events, GuestMemory, Judge, LinearMemory, ParkingLot, Quotas,
    Start, WildcardRings,
};
use argo_mem::HeapRam;

use super::PAGE_BYTES;
use super::record::{Hook, System};
use super::world::{Interrupts, OpResult, World, WorldError};

/// An engine, and the domains of a trace with RAM of this process.
pub struct EngineWorld {
    engine: Engine<InProcess>,
    callers: HashMap<u16, Caller<InProcess>>,
}

/// The engine's host here.
enum InProcess {}

impl argo_hypervisor::System for InProcess {
    type Memory = LinearMemory<HeapRam>;
    type Policy = Denials;
    type Events = Raised;
    type Locks = ParkingLot;
}

/// What the policy refuses; all else is allowed.
#[derive(Default)]
struct Denials(Mutex<HashSet<Query>>);

/// Traces deny hooks; Xen knows no rules about ports.
impl Judge for Denials {
    fn hook(&self, query: Query) -> Decision {
        let denied = locked(&self.0).contains(&query);
        Decision { action: if denied { Action::Deny } else { Action::Allow }, rule: None }
    }

    fn ports(&self, query: PortQuery) -> Decision {
        AllowAll.ports(query)
    }

    fn ports_from_any(&self, query: PortQuery) -> Decision {
        AllowAll.ports_from_any(query)
    }
}

/// The interrupts of the operation under way.
#[derive(Default)]
struct Raised(Mutex<Vec<u16>>);

impl Events for Raised {
    fn virq(&self, domain: DomainId) {
        locked(&self.0).push(domain.raw());
    }
}

impl EngineWorld {
    /// The system of a trace, at its start.
    pub fn new(system: &System) -> Self {
        let argo = if system.argo { Argo::On } else { Argo::Off };
        let wildcard_rings = match system.mac_permissive {
            true => WildcardRings::Allowed,
            false => WildcardRings::Refused,
        };
        let config = Config { argo, wildcard_rings };
        let engine = Engine::new(config, Denials::default(), Raised::default());
        Self { engine, callers: HashMap::new() }
    }

    fn caller(&self, dom: u16) -> Result<&Caller<InProcess>, WorldError> {
        self.callers.get(&dom).ok_or_else(|| format!("there is no domain {dom}").into())
    }

    fn raised(&self) -> Vec<u16> {
        mem::take(&mut locked(&self.engine.events().0))
    }
}

impl World for EngineWorld {
    fn interrupts(&self) -> Interrupts {
        Interrupts::Counted
    }

    fn create_domain(&mut self, id: u16, pages: u64, ro: &[u64]) -> Result<(), WorldError> {
        let ram = HeapRam::zeroed(usize::try_from(pages * PAGE_BYTES)?);
        let memory = LinearMemory::new(Arc::new(ram), 0, pages)?.with_read_only(ro);
        let quotas = Quotas::default();
        let domain = self.engine.create_domain(domain_id(id)?, quotas, Start::Active)?;
        self.callers.insert(id, Caller::new(domain, memory));
        Ok(())
    }

    fn write(&mut self, dom: u16, addr: u64, bytes: &[u8]) -> Result<(), WorldError> {
        Ok(self.caller(dom)?.memory.write(GuestAddr(addr), bytes)?)
    }

    fn read(&mut self, dom: u16, addr: u64, bytes: &mut [u8]) -> Result<(), WorldError> {
        Ok(self.caller(dom)?.memory.read(GuestAddr(addr), bytes)?)
    }

    fn op(&mut self, dom: u16, cmd: u32, args: [u64; 4]) -> Result<OpResult, WorldError> {
        let [arg1, arg2, arg3, arg4] = args;
        let ret = self.engine.argo_op(self.caller(dom)?, cmd, arg1, arg2, arg3, arg4);
        Ok(OpResult { ret, virq: self.raised() })
    }

    fn destroy(&mut self, dom: u16) -> Result<Vec<u16>, WorldError> {
        self.engine.destroy_domain(domain_id(dom)?)?;
        self.callers.remove(&dom);
        Ok(self.raised())
    }

    fn soft_reset(&mut self, dom: u16) -> Result<Vec<u16>, WorldError> {
        self.engine.soft_reset(domain_id(dom)?)?;
        Ok(self.raised())
    }

    fn deny(&mut self, hook: Hook) -> Result<(), WorldError> {
        locked(&self.engine.policy().0).insert(query(hook)?);
        Ok(())
    }

    fn allow(&mut self, hook: Hook) -> Result<(), WorldError> {
        locked(&self.engine.policy().0).remove(&query(hook)?);
        Ok(())
    }
}

fn query(hook: Hook) -> Result<Query, WorldError> {
    Ok(match hook {
        Hook::Enable { src } => Query::Enable { domain: domain_id(src)? },
        Hook::RegisterAnySource { src } => Query::RegisterAnySource { domain: domain_id(src)? },
        Hook::RegisterSingleSource { src, dst } => {
            Query::RegisterSingleSource { domain: domain_id(src)?, partner: domain_id(dst)? }
        }
        Hook::Send { src, dst } => Query::Send { from: domain_id(src)?, to: domain_id(dst)? },
    })
}

fn domain_id(id: u16) -> Result<DomainId, WorldError> {
    DomainId::new(id).ok_or_else(|| format!("{id} names no domain").into())
}

/// A panic elsewhere leaves the value as whole as it was.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
