//! Xen's other services: grants, event channels and a store, for processes that connect to their
//! domain's socket and say so.
//!
//! | module | what |
//! |---|---|
//! | `desk` | one domain's connections, and the thread that serves them |
//! | `connection` | one process's packets |
//! | `request` | from a packet to an answer: what may be asked, and by whom |
//! | `sharing`, `signalling` | the requests about grants, and about event channels |
//! | `pages`, `end` | what a share and a channel are made of |
//! | `store` | the store, and whom it tells of events |
//! | `ending` | what goes when a connection ends |
//!
//! What there is stands in tables for the whole host (`xen_services`), under a lock that is held
//! for bounded work only. Making memory, touching it, sending and closing happen without it: each
//! domain's thread does that for its own domain, so that who makes it slow waits for himself.

mod connection;
mod desk;
mod end;
mod ending;
mod error;
mod pages;
mod request;
mod sharing;
mod signalling;
mod store;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, MutexGuard};
use rustix::process::{Resource, getrlimit};
use xen_services::ConnectionId;
use xen_services::channels::Channels;
use xen_services::grants::Grants;

use super::seats::{Seat, Seats};
use crate::config::ServiceQuotas;
pub use desk::Desk;
use end::End;
pub use error::JoinError;
use error::RequestError;
use pages::Pages;
use store::Room;

/// A share and a channel take two descriptors each, and all of them together half of those that
/// argod may have: attachments need some, too.
const LIMIT_PER_PAIR: u64 = 4;

/// All domains' shares, maps and ports, and the store.
pub struct Services {
    tables: Mutex<Tables>,
    room: Mutex<Room>,
    /// Pairs of descriptors that are taken.
    pairs: Arc<Seats>,
    connections: AtomicU64,
}

#[derive(Default)]
struct Tables {
    grants: Grants<Arc<Pages>, Arc<End>>,
    channels: Channels<Arc<End>>,
}

impl Services {
    /// Nothing is there yet. The limit on open files is read now.
    pub fn new() -> Self {
        let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX) / LIMIT_PER_PAIR;
        let pairs = Seats::new(usize::try_from(limit).unwrap_or(usize::MAX));
        let (tables, room) = (Mutex::default(), Mutex::default());
        Self { tables, room, pairs, connections: AtomicU64::new(0) }
    }

    /// Says if these quotas, those of all domains, are more than there are descriptors for.
    pub fn warn_if_short(&self, quotas: impl Iterator<Item = ServiceQuotas>) {
        let wanted: u64 = quotas.map(|of| of.descriptor_pairs()).sum();
        let limit = self.pairs.limit() as u64;
        if wanted > limit {
            let needed = wanted.saturating_mul(LIMIT_PER_PAIR);
            tracing::warn!(
                wanted,
                limit,
                needed,
                "quotas of shares, maps and ports exceed LimitNOFILE"
            );
        }
    }

    /// A name for a new connection.
    fn next_connection(&self) -> ConnectionId {
        self.connections.fetch_add(1, Ordering::Relaxed)
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock()
    }

    /// Has a pair of descriptors taken.
    fn pair(&self) -> Result<Seat, RequestError> {
        self.pairs.take().ok_or(RequestError::Descriptors { pairs: self.pairs.limit() })
    }
}
