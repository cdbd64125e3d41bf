//! Who waits for space in a ring.

use alloc::vec::Vec;

use argo_core::claim::PayloadLen;
use argo_core::ring::index;
use argo_core::{DomainId, Errno, Partner};

/// The waiting list of one ring: one entry a domain, with the longest payload that it waits for.
///
/// Its memory is taken when the ring is registered: a send that has to wait allocates nothing.
pub(crate) struct Waiters {
    entries: Vec<Waiter>,
    limit: usize,
}

#[derive(Clone, Copy)]
struct Waiter {
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
}

impl Waiters {
    /// A list for those who may send to a ring for this partner, at most `limit` domains.
    ///
    /// # Errors
    /// [`Errno::ENOMEM`]
    pub fn new(partner: Partner, limit: u32) -> Result<Self, Errno> {
        let limit = match partner {
            Partner::Any => limit as usize,
            Partner::Domain(_) => limit.min(1) as usize,
        };
        let mut entries = Vec::new();
        entries.try_reserve_exact(limit).map_err(|_| Errno::ENOMEM)?;
        Ok(Self { entries, limit })
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Puts the domain on the list. An entry it has already keeps the longer payload: space for
    /// it is space for any of the messages that wait.
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

    /// Takes off the list, and hands out, all domains whose payload fits into that many free bytes.
    pub fn release(&mut self, free: u32, mut each: impl FnMut(DomainId)) {
        self.entries.retain(|entry| {
            let fits = index::fits(entry.payload, free);
            if fits {
                each(entry.domain);
            }
            !fits
        });
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
