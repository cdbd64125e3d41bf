//! The engine, and the domains in it.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::iter;

use argo_core::policy::{Action, Query};
use argo_core::{DomainId, Errno};

use crate::config::{Argo, Config, Tables, Waking};
use crate::domain::{Caller, Domain, Life, Start};
use crate::policy::{Judge, Policy};
use crate::quotas::{BadQuotas, Quotas};
use crate::registry::Registry;
use crate::system::{JudgeOf, System};

/// Argo for a system of domains. All methods may be called from many threads at once.
pub struct Engine<S: System> {
    pub(crate) config: Config,
    waking: Waking,
    tables: Tables,
    pub(crate) registry: Registry<S>,
    policy: S::Policy,
    events: S::Events,
}

/// Why a domain was not created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CreateError {
    /// There is one with this id.
    #[error("domain {0} exists")]
    Exists(DomainId),
    /// Its quotas cannot be.
    #[error(transparent)]
    Quotas(#[from] BadQuotas),
}

/// There is no domain with this id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no domain {0}")]
pub struct NoSuchDomain(pub DomainId);

impl<S: System> Engine<S> {
    /// An engine without domains. It wakes as Xen does.
    pub fn new(config: Config, policy: S::Policy, events: S::Events) -> Self {
        let (tables, waking, registry) = (Tables::default(), Waking::default(), Registry::new());
        Self { config, waking, tables, registry, policy, events }
    }

    /// The same, where domains that are created from now on have who waits for them woken like this.
    #[must_use]
    pub fn with_waking(self, waking: Waking) -> Self {
        Self { waking, ..self }
    }

    /// The same, where domains that are created from now on have their tables like this.
    #[must_use]
    pub fn with_tables(self, tables: Tables) -> Self {
        Self { tables, ..self }
    }

    /// The policy it asks.
    pub fn policy(&self) -> &S::Policy {
        &self.policy
    }

    /// Where it raises events.
    pub fn events(&self) -> &S::Events {
        &self.events
    }

    /// Creates a domain. If Argo is off, or the policy denies it to the domain (hook `enable`), it
    /// never gets Argo state.
    ///
    /// # Errors
    /// The id is taken, or a quota is higher than supported.
    pub fn create_domain(
        &self,
        id: DomainId,
        quotas: Quotas,
        start: Start,
    ) -> Result<Arc<Domain<S>>, CreateError> {
        quotas.check()?;
        let life = match start {
            _ if !self.enables(id) => Life::Denied,
            Start::Active => Life::Active,
            Start::Dormant => Life::Dormant,
        };
        let domain = Arc::new(Domain::new(id, quotas, life, self.tables, self.waking));
        self.registry.insert(domain.clone()).map_err(|_| CreateError::Exists(id))?;
        Ok(domain)
    }

    /// Gives a domain that has no Argo state its state, if it may have one by the policy now:
    /// somebody runs in it. In any other nothing changes.
    pub fn activate(&self, domain: &Domain<S>) {
        let mut gate = domain.shut();
        if matches!(gate.life(), Life::Dormant | Life::Denied) && self.enables(domain.id()) {
            gate.turn(Life::Active);
        }
    }

    fn enables(&self, domain: DomainId) -> bool {
        let allowed = |query| self.policy.judge().hook(query).action == Action::Allow;
        self.config.argo == Argo::On && allowed(Query::Enable { domain })
    }

    /// The domain with this id.
    pub fn domain(&self, id: DomainId) -> Option<Arc<Domain<S>>> {
        self.registry.find(id, id)
    }

    /// The ids of all domains, ascending.
    pub fn domains(&self) -> Vec<DomainId> {
        self.each_domain().map(|domain| domain.id()).collect()
    }

    /// All domains by their id. None is skipped that was there all the time, and none is given
    /// twice; no lock is held in between.
    pub(crate) fn each_domain(&self) -> impl Iterator<Item = Arc<Domain<S>>> {
        let mut next = 0;
        iter::from_fn(move || {
            let domain = self.registry.at_or_after(next)?;
            next = domain.id().raw().saturating_add(1);
            Some(domain)
        })
    }

    /// What comes before each call: is there Argo, for this domain?
    #[inline]
    pub(crate) fn admit(&self, judge: &impl Judge, caller: &Caller<S>) -> Result<(), Errno> {
        match self.config.argo {
            Argo::On => {
                self.ask(judge, &caller.domain, Query::Enable { domain: caller.domain.id() })
            }
            Argo::Off => Err(Errno::EOPNOTSUPP),
        }
    }

    /// One call of a domain: admits it, judges it by one policy to its end, and counts its refusal.
    #[inline]
    pub(crate) fn call<T>(
        &self,
        caller: &Caller<S>,
        operation: impl FnOnce(&JudgeOf<'_, S>) -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        let judge = self.policy.judge();
        let result = self.admit(&judge, caller).and_then(|()| operation(&judge));
        result.inspect_err(|errno| caller.domain.counters.refused(*errno))
    }
}
