//! What the lists of a table are taken from that has all memory from the beginning.

use argo_core::DomainId;

use crate::lists::Reserve;
use crate::quotas::Quotas;
use crate::ring::Ring;
use crate::system::System;
use crate::waiters::Waiter;

pub(crate) struct Reserves<S: System> {
    pub waiters: Reserve<Waiter>,
    /// For a table that was [taken](crate::table::RingTable::take_all).
    pub slots: Reserve<Option<Ring<S>>>,
    pub owners: Reserve<DomainId>,
}

/// Teardowns of one domain at once that find a reserve: a host lets its last session go while an
/// administrator resets it.
const TEARDOWNS: usize = 2;

impl<S: System> Reserves<S> {
    pub fn new(quotas: &Quotas) -> Self {
        let rings = quotas.rings as usize;
        Self {
            waiters: Reserve::new(rings.saturating_mul(2), quotas.waiters as usize),
            // A teardown puts those that others have for the domain beside its own.
            slots: Reserve::new(TEARDOWNS.saturating_add(1), rings.saturating_mul(2)),
            owners: Reserve::new(TEARDOWNS, rings),
        }
    }
}
