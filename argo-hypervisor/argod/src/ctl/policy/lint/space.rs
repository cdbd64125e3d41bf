//! Everything that can be asked of a policy about the domains that there are: one question of each
//! kind that the rules tell apart.

use argo_core::DomainId;
use argo_core::policy::{Hook, PortQuery, Query, Rings, StoreAccess, StoreQuery};

use crate::policy::CompiledPolicy;

pub(super) fn domains(policy: &CompiledPolicy) -> Vec<DomainId> {
    policy.directory().members().map(|(id, _)| id).collect()
}

pub(super) fn pairs(policy: &CompiledPolicy) -> impl Iterator<Item = (DomainId, DomainId)> {
    let domains = domains(policy);
    let others = domains.clone();
    domains.into_iter().flat_map(move |from| others.clone().into_iter().map(move |to| (from, to)))
}

pub(super) fn hook_queries(policy: &CompiledPolicy) -> Vec<Query> {
    let alone = domains(policy)
        .into_iter()
        .flat_map(|domain| [Query::Enable { domain }, Query::RegisterAnySource { domain }]);
    let of_two = pairs(policy).flat_map(|(from, to)| {
        Hook::ALL.into_iter().filter_map(move |hook| match hook.has_target() {
            true => Query::new(hook, from, Some(to)),
            false => None,
        })
    });
    alone.chain(of_two).collect()
}

/// The same about ports, for one pair of domains.
pub(super) fn port_queries(
    policy: &CompiledPolicy,
    (from, to): (DomainId, DomainId),
) -> impl Iterator<Item = PortQuery> {
    let to_ports = policy.cuts(from, to).stretches().into_iter().map(|ports| ports.first());
    to_ports.flat_map(move |to_port| {
        let sources = policy.source_cuts(from, to, to_port).stretches();
        let sources = sources.into_iter().map(|ports| Some(ports.first())).chain([None]);
        sources.flat_map(move |from_port| {
            let query = |rings| PortQuery { from, from_port, to, to_port, rings };
            [Rings::Any, Rings::ForSender].map(query)
        })
    })
}

/// A question about the store.
pub(super) struct StoreQuestion {
    domain: DomainId,
    path: String,
    access: StoreAccess,
}

impl StoreQuestion {
    pub(super) fn query(&self) -> StoreQuery<'_> {
        StoreQuery { domain: self.domain, path: &self.path, access: self.access }
    }
}

/// Questions of which each rule about paths decides one if it decides any.
pub(super) fn store_questions(policy: &CompiledPolicy) -> Vec<StoreQuestion> {
    let of_domain = |domain| {
        let of_path = move |path: String| {
            StoreAccess::ALL.map(|access| StoreQuestion { domain, path: path.clone(), access })
        };
        policy.store_paths(domain).into_iter().flat_map(of_path)
    };
    domains(policy).into_iter().flat_map(of_domain).collect()
}
