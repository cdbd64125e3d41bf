//! Where each domain hears its events.

use alloc::sync::Arc;
use alloc::vec::Vec;

use argo_core::DomainId;
use crossbeam_utils::CachePadded;
use parking_lot::RwLock;

use super::Bell;
use crate::system::Events;

const SHARDS: usize = 64;

/// The bells of all domains, in shards by their ids: who rings for one domain shares no written
/// line with who rings for the next.
pub struct Bells([CachePadded<RwLock<Shard>>; SHARDS]);

/// By id, in steps of the number of shards.
type Shard = Vec<Option<Arc<Bell>>>;

impl Bells {
    #[inline]
    #[allow(clippy::indexing_slicing, reason = "a remainder is below the number of shards")]
    fn place(&self, domain: DomainId) -> (&RwLock<Shard>, usize) {
        let id = usize::from(domain.raw());
        (&self.0[id % SHARDS], id / SHARDS)
    }

    #[inline]
    fn ring(&self, domain: DomainId, how: impl FnOnce(&Bell)) {
        let (shard, at) = self.place(domain);
        if let Some(Some(bell)) = shard.read().get(at) {
            how(bell);
        }
    }

    /// Gives a domain its bell.
    pub(super) fn insert(&self, domain: DomainId, bell: Arc<Bell>) {
        let (shard, at) = self.place(domain);
        let mut shard = shard.write();
        if shard.len() <= at {
            shard.resize_with(at.saturating_add(1), || None);
        }
        if let Some(place) = shard.get_mut(at) {
            *place = Some(bell);
        }
    }

    /// Takes a bell away, unless it was already replaced by that of a new domain.
    pub(super) fn remove(&self, domain: DomainId, bell: &Arc<Bell>) {
        let (shard, at) = self.place(domain);
        let mut shard = shard.write();
        let ours = |now: &mut Arc<Bell>| Arc::ptr_eq(now, bell);
        if let Some(place) = shard.get_mut(at) {
            drop(place.take_if(ours));
        }
    }
}

impl Default for Bells {
    fn default() -> Self {
        Self(core::array::from_fn(|_| CachePadded::default()))
    }
}

impl Events for Bells {
    #[inline]
    fn virq(&self, domain: DomainId) {
        self.ring(domain, Bell::virq);
    }

    fn wait_lost(&self, domain: DomainId) {
        self.ring(domain, Bell::wait_lost);
    }

    fn space_wanted(&self, owner: DomainId) {
        self.ring(owner, Bell::space_wanted);
    }

    fn peer_gone(&self, domain: DomainId) {
        self.ring(domain, Bell::peer_gone);
    }

    fn rings_cut(&self, owner: DomainId) {
        self.ring(owner, Bell::rings_cut);
    }
}
