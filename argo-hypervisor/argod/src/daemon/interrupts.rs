//! From a domain to the sessions that its events go to.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use argo_core::DomainId;
use argo_core::host::wake::Event;
use parking_lot::Mutex;

use super::bell::Bell;

/// Which sessions are attached to each domain, for raising events: reading takes no lock.
pub struct Interrupts {
    /// One entry a possible domain id, so that a look-up is one index.
    bells: Box<[ArcSwapOption<Vec<Arc<Bell>>>]>,
    changing: Mutex<()>,
}

impl Default for Interrupts {
    fn default() -> Self {
        let bells = (0..DomainId::LIMIT).map(|_| ArcSwapOption::empty()).collect();
        Self { bells, changing: Mutex::new(()) }
    }
}

impl Interrupts {
    /// From here on the domain's events go to this session too.
    pub fn add(&self, domain: DomainId, bell: Arc<Bell>) {
        self.change(domain, |bells| bells.push(bell));
    }

    /// From here on the domain's events do not go to this session any more.
    pub fn remove(&self, domain: DomainId, bell: &Arc<Bell>) {
        self.change(domain, |bells| bells.retain(|other| !Arc::ptr_eq(other, bell)));
    }

    fn change(&self, domain: DomainId, edit: impl FnOnce(&mut Vec<Arc<Bell>>)) {
        let Some(entry) = self.bells.get(usize::from(domain.raw())) else { return };
        let _changing = self.changing.lock();
        let mut bells = entry.load().as_deref().cloned().unwrap_or_default();
        edit(&mut bells);
        entry.store((!bells.is_empty()).then(|| Arc::new(bells)));
    }

    fn raise(&self, domain: DomainId, event: Event) {
        let Some(entry) = self.bells.get(usize::from(domain.raw())) else { return };
        if let Some(bells) = &*entry.load() {
            bells.iter().for_each(|bell| bell.raise(event));
        }
    }
}

impl argo_hypervisor::Events for Interrupts {
    fn virq(&self, domain: DomainId) {
        self.raise(domain, Event::Virq);
    }

    fn wait_lost(&self, domain: DomainId) {
        self.raise(domain, Event::WaitLost);
    }

    fn space_wanted(&self, owner: DomainId) {
        self.raise(owner, Event::SpaceWanted);
    }

    fn peer_gone(&self, domain: DomainId) {
        self.raise(domain, Event::PeerGone);
    }

    fn rings_cut(&self, owner: DomainId) {
        self.raise(owner, Event::RingsCut);
    }
}
