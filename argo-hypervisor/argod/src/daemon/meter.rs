//! What a domain has cost argod.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What argod's threads do for a domain, beside its interrupts, which the bells count. A worker
/// spends time on calls and doorbells; what other threads do is shown, but costs no turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Work {
    /// Visits to its sessions, those that found nothing included, and lending room in its rings.
    Calls,
    /// Waking up and listening to its doorbells.
    Doorbells,
    /// Its processes' connections, up to a session or a refusal.
    Attachments,
    /// Requests for grants, event channels and the store.
    Services,
    /// Ending sessions, unmapping and freeing their RAM; beginning and ending a machine's lives.
    Endings,
    /// Running the guest, where the domain is a virtual machine.
    Guest,
}

const WORKS: usize = 6;

/// What a domain has cost.
#[derive(Default)]
pub struct Meter {
    nanos: [AtomicU64; WORKS],
    mutes: AtomicU64,
    attachments: AtomicU64,
    refused_attachments: AtomicU64,
}

impl Meter {
    /// More time spent on it.
    pub fn add_time(&self, work: Work, time: Duration) {
        self.nanos[work as usize].fetch_add(time.as_nanos() as u64, Ordering::Relaxed);
    }

    /// It rang for nothing so often that it was not listened to for a while.
    pub fn add_mute(&self) {
        self.mutes.fetch_add(1, Ordering::Relaxed);
    }

    /// A process attached.
    pub fn add_attachment(&self) {
        self.attachments.fetch_add(1, Ordering::Relaxed);
    }

    /// A process was refused.
    pub fn add_refused_attachment(&self) {
        self.refused_attachments.fetch_add(1, Ordering::Relaxed);
    }

    /// Nanoseconds spent on this.
    pub fn nanos(&self, work: Work) -> u64 {
        self.nanos[work as usize].load(Ordering::Relaxed)
    }

    /// All of it together.
    pub fn time(&self) -> Duration {
        Duration::from_nanos(self.nanos.iter().map(|nanos| nanos.load(Ordering::Relaxed)).sum())
    }

    /// How often it was not listened to for a while.
    pub fn mutes(&self) -> u64 {
        self.mutes.load(Ordering::Relaxed)
    }

    /// Processes that attached.
    pub fn attachments(&self) -> u64 {
        self.attachments.load(Ordering::Relaxed)
    }

    /// Processes that were refused.
    pub fn refused_attachments(&self) -> u64 {
        self.refused_attachments.load(Ordering::Relaxed)
    }
}
