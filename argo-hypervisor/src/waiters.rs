//! Who waits for space in a ring.

use alloc::vec::Vec;

use argo_core::claim::PayloadLen;
use argo_core::ring::index;
use argo_core::{DomainId, Partner};

use crate::config::Waking;
use crate::lists::List;

/// The waiting list of one ring: one entry a domain, with the longest payload that it waits for, in
/// the order in which they began to wait.
///
/// Its memory is taken when the ring is registered: a send that has to wait allocates nothing.
pub(crate) struct Waiters {
    entries: List<Waiter>,
    limit: usize,
}

#[derive(Clone, Copy)]
pub(crate) struct Waiter {
    domain: DomainId,
    payload: PayloadLen,
}

/// What became of the wish to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// The domain waits now, or for more than before.
    New,
    /// It waited for as much already.
    AsBefore,
    /// Too many others wait.
    Busy,
    /// It does not wait: room may have been made at this very moment. It is to be interrupted, to
    /// try again.
    Over,
}

impl Waiters {
    /// How many may wait for a ring for this partner, by the quota of its owner.
    pub fn limit(partner: Partner, quota: u32) -> usize {
        match partner {
            Partner::Any => quota as usize,
            Partner::Domain(_) => quota.min(1) as usize,
        }
    }

    /// An empty list with room for at least `limit` domains, and how many may wait.
    pub fn new(entries: List<Waiter>, limit: usize) -> Self {
        Self { entries, limit }
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Puts the domain at the end of the list. An entry that it has already keeps its place, and the
    /// longer payload: space for it is space for any of the messages that wait.
    pub fn wait(&mut self, domain: DomainId, payload: PayloadLen) -> Wait {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.domain == domain) {
            if entry.payload >= payload {
                return Wait::AsBefore;
            }
            entry.payload = payload;
            return Wait::New;
        }
        // The limit is what was reserved, so that the push cannot grow the list.
        if self.entries.len() >= self.limit.min(self.entries.capacity()) {
            return Wait::Busy;
        }
        self.entries.push(Waiter { domain, payload });
        Wait::New
    }

    /// Takes the domain off the list.
    pub fn cancel(&mut self, domain: DomainId) {
        self.entries.retain(|entry| entry.domain != domain);
    }

    /// Takes off the list, and hands out, whom these free bytes let go. Whether somebody stays who
    /// would find room alone.
    ///
    /// Who needs more than there is keeps nobody waiting. Who would fit alone, but not beside those
    /// that go, keeps all behind it waiting: smaller ones would else overtake it for ever.
    pub fn release(&mut self, free: u32, waking: Waking, mut each: impl FnMut(DomainId)) -> bool {
        let (mut left, mut stays) = (free, false);
        self.entries.retain(|&Waiter { domain, payload }| {
            if !index::fits(payload, free) {
                return true;
            }
            let together = !stays && index::fits(payload, left);
            if waking == Waking::Fair && !together {
                stays = true;
                return true;
            }
            left = left.saturating_sub(index::message_bytes(payload));
            each(domain);
            false
        });
        stays
    }

    /// Takes the domain off the list, and adds it to `dismissed` if it was there.
    pub fn dismiss(&mut self, domain: DomainId, dismissed: &mut Vec<DomainId>) {
        let picked = self.entries.extract_if(.., |entry| entry.domain == domain);
        dismissed.extend(picked.map(|entry| entry.domain));
    }

    /// The domains on the list.
    pub fn domains(&self) -> impl Iterator<Item = DomainId> {
        self.entries.iter().map(|entry| entry.domain)
    }
}
