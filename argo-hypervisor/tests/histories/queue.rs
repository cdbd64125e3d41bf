//! Who waits for room in a ring, as it should be.

use argo_core::DomainId;
use argo_hypervisor::Waking;

use super::calls::space;

#[derive(Clone, Copy)]
struct Entry {
    domain: DomainId,
    payload: u32,
    /// Bytes that are kept for it since it was woken, and whether that was since the last lending.
    called: Option<(u32, bool)>,
}

/// In the order in which they began.
pub struct Queue {
    waking: Waking,
    /// Of the ring.
    len: u32,
    entries: Vec<Entry>,
    asked: bool,
}

impl Queue {
    pub fn new(waking: Waking, len: u32) -> Self {
        Self { waking, len, entries: Vec::new(), asked: false }
    }

    pub fn waiting(&self) -> Vec<DomainId> {
        let waiting = self.entries.iter().filter(|entry| entry.called.is_none());
        waiting.map(|entry| entry.domain).collect()
    }

    fn kept(&self) -> u32 {
        self.entries.iter().filter_map(|entry| entry.called).map(|(kept, _)| kept).sum()
    }

    /// Whether a domain may send a message, by what stands before it in the queue.
    pub fn lets(&self, domain: DomainId, payload: u32, free: u32) -> bool {
        let before: Vec<_> = self.entries.iter().take_while(|it| it.domain != domain).collect();
        let kept: u32 = before.iter().filter_map(|it| it.called).map(|(kept, _)| kept).sum();
        match self.waking {
            Waking::All => space(payload) < free,
            Waking::Fair => {
                before.iter().all(|it| it.called.is_some()) && space(payload) + kept < free
            }
        }
    }

    /// Whether the owner is told that others wait.
    pub fn sent(&mut self, domain: DomainId) -> bool {
        if self.waking == Waking::All {
            return false;
        }
        // Others of its domain may wait for what it has not sent.
        let own = self.entries.iter().position(|entry| entry.domain == domain);
        if let Some(entry) = own.map(|at| self.entries.remove(at))
            && entry.called.is_none()
        {
            self.entries.push(entry);
        }
        let tells = !self.asked && !self.waiting().is_empty();
        self.asked |= tells;
        tells
    }

    /// Whether it waits; and if that is new, whether behind others.
    pub fn wait(&mut self, domain: DomainId, payload: u32, limit: u32) -> (bool, Option<bool>) {
        let small = space(payload) <= self.len / 4;
        let at = self.entries.iter().position(|entry| entry.domain == domain);
        match at.map(|at| (at, self.entries[at])) {
            Some((_, Entry { payload: before, called: None, .. })) if before >= payload => {
                return (true, None);
            }
            Some((at, Entry { payload: before, called, .. }))
                if called.is_none() || (small && payload <= before) =>
            {
                self.entries[at] = Entry { domain, payload, called: None };
            }
            _ => {
                self.leave(domain);
                if self.entries.len() as u32 == limit {
                    let called = self.entries.iter().position(|entry| entry.called.is_some());
                    let Some(called) = called else { return (false, None) };
                    self.entries.remove(called);
                }
                self.entries.push(Entry { domain, payload, called: None });
            }
        }
        self.asked = true;
        (true, Some(self.waking == Waking::Fair && self.entries.len() > 1))
    }

    pub fn leave(&mut self, domain: DomainId) {
        self.entries.retain(|entry| entry.domain != domain);
    }

    /// It has been told that there is room.
    pub fn told(&mut self, domain: DomainId) {
        match self.waking {
            Waking::All => self.leave(domain),
            Waking::Fair => {
                let waits = |entry: &Entry| entry.domain == domain && entry.called.is_none();
                if let Some(at) = self.entries.iter().position(waits) {
                    self.call(at);
                }
            }
        }
    }

    fn call(&mut self, at: usize) {
        let bytes = space(self.entries[at].payload);
        let keeps = bytes <= self.len / 4 && bytes + self.kept() <= self.len / 4 * 3;
        self.entries[at].called = Some((if keeps { bytes } else { 0 }, true));
    }

    /// Who is woken, and whether somebody has to stay although there is room.
    pub fn release(&mut self, free: u32) -> (Vec<DomainId>, bool) {
        self.asked = false;
        let mut woken = Vec::new();
        if self.waking == Waking::All {
            let going = self.entries.extract_if(.., |entry| space(entry.payload) < free);
            woken.extend(going.map(|entry| entry.domain));
            return (woken, false);
        }
        let (mut used, mut going) = (self.kept(), Vec::new());
        for at in 0..self.entries.len() {
            let Entry { domain, payload, called } = self.entries[at];
            if called.is_some() {
                continue;
            }
            let small = space(payload) <= self.len / 4;
            let before = (0..at).map(|it| match self.entries[it] {
                Entry { payload, .. } if going.contains(&it) => space(payload),
                Entry { called, .. } => called.map_or(0, |(kept, _)| kept),
            });
            let beside = if small { used } else { before.sum() };
            if space(payload) + beside >= free {
                return (woken, space(payload) < free);
            }
            used += if small { space(payload) } else { 0 };
            self.call(at);
            going.push(at);
            woken.push(domain);
        }
        (woken, false)
    }

    /// Room is kept no longer for those who were called before the last time.
    pub fn lend(&mut self) {
        if self.waiting().is_empty() {
            return;
        }
        self.entries.retain(|entry| entry.called.is_none_or(|(_, lately)| lately));
        for entry in &mut self.entries {
            entry.called = entry.called.map(|(kept, _)| (kept, false));
        }
    }
}
