//! Where domains sleep until they are told something.

use argo_core::DomainId;
use argo_hypervisor::Events;
use loom_tests::{DOMAINS, Heard};
use shuttle::sync::{Condvar, Mutex};

/// A bell for each domain. Each kind of event rings it.
#[derive(Default)]
pub struct Bells {
    bells: [Bell; DOMAINS],
    heard: Heard,
}

#[derive(Default)]
struct Bell {
    rung: Mutex<usize>,
    changed: Condvar,
}

impl Bells {
    /// How often it has rung.
    pub fn rung(&self, domain: DomainId) -> usize {
        *self.of(domain).rung.lock().unwrap()
    }

    /// Sleeps until it has rung more often than `seen`.
    pub fn sleep(&self, domain: DomainId, seen: usize) {
        let bell = self.of(domain);
        let mut rung = bell.rung.lock().unwrap();
        while *rung == seen {
            rung = bell.changed.wait(rung).unwrap();
        }
    }

    fn of(&self, domain: DomainId) -> &Bell {
        &self.bells[usize::from(domain.raw())]
    }

    fn ring(&self, domain: DomainId) {
        let bell = self.of(domain);
        *bell.rung.lock().unwrap() += 1;
        bell.changed.notify_all();
    }
}

impl Events for Bells {
    fn virq(&self, domain: DomainId) {
        self.heard.virq(domain);
        self.ring(domain);
    }

    fn wait_lost(&self, domain: DomainId) {
        self.heard.wait_lost(domain);
        self.ring(domain);
    }

    fn space_wanted(&self, owner: DomainId) {
        self.ring(owner);
    }
}
