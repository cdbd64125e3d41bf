//! Interrupts that are due once no lock is held any more.

use argo_core::DomainId;

use crate::quotas::Quotas;
use crate::system::Events;

/// Room for the waiters of at least one ring, whatever the quotas are.
const ROOM: usize = Quotas::WAITERS_MAX as usize;

/// Domains to interrupt, collected on the stack.
pub(crate) struct Signals {
    domains: [DomainId; ROOM],
    len: usize,
}

impl Signals {
    /// No signals. `filler` only fills the unused places.
    pub fn new(filler: DomainId) -> Self {
        Self { domains: [filler; ROOM], len: 0 }
    }

    /// How many more can be collected.
    pub fn room(&self) -> usize {
        debug_assert!(self.len <= ROOM, "{} signals", self.len);
        ROOM.saturating_sub(self.len)
    }

    /// Adds one. There [is room](Self::room).
    pub fn push(&mut self, domain: DomainId) {
        debug_assert!(self.len < ROOM, "a signal is lost");
        if let Some(place) = self.domains.get_mut(self.len) {
            *place = domain;
            self.len = self.len.saturating_add(1);
        }
    }

    /// Interrupts them all, and is empty again. No lock may be held.
    pub fn raise(&mut self, events: &impl Events) {
        for domain in self.domains.iter().take(self.len) {
            events.virq(*domain);
        }
        self.len = 0;
    }
}
