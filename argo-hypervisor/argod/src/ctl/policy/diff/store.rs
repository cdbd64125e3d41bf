//! What two policies answer differently about the store.

use std::collections::BTreeSet;

use argo_core::DomainId;
use argo_core::policy::{Action, StoreAccess, StoreQuery};
use thiserror::Error;

use super::crossings::{CROSSINGS_MAX, with_crossings};
use crate::policy::CompiledPolicy;

/// A path, and what is below it as far as no rule names it, is read or written by others.
pub(in crate::ctl::policy) struct StoreChange<'p> {
    pub(in crate::ctl::policy) domain: &'p str,
    pub(in crate::ctl::policy) path: String,
    pub(in crate::ctl::policy) before: Reached,
    pub(in crate::ctl::policy) after: Reached,
}

/// What a domain may do to a node, and which rule says so. Who may write may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ctl::policy) struct Reached {
    pub(in crate::ctl::policy) access: Option<StoreAccess>,
    /// The rule that allows that much; where nothing is allowed, the one that denies reading.
    pub(super) rule: Option<usize>,
    /// Whether the domain is there at all.
    pub(super) is_known: bool,
}

/// Two policies cannot be compared.
#[derive(Debug, Error)]
#[error("the store rules about {domain} cross in more than {CROSSINGS_MAX} ways")]
pub(in crate::ctl::policy) struct TooManyCrossings {
    domain: String,
}

impl Reached {
    const NOBODY: Self = Self { access: None, rule: None, is_known: false };
}

/// A domain in a policy that knows it.
type Known<'p> = (&'p CompiledPolicy, DomainId);

/// Compares what the domain of one name may do: a domain that got another number is another one, as
/// its part of the store is.
pub(super) fn compare<'p>(
    old: &'p CompiledPolicy,
    new: &'p CompiledPolicy,
    name: &'p str,
) -> Result<Vec<StoreChange<'p>>, TooManyCrossings> {
    let known = |policy: &'p CompiledPolicy| Some((policy, policy.directory().id(name)?));
    let changes = match (known(old), known(new)) {
        (Some(old), Some(new)) if old.1 == new.1 => between(name, Some(old), Some(new)),
        (old, new) => {
            let gone = old.map_or(Some(Vec::new()), |old| between(name, Some(old), None));
            let come = new.map_or(Some(Vec::new()), |new| between(name, None, Some(new)));
            gone.zip(come).map(|(gone, come)| gone.into_iter().chain(come).collect())
        }
    };
    changes.ok_or_else(|| TooManyCrossings { domain: name.to_owned() })
}

fn between<'p>(
    domain: &'p str,
    old: Option<Known<'p>>,
    new: Option<Known<'p>>,
) -> Option<Vec<StoreChange<'p>>> {
    let sides = old.into_iter().chain(new);
    let paths = with_crossings(sides.flat_map(|(policy, id)| paths(policy, id)).collect())?;
    let reached = |side: Option<Known<'_>>, path: &str| {
        side.map_or(Reached::NOBODY, |(policy, id)| reached(policy, id, path))
    };
    let changes = paths.into_iter().map(|path| {
        let (before, after) = (reached(old, &path), reached(new, &path));
        StoreChange { domain, path, before, after }
    });
    Some(changes.filter(|change| change.before.access != change.after.access).collect())
}

/// Where the policy's answers may change: by a rule, or by the mode.
fn paths(policy: &CompiledPolicy, id: DomainId) -> BTreeSet<String> {
    let mut paths = policy.store_paths(id);
    let own = format!("/local/domain/{id}");
    paths.extend(["/".to_owned(), "/local/domain/0".to_owned(), own]);
    paths
}

fn reached(policy: &CompiledPolicy, domain: DomainId, path: &str) -> Reached {
    let ask = |access| policy.decide_store(StoreQuery { domain, path, access });
    let (read, write) = (ask(StoreAccess::Read), ask(StoreAccess::Write));
    let (access, rule) = match (read.action, write.action) {
        (_, Action::Allow) => (Some(StoreAccess::Write), write.rule),
        (Action::Allow, _) => (Some(StoreAccess::Read), read.rule),
        (Action::Deny, _) => (None, read.rule),
    };
    Reached { access, rule, is_known: true }
}
