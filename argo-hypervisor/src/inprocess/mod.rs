//! Domains inside this process: for tests, for examples, and to try things out.
//!
//! Each [`LocalDomain`] is a [`Platform`](argo_core::platform::Platform) with RAM from the heap.
//! Calls are executed by the thread that submits them.
//!
//! ```
//! use argo_core::DomainId;
//! use argo_core::platform::Platform;
//! use argo_hypervisor::inprocess::{AllowAll, InProcess};
//! use argo_hypervisor::{Argo, Config, WildcardRings};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config = Config { argo: Argo::On, wildcard_rings: WildcardRings::Allowed };
//! let system = InProcess::new(config, AllowAll);
//! let domain = system.domain(DomainId::new(1).ok_or("reserved")?, 16)?;
//! assert_eq!(domain.ram().len(), 16 * 4096);
//! # Ok(())
//! # }
//! ```

mod bell;
mod bells;
mod domain;
mod rules;

use alloc::sync::Arc;
use core::marker::PhantomData;

use argo_core::DomainId;
use argo_mem::HeapRam;

use crate::config::Config;
use crate::domain::{Caller, Start};
use crate::engine::{CreateError, Engine};
use crate::memory::{BadRam, LinearMemory};
use crate::policy::Policy;
use crate::quotas::Quotas;
use crate::system::{ParkingLot, System};
use bell::Bell;

pub use crate::policy::AllowAll;
pub use bells::Bells;
pub use domain::LocalDomain;
pub use rules::Rules;

/// An engine whose domains live in this process. Clones are the same system.
pub struct InProcess<P: Policy + 'static> {
    engine: Arc<Engine<Local<P>>>,
}

/// The choices of an in-process host, with any policy.
pub struct Local<P>(PhantomData<fn() -> P>);

impl<P: Policy + 'static> System for Local<P> {
    type Memory = LinearMemory<HeapRam>;
    type Policy = P;
    type Events = Bells;
    type Locks = ParkingLot;
}

/// Why a domain was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DomainError {
    /// The engine refuses it.
    #[error(transparent)]
    Create(#[from] CreateError),
    /// It cannot have that much RAM.
    #[error(transparent)]
    Ram(#[from] BadRam),
}

impl<P: Policy + 'static> InProcess<P> {
    /// A system without domains.
    pub fn new(config: Config, policy: P) -> Self {
        Self { engine: Arc::new(Engine::new(config, policy, Bells::default())) }
    }

    /// The engine, to destroy or reset domains and to look into them.
    pub fn engine(&self) -> &Engine<Local<P>> {
        &self.engine
    }

    /// Creates a domain with Xen's quotas and `ram_pages` pages of RAM, of which the first is
    /// never used.
    ///
    /// # Errors
    /// The id is taken, or the RAM is larger than an address can say.
    pub fn domain(&self, id: DomainId, ram_pages: usize) -> Result<LocalDomain<P>, DomainError> {
        self.domain_with(id, ram_pages, Quotas::default())
    }

    /// The same with other quotas.
    ///
    /// # Errors
    /// As [`domain`](Self::domain), or a quota is higher than supported.
    pub fn domain_with(
        &self,
        id: DomainId,
        ram_pages: usize,
        quotas: Quotas,
    ) -> Result<LocalDomain<P>, DomainError> {
        // A product that does not fit is caught by the check of `LinearMemory`.
        let bytes = ram_pages.checked_mul(4096).unwrap_or(0);
        let ram = Arc::new(HeapRam::zeroed(bytes));
        let memory = LinearMemory::new(ram, 0, ram_pages as u64)?;
        let domain = self.engine.create_domain(id, quotas, Start::Dormant)?;
        let bell = Arc::new(Bell::default());
        self.engine.events().insert(id, bell.clone());
        self.engine.activate(&domain);
        Ok(LocalDomain::new(self.engine.clone(), Caller::new(domain, memory), bell))
    }
}

impl<P: Policy + 'static> Clone for InProcess<P> {
    fn clone(&self) -> Self {
        Self { engine: self.engine.clone() }
    }
}
