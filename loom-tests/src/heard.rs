//! What domains are told.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use argo_core::DomainId;
use argo_hypervisor::Events;

use crate::locks::holding;

/// Domains in a model have ids below this.
pub const DOMAINS: usize = 5;

/// How often each domain was told what. Whoever tells must hold no lock of the engine.
///
/// These counters are none of the model's words: nothing is switched at them.
#[derive(Debug, Default)]
pub struct Heard([Counts; DOMAINS]);

#[derive(Debug, Default)]
struct Counts {
    virqs: AtomicUsize,
    waits_lost: AtomicUsize,
    peers_gone: AtomicUsize,
    rings_cut: AtomicUsize,
    space_wanted: AtomicUsize,
    rooms_kept: AtomicUsize,
}

impl Heard {
    /// Interrupts of a domain.
    pub fn virqs(&self, domain: DomainId) -> usize {
        self.of(domain).virqs.load(Relaxed)
    }

    /// What ends waits of a domain: interrupts, and rings that went.
    pub fn answers(&self, domain: DomainId) -> usize {
        self.virqs(domain) + self.of(domain).waits_lost.load(Relaxed)
    }

    /// How often it was told that rings for it went.
    pub fn peers_gone(&self, domain: DomainId) -> usize {
        self.of(domain).peers_gone.load(Relaxed)
    }

    /// How often it was told that rings of its own went against its will.
    pub fn rings_cut(&self, domain: DomainId) -> usize {
        self.of(domain).rings_cut.load(Relaxed)
    }

    /// How often the host was asked to lend room in its rings.
    pub fn rooms_kept(&self, owner: DomainId) -> usize {
        self.of(owner).rooms_kept.load(Relaxed)
    }

    fn of(&self, domain: DomainId) -> &Counts {
        &self.0[usize::from(domain.raw())]
    }

    fn note(&self, domain: DomainId, which: impl FnOnce(&Counts) -> &AtomicUsize) {
        assert_eq!(holding(), 0, "an event is raised with a lock held");
        which(self.of(domain)).fetch_add(1, Relaxed);
    }
}

impl Events for Heard {
    fn virq(&self, domain: DomainId) {
        self.note(domain, |counts| &counts.virqs);
    }

    fn wait_lost(&self, domain: DomainId) {
        self.note(domain, |counts| &counts.waits_lost);
    }

    fn space_wanted(&self, owner: DomainId) {
        self.note(owner, |counts| &counts.space_wanted);
    }

    fn room_kept(&self, owner: DomainId) {
        self.note(owner, |counts| &counts.rooms_kept);
    }

    fn peer_gone(&self, domain: DomainId) {
        self.note(domain, |counts| &counts.peers_gone);
    }

    fn rings_cut(&self, owner: DomainId) {
        self.note(owner, |counts| &counts.rings_cut);
    }
}
