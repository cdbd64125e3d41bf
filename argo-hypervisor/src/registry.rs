//! L0: which domains there are.
//!
//! A big-reader lock: each shard has a whole copy of the table behind a lock of its own. A reader
//! takes the shard that its domain's id picks, so that callers do not share a cache line; a writer
//! takes all of them, in order. A look-up clones the `Arc` and lets go: nothing is locked, copied
//! or called while a shard is held, so that coming and going of domains waits for nobody.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::array;

use argo_core::DomainId;
use crossbeam_utils::CachePadded;

use crate::domain::Domain;
use crate::system::{RwLock, System};

const SHARDS: usize = 16;

/// Domains by their id, densely.
type Table<S> = Vec<Option<Arc<Domain<S>>>>;

pub(crate) struct Registry<S: System> {
    shards: [CachePadded<RwLock<S, Table<S>>>; SHARDS],
}

impl<S: System> Registry<S> {
    pub fn new() -> Self {
        Self { shards: array::from_fn(|_| CachePadded::new(RwLock::<S, _>::new(Table::new()))) }
    }

    /// The domain with this id, asked for by that one.
    #[inline]
    pub fn find(&self, by: DomainId, id: DomainId) -> Option<Arc<Domain<S>>> {
        self.shard(by).read().get(usize::from(id.raw()))?.clone()
    }

    /// The first domain whose id is at least `from`.
    pub fn at_or_after(&self, from: u16) -> Option<Arc<Domain<S>>> {
        let table = self.shards[0].read();
        table.get(usize::from(from)..)?.iter().flatten().next().cloned()
    }

    /// Adds a domain; gives it back if its id is taken.
    pub fn insert(&self, domain: Arc<Domain<S>>) -> Result<(), Arc<Domain<S>>> {
        let at = usize::from(domain.id().raw());
        let mut tables = self.shards.each_ref().map(|shard| shard.write());
        if tables[0].get(at).is_some_and(Option::is_some) {
            return Err(domain);
        }
        for table in &mut tables {
            if table.len() <= at {
                table.resize_with(at + 1, || None);
            }
            if let Some(place) = table.get_mut(at) {
                *place = Some(domain.clone());
            }
        }
        Ok(())
    }

    /// Takes a domain out. The caller still holds it, so that nothing is freed under the locks.
    pub fn remove(&self, domain: &Arc<Domain<S>>) {
        let at = usize::from(domain.id().raw());
        for mut table in self.shards.each_ref().map(|shard| shard.write()) {
            if let Some(place) = table.get_mut(at) {
                *place = None;
            }
        }
    }

    #[inline]
    #[allow(clippy::indexing_slicing, reason = "a remainder is below the number of shards")]
    fn shard(&self, by: DomainId) -> &RwLock<S, Table<S>> {
        &self.shards[usize::from(by.raw()) % SHARDS]
    }
}
