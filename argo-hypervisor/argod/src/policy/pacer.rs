//! Domains for which something is due later: to be woken since their messages had to wait for their
//! time, or to have room in their rings lent.

use std::time::Instant;

use argo_core::DomainId;
use parking_lot::{Condvar, Mutex};

use crate::config::DOMAINS_MAX;

/// When which domain is to be woken: one entry a domain, the earliest.
#[derive(Default)]
pub struct Pacer {
    due: Mutex<Due>,
    changed: Condvar,
}

struct Due {
    domains: Vec<(DomainId, Instant)>,
    stopped: bool,
}

/// Room for as many domains as there may be: who is held back takes no memory for it.
impl Default for Due {
    fn default() -> Self {
        Self { domains: Vec::with_capacity(DOMAINS_MAX), stopped: false }
    }
}

impl Due {
    /// When the first is to be woken.
    fn first(&self) -> Option<Instant> {
        self.domains.iter().map(|(_, time)| *time).min()
    }
}

impl Pacer {
    /// Has the domain woken at this time, or before.
    pub fn wake_at(&self, domain: DomainId, time: Instant) {
        let mut due = self.due.lock();
        let first = due.first().is_none_or(|first| time < first);
        match due.domains.iter_mut().find(|(waiting, _)| *waiting == domain) {
            Some((_, entry)) => *entry = time.min(*entry),
            None => due.domains.push((domain, time)),
        }
        drop(due);
        if first {
            self.changed.notify_one();
        }
    }

    /// Has everybody woken now who was to be woken later.
    pub fn wake_all(&self) {
        let now = Instant::now();
        self.due.lock().domains.iter_mut().for_each(|(_, time)| *time = now.min(*time));
        self.changed.notify_one();
    }

    /// Wakes domains by `wake` when their time comes, until [`stop`](Self::stop).
    pub fn run(&self, wake: impl Fn(DomainId)) {
        while let Some(domain) = self.next() {
            wake(domain);
        }
    }

    /// Ends [`run`](Self::run).
    pub fn stop(&self) {
        self.due.lock().stopped = true;
        self.changed.notify_one();
    }

    /// Waits until one is to be woken; `None` at the end.
    fn next(&self) -> Option<DomainId> {
        let mut due = self.due.lock();
        while !due.stopped {
            let now = Instant::now();
            if let Some(at) = due.domains.iter().position(|(_, time)| *time <= now) {
                return Some(due.domains.swap_remove(at).0);
            }
            match due.first() {
                Some(first) => drop(self.changed.wait_until(&mut due, first)),
                None => self.changed.wait(&mut due),
            }
        }
        None
    }
}
