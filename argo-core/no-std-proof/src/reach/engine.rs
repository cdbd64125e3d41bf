//! What a guest reaches in the engine, under rules of every kind.

extern crate alloc;

use alloc::vec::Vec;

use argo_core::policy::{
    Decision, LabelSet, PortQuery, PortRule, Query, Rule, decide, decide_from_any_port,
    decide_from_ports, decide_ports,
};
use argo_core::{DomainId, Port};
use argo_hypervisor::{Caller, Domain, Engine, Events, Judge, LinearMemory, System};
use argo_mem::HeapRam;

use crate::spin::SpinLocks;

/// A system whose policy is a list of rules.
pub struct Ruled;

/// The rules.
pub struct Rules {
    hooks: Vec<Rule>,
    ports: Vec<PortRule>,
}

/// Events that nobody looks at.
pub struct Silent;

impl System for Ruled {
    type Memory = LinearMemory<HeapRam>;
    type Policy = Rules;
    type Events = Silent;
    type Locks = SpinLocks;
}

impl Events for Silent {
    fn virq(&self, _: DomainId) {}
}

impl Judge for Rules {
    fn hook(&self, query: Query) -> Decision {
        decide(&self.hooks, unlabelled, query)
    }

    fn ports(&self, query: PortQuery) -> Decision {
        decide_ports(&self.ports, unlabelled, query)
    }

    fn ports_from_any(&self, query: PortQuery) -> Decision {
        decide_from_any_port(&self.ports, unlabelled, query)
    }

    fn ports_from(
        &self,
        query: PortQuery,
        sources: impl Iterator<Item = Port> + Clone,
    ) -> Decision {
        decide_from_ports(&self.ports, unlabelled, query, sources)
    }
}

fn unlabelled(_: DomainId) -> LabelSet {
    LabelSet::EMPTY
}

/// Each hypercall with any arguments.
#[unsafe(no_mangle)]
pub fn strict_hypercall(
    engine: &Engine<Ruled>,
    caller: &Caller<Ruled>,
    cmd: u32,
    [arg1, arg2, arg3, arg4]: [u64; 4],
) -> i64 {
    engine.argo_op(caller, cmd, arg1, arg2, arg3, arg4)
}

/// What a guest's death or the end of its session brings about.
#[unsafe(no_mangle)]
pub fn trusting_detach(engine: &Engine<Ruled>, domain: &Domain<Ruled>) {
    engine.deactivate(domain);
}

/// What becomes of a domain that is destroyed or reset.
#[unsafe(no_mangle)]
pub fn trusting_teardown(engine: &Engine<Ruled>, domain: DomainId) -> bool {
    engine.soft_reset(domain).is_ok() && engine.destroy_domain(domain).is_ok()
}

/// What a new policy cuts.
#[unsafe(no_mangle)]
pub fn trusting_enforce(engine: &Engine<Ruled>) -> usize {
    engine.enforce().rings
}
