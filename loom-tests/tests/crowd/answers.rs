//! Who is told of the end of a wait, and by whose deed.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use argo_core::DomainId;
use argo_hypervisor::Events;
use loom_tests::{DOMAINS, Heard};

shuttle::thread_local! {
    static OWNER: Cell<Option<u16>> = Cell::new(None);
}

/// Whether domains hear of the ends of their waits.
#[derive(Clone, Copy)]
pub enum Host {
    Tells,
    /// Of rings that went it tells nobody: known to be wrong.
    KeepsSilent,
}

/// Counts what may have ended a wait, for each domain that was told and each owner of rings. The
/// interrupt of a message that arrives ends no wait and does not count.
pub struct Answers {
    counts: [[AtomicUsize; DOMAINS]; DOMAINS],
    heard: Heard,
    host: Host,
}

/// Makes a call that is about the rings of `owner`: who is told of something has waited for those.
pub fn about<T>(owner: u16, call: impl FnOnce() -> T) -> T {
    OWNER.with(|about| about.set(Some(owner)));
    let result = call();
    OWNER.with(|about| about.set(None));
    result
}

impl Answers {
    pub fn new(host: Host) -> Self {
        Self { counts: Default::default(), heard: Heard::default(), host }
    }

    /// How often a domain was told about the rings of an owner.
    pub fn count(&self, told: u16, owner: u16) -> usize {
        self.counts[usize::from(told)][usize::from(owner)].load(Relaxed)
    }

    fn note(&self, told: DomainId) {
        if let Some(owner) = OWNER.with(Cell::get) {
            self.counts[usize::from(told.raw())][usize::from(owner)].fetch_add(1, Relaxed);
        }
    }
}

impl Events for Answers {
    fn virq(&self, domain: DomainId) {
        self.heard.virq(domain);
        self.note(domain);
    }

    fn wait_lost(&self, domain: DomainId) {
        self.heard.wait_lost(domain);
        if matches!(self.host, Host::Tells) {
            self.note(domain);
        }
    }
}
