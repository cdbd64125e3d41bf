//! Answers that were given before, so that asking again costs the same however many rules there
//! are.
//!
//! Each source has a row of its own: what one domain asks never drives out another's answers. In
//! systems of up to 255 domains a row has room for every answer; in larger ones answers may drive
//! out each other, within the row.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use argo_core::DomainId;
use argo_core::policy::{Action, Decision, Query};

/// Answers kept for one source.
const ROW_MAX: usize = 512;

/// One snapshot's answers.
pub(super) struct Answers {
    /// Answers in a row: a power of two.
    row: usize,
    entries: Box<[AtomicU64]>,
}

/// Where the answer to a query is kept, and which query it is among those kept there.
#[derive(Clone, Copy)]
pub(super) struct Place {
    index: usize,
    lane: u32,
}

impl Answers {
    /// Room for the answers about this many domains.
    pub(super) fn new(domains: usize) -> Self {
        let row = (2 + 2 * domains).next_power_of_two().min(ROW_MAX);
        Self { row, entries: (0..row * domains).map(|_| AtomicU64::new(0)).collect() }
    }

    /// Where the answer to a query is kept; nowhere if a domain has no slot, or if the query is
    /// asked when something is set up only.
    #[inline]
    pub(super) fn place(
        &self,
        query: Query,
        slot: impl Fn(DomainId) -> Option<usize>,
    ) -> Option<Place> {
        let lane = match query {
            Query::Enable { .. } => 0,
            Query::RegisterAnySource { .. } => 1,
            Query::RegisterSingleSource { partner, .. } => 2 + 2 * slot(partner)?,
            Query::Send { to, .. } => 3 + 2 * slot(to)?,
            Query::Grant { .. } | Query::EventChannel { .. } => return None,
        };
        let index = slot(query.source())? * self.row + (lane & (self.row - 1));
        Some(Place { index, lane: u32::try_from(lane).ok()? })
    }

    /// The answer kept at a place, or the computed one, which is kept from now on.
    ///
    /// An entry is one word and says which query it answers; what it says about that query is the
    /// same at all times. So nothing needs to be ordered.
    #[inline]
    pub(super) fn keep(&self, place: Place, compute: impl FnOnce() -> Decision) -> Decision {
        let Some(entry) = self.entries.get(place.index) else { return compute() };
        if let Some(decision) = unpack(entry.load(Relaxed), place.lane) {
            return decision;
        }
        let decision = compute();
        if let Some(packed) = pack(place.lane, decision) {
            entry.store(packed, Relaxed);
        }
        decision
    }
}

const ALLOW: u32 = 1 << 31;

/// Lane + 1 above; below whether it is allowed, and the rule + 1. So no entry is 0.
fn pack(lane: u32, decision: Decision) -> Option<u64> {
    let rule = match decision.rule {
        Some(rule) => u32::try_from(rule + 1).ok().filter(|rule| *rule < ALLOW)?,
        None => 0,
    };
    let allow = if decision.action == Action::Allow { ALLOW } else { 0 };
    Some(u64::from(lane + 1) << 32 | u64::from(allow | rule))
}

fn unpack(entry: u64, lane: u32) -> Option<Decision> {
    let low = entry as u32;
    let action = if low & ALLOW == 0 { Action::Deny } else { Action::Allow };
    let rule = (low & !ALLOW).checked_sub(1).map(|rule| rule as usize);
    (entry >> 32 == u64::from(lane + 1)).then_some(Decision { action, rule })
}
