//! What the engine holds, for people and metrics.

use alloc::vec::Vec;

use argo_core::claim::RingLen;
use argo_core::{DomainId, RingName};

use crate::counters::CounterStat;
use crate::domain::Onlooker;
use crate::engine::Engine;
use crate::quotas::Quotas;
use crate::ring::Ring;
use crate::system::System;

/// One domain at one moment. Its parts are read one after another while it goes on working.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainStat {
    /// The domain.
    pub id: DomainId,
    /// Whether it has Argo state.
    pub active: bool,
    /// Its limits.
    pub quotas: Quotas,
    /// What it did.
    pub counters: CounterStat,
    /// Its rings, in no order.
    pub rings: Vec<RingStat>,
}

/// One ring at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingStat {
    /// Its name.
    pub name: RingName,
    /// Its length.
    pub len: RingLen,
    /// Bytes in it, by what its owner says it has read.
    pub filled: u32,
    /// Domains that wait for room in it.
    pub waiting: u32,
    /// Messages delivered into it since it was first registered.
    pub messages: u64,
    /// Bytes of payload in them.
    pub bytes: u64,
}

impl<S: System> Engine<S> {
    /// What there is of a domain, if there is such a domain.
    pub fn stat(&self, id: DomainId) -> Option<DomainStat> {
        let domain = self.domain(id)?;
        let rings =
            domain.rings(&mut Onlooker).iter_from(0).map(|(_, ring)| ring_stat(ring)).collect();
        Some(DomainStat {
            id,
            active: domain.is_active(),
            quotas: *domain.quotas(),
            counters: domain.counters.stat(),
            rings,
        })
    }
}

fn ring_stat<S: System>(ring: &Ring<S>) -> RingStat {
    let state = ring.lock();
    RingStat {
        name: ring.name(),
        len: ring.len(),
        filled: ring.len().bytes().saturating_sub(state.free()),
        waiting: u32::try_from(state.waiters.len()).unwrap_or(u32::MAX),
        messages: state.messages,
        bytes: state.bytes,
    }
}
