//! An argod under attack: bystanders, the guilty, and what argod needed before.

use super::bystanders::Bystanders;
use super::raw::RawSession;
use super::{Argod, open_system, wait_until};

/// What argod uses up.
#[derive(Clone, Copy, Debug)]
pub struct Footprint {
    pub descriptors: usize,
    pub private_kib: u64,
}

/// What allocators and threads may differ by.
const SLACK_KIB: u64 = 3072;

impl Argod {
    pub fn footprint(&self) -> Footprint {
        Footprint { descriptors: self.descriptors(), private_kib: self.private_kib() }
    }

    /// Waits until argod uses no more than before.
    pub fn settles_at(&self, before: Footprint) {
        wait_until("argod's descriptors are closed", || self.descriptors() <= before.descriptors);
        wait_until("argod's memory is free", || {
            self.private_kib() <= before.private_kib + SLACK_KIB
        });
    }
}

/// Domains `left` and `right` (busy), `guilty` (id 3) and `other` (id 4).
pub struct Scene {
    pub argod: Argod,
    pub bystanders: Bystanders,
    before: Footprint,
}

impl Scene {
    pub fn start() -> Self {
        Self::start_with("")
    }

    /// With these tables at the end of the configuration.
    pub fn start_with(tables: &str) -> Self {
        let system = open_system(&[(1, "left"), (2, "right"), (3, "guilty"), (4, "other")]);
        let argod = Argod::start(&(system + tables));
        let bystanders = Bystanders::start(&argod);
        // What is allocated once only shall not count.
        let idle = argod.descriptors();
        drop(argod.attach("guilty"));
        drop(argod.attach("other"));
        wait_until("the first sessions are gone", || argod.descriptors() <= idle);
        let before = argod.footprint();
        Self { argod, bystanders, before }
    }

    pub fn guilty(&self) -> RawSession {
        RawSession::attach(&self.argod.socket("guilty"))
    }

    /// Everything is as before the attack, nobody noticed it, and the domains can be used.
    pub fn closes(mut self) {
        self.bystanders.go_on();
        for domain in ["guilty", "other"] {
            self.argod.wait_for(domain, "its sessions and rings are gone", |domain| {
                domain.sessions.is_empty() && domain.rings.is_empty()
            });
        }
        self.argod.settles_at(self.before);
        drop(self.argod.attach("guilty"));
        self.bystanders.finish();
        assert!(self.argod.is_alive());
    }
}
