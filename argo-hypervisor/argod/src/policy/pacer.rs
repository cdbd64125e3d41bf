//! Wakes domains whose messages had to wait for their time.

use std::collections::BTreeMap;
use std::time::Instant;

use argo_core::DomainId;
use parking_lot::{Condvar, Mutex};

/// When which domain is to be woken: one entry a domain, the earliest.
#[derive(Default)]
pub struct Pacer {
    due: Mutex<Due>,
    changed: Condvar,
}

#[derive(Default)]
struct Due {
    domains: BTreeMap<DomainId, Instant>,
    stopped: bool,
}

impl Pacer {
    /// Has the domain woken at this time, or before.
    pub fn wake_at(&self, domain: DomainId, time: Instant) {
        let mut due = self.due.lock();
        let first = due.domains.values().min().is_none_or(|first| time < *first);
        let entry = due.domains.entry(domain).or_insert(time);
        *entry = time.min(*entry);
        drop(due);
        if first {
            self.changed.notify_one();
        }
    }

    /// Has everybody woken now who was to be woken later.
    pub fn wake_all(&self) {
        let now = Instant::now();
        self.due.lock().domains.values_mut().for_each(|time| *time = now.min(*time));
        self.changed.notify_one();
    }

    /// Wakes domains by `wake` when their time comes, until [`stop`](Self::stop).
    pub fn run(&self, wake: impl Fn(DomainId)) {
        while let Some(domains) = self.next() {
            domains.into_iter().for_each(&wake);
        }
    }

    /// Ends [`run`](Self::run).
    pub fn stop(&self) {
        self.due.lock().stopped = true;
        self.changed.notify_one();
    }

    /// Waits for the next time; `None` at the end.
    fn next(&self) -> Option<Vec<DomainId>> {
        let mut due = self.due.lock();
        while !due.stopped {
            let now = Instant::now();
            match due.domains.values().min().copied() {
                Some(first) if first <= now => {
                    let come = due.domains.extract_if(.., |_, time| *time <= now);
                    return Some(come.map(|(domain, _)| domain).collect());
                }
                Some(first) => drop(self.changed.wait_until(&mut due, first)),
                None => self.changed.wait(&mut due),
            }
        }
        None
    }
}
