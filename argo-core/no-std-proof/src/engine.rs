//! What an embedder of the engine does.

extern crate alloc;

use alloc::sync::Arc;

use argo_core::abi::PAGE_SIZE;
use argo_core::policy::{Action, Decision, PortQuery, Query};
use argo_core::{DomainId, Errno};
use argo_hypervisor::{
    Argo, Caller, Config, Engine, Events, Judge, LinearMemory, Quotas, Start, System, WildcardRings,
};
use argo_mem::HeapRam;

use crate::spin::SpinLocks;

const PAGES: usize = 4;

struct Bare;
struct Deny;
struct Silent;

impl System for Bare {
    type Memory = LinearMemory<HeapRam>;
    type Policy = Deny;
    type Events = Silent;
    type Locks = SpinLocks;
}

impl Judge for Deny {
    fn hook(&self, query: Query) -> Decision {
        let action = match query {
            Query::Enable { .. } => Action::Allow,
            _ => Action::Deny,
        };
        Decision { action, rule: None }
    }

    fn ports(&self, _: PortQuery) -> Decision {
        Decision { action: Action::Deny, rule: None }
    }

    fn ports_from_any(&self, query: PortQuery) -> Decision {
        self.ports(query)
    }
}

impl Events for Silent {
    fn virq(&self, _: DomainId) {}
}

/// Makes one hypercall as domain 1 of a new engine, and returns its result.
#[unsafe(no_mangle)]
pub extern "C" fn argo_one_call(cmd: u32, arg1: u64, arg2: u64, arg3: u64, arg4: u64) -> i64 {
    match caller() {
        Some((engine, caller)) => engine.argo_op(&caller, cmd, arg1, arg2, arg3, arg4),
        None => Errno::ENOMEM.ret(),
    }
}

fn caller() -> Option<(Engine<Bare>, Caller<Bare>)> {
    let config = Config { argo: Argo::On, wildcard_rings: WildcardRings::Refused };
    let engine = Engine::new(config, Deny, Silent);
    let domain = engine.create_domain(DomainId::new(1)?, Quotas::default(), Start::Active).ok()?;
    let ram = Arc::new(HeapRam::zeroed(PAGES * PAGE_SIZE as usize));
    let memory = LinearMemory::new(ram, 0, PAGES as u64).ok()?;
    Some((engine, Caller::new(domain, memory)))
}
