//! What a domain may use up.

use argo_core::abi::PAGE_SIZE;
use argo_hypervisor::Quotas as EngineQuotas;
use serde::{Deserialize, Serialize};

use super::machine::Kind;
use super::read::{Reader, integer};
use super::values::size;

/// The most sessions of a domain at a time.
pub const SESSIONS_MAX: u32 = 64;

/// What a domain may use up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// In the engine.
    pub engine: EngineQuotas,
    /// Sessions at a time.
    pub sessions: u32,
    /// Of grants, event channels and the store.
    pub services: ServiceQuotas,
}

/// What a domain may use up of grants, event channels and the store, all its processes together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceQuotas {
    /// Connections for services at a time.
    pub connections: u32,
    /// Pages of 4 KiB in all its shares together.
    pub grant_pages: u32,
    /// Shares.
    pub shares: u32,
    /// Maps of other domains' shares.
    pub maps: u32,
    /// Event channel ports.
    pub ports: u32,
    /// Nodes of the store that it owns.
    pub store_nodes: u32,
    /// Watches.
    pub store_watches: u32,
    /// Transactions at a time.
    pub store_transactions: u32,
}

impl Default for Quotas {
    /// The engine's defaults, one session, and the services' defaults.
    fn default() -> Self {
        let (engine, services) = (EngineQuotas::default(), ServiceQuotas::default());
        Self { engine, sessions: 1, services }
    }
}

impl Default for ServiceQuotas {
    /// Enough for 64 vchans of most sizes: each has up to three shares at its server, as many maps at
    /// its client, and a port at both. A C program has two connections for each, and one more for the
    /// store while it sets it up. The store's are XenStore's own.
    fn default() -> Self {
        Self {
            connections: 160,
            grant_pages: 16_384,
            shares: 512,
            maps: 512,
            ports: 256,
            store_nodes: 1000,
            store_watches: 128,
            store_transactions: 10,
        }
    }
}

impl Quotas {
    /// The quotas of such a domain, with what a table says of them.
    pub(super) fn read_of(kind: Kind, table: Option<Reader<'_>>) -> Self {
        let default = match kind {
            Kind::Process => Self::default(),
            // No process comes to a machine.
            Kind::Kvm => Self { sessions: 0, services: ServiceQuotas::NONE, ..Self::default() },
        };
        let Some(mut table) = table else { return default };
        let engine = read_engine(&mut table);
        let quotas = match kind {
            Kind::Process => Self {
                engine,
                sessions: table.or("sessions", integer(1..=SESSIONS_MAX.into()), default.sessions),
                services: ServiceQuotas::read(&mut table),
            },
            Kind::Kvm => Self { engine, ..default },
        };
        table.finish();
        quotas
    }
}

fn read_engine(table: &mut Reader<'_>) -> EngineQuotas {
    let default = EngineQuotas::default();
    let up_to = |limit: u32| integer(0..=u64::from(limit));
    let ring_bytes = size(0, EngineQuotas::RING_BYTES_MAX, 1);
    EngineQuotas {
        rings: table.or("rings", up_to(EngineQuotas::RINGS_MAX), default.rings),
        ring_bytes: table.or("ring_bytes", ring_bytes, default.ring_bytes),
        waiters: table.or("waiters", up_to(EngineQuotas::WAITERS_MAX), default.waiters),
        entries: table.or("entries", up_to(EngineQuotas::ENTRIES_MAX), default.entries),
    }
}

impl ServiceQuotas {
    /// None of them.
    pub const NONE: Self = Self {
        connections: 0,
        grant_pages: 0,
        shares: 0,
        maps: 0,
        ports: 0,
        store_nodes: 0,
        store_watches: 0,
        store_transactions: 0,
    };

    /// The most that each may be.
    pub const MAX: Self = Self {
        connections: 1024,
        grant_pages: 1 << 22,
        shares: 1 << 16,
        maps: 1 << 16,
        ports: 1 << 16,
        store_nodes: 1 << 17,
        store_watches: 8192,
        store_transactions: 256,
    };

    /// Bytes of memory that the shares may need.
    pub fn grant_bytes(&self) -> u64 {
        u64::from(self.grant_pages) * PAGE_SIZE as u64
    }

    /// Pairs of descriptors that argod may need: one a share and a port, and one for each promise of a
    /// share or a map to send an event, over a port that may have been closed meanwhile.
    pub fn descriptor_pairs(&self) -> u64 {
        2 * u64::from(self.shares) + u64::from(self.maps) + u64::from(self.ports)
    }

    fn read(table: &mut Reader<'_>) -> Self {
        let mut read = |key, of: fn(&Self) -> u32| {
            table.or(key, integer(0..=of(&Self::MAX).into()), of(&Self::default()))
        };
        Self {
            connections: read("connections", |quotas| quotas.connections),
            grant_pages: read("grant_pages", |quotas| quotas.grant_pages),
            shares: read("shares", |quotas| quotas.shares),
            maps: read("maps", |quotas| quotas.maps),
            ports: read("ports", |quotas| quotas.ports),
            store_nodes: read("store_nodes", |quotas| quotas.store_nodes),
            store_watches: read("store_watches", |quotas| quotas.store_watches),
            store_transactions: read("store_transactions", |quotas| quotas.store_transactions),
        }
    }
}
