//! What a guest reaches in the engine, under rules of every kind.

extern crate alloc;

use alloc::sync::Arc;
use alloc::vec::Vec;

use argo_core::policy::{
    Decision, LabelSet, PortQuery, PortRule, Query, Rule, decide, decide_from_any_port,
    decide_from_ports, decide_ports,
};
use argo_core::ring::RingMem;
use argo_core::{DomainId, Errno, Port};
use argo_hypervisor::{
    Caller, Copied, Domain, Engine, Events, Judge, LinearMemory, Observer, Sent, System,
};
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

/// The beginning of the last payload, and whether its sender was told of success.
pub struct Capture {
    bytes: [u8; 64],
    len: usize,
    iovs: usize,
    sent: bool,
}

impl Observer for Capture {
    fn copied(&mut self, payload: &Copied<'_, impl RingMem>) {
        self.len = payload.read(&mut self.bytes);
        self.sent = payload.is_empty();
    }

    fn sent(&mut self, send: &Sent<'_>, result: Result<u32, Errno>) {
        self.iovs = send.iovs.len();
        self.sent = result.is_ok();
    }
}

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

/// The same, with somebody who looks into what is sent.
#[unsafe(no_mangle)]
pub fn strict_observed(
    engine: &Engine<Ruled>,
    caller: &Caller<Ruled>,
    cmd: u32,
    args: [u64; 4],
    capture: &mut Capture,
) -> i64 {
    engine.argo_op_observed(caller, cmd, args, capture)
}

/// What a guest's death or the end of its session brings about.
#[unsafe(no_mangle)]
pub fn trusting_detach(engine: &Engine<Ruled>, domain: &Domain<Ruled>) {
    engine.deactivate(domain);
}

/// The end of a session: what it registered goes.
#[unsafe(no_mangle)]
pub fn trusting_session_end(engine: &Engine<Ruled>, domain: &Domain<Ruled>, kept: &Arc<HeapRam>) {
    engine.withdraw_rings(domain, |ring| !Arc::ptr_eq(ring.memory(), kept));
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
