//! Connections of domains.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;

use super::domain::Caller;
use super::events::Events;
use super::overlay::Overlay;

/// A connection that a domain has to the store. Numbers are not used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub(super) u64);

/// A connection: what a domain asks over it, and is told over it, belongs to it.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) caller: Caller,
    pub(super) events: Events,
    pub(super) watches: BTreeSet<(Arc<str>, Arc<[u8]>)>,
    pub(super) transactions: BTreeMap<u32, Overlay>,
    pub(super) last_transaction: u32,
}

impl Connection {
    pub(super) fn new(caller: Caller) -> Self {
        Self {
            caller,
            events: Events::default(),
            watches: BTreeSet::new(),
            transactions: BTreeMap::new(),
            last_transaction: 0,
        }
    }

    /// A transaction number that is not in use.
    pub(super) fn new_transaction(&mut self) -> u32 {
        loop {
            self.last_transaction = self.last_transaction.wrapping_add(1).max(1);
            if !self.transactions.contains_key(&self.last_transaction) {
                return self.last_transaction;
            }
        }
    }
}
