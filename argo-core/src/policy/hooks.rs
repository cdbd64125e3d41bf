//! Rules about domains: Xen's hooks for Argo.

use super::{Action, Decision, LabelSet, Subject, first};
use crate::DomainId;

/// What may be asked of a policy: Xen's hooks for Argo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Query {
    /// May this domain use Argo at all?
    Enable {
        /// The domain.
        domain: DomainId,
    },
    /// May it register a ring that every domain may send to?
    RegisterAnySource {
        /// The ring's owner.
        domain: DomainId,
    },
    /// May it register a ring for this partner?
    RegisterSingleSource {
        /// The ring's owner.
        domain: DomainId,
        /// The ring's partner.
        partner: DomainId,
    },
    /// May this domain send to that one?
    Send {
        /// The sender.
        from: DomainId,
        /// The receiver.
        to: DomainId,
    },
}

/// The hook that a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Hook {
    /// [`Query::Enable`]
    Enable,
    /// [`Query::RegisterAnySource`]
    RegisterAnySource,
    /// [`Query::RegisterSingleSource`]
    RegisterSingleSource,
    /// [`Query::Send`]
    Send,
}

impl Hook {
    /// Every hook.
    pub const ALL: [Self; 4] =
        [Self::Enable, Self::RegisterAnySource, Self::RegisterSingleSource, Self::Send];

    /// The hook's name, the same in configuration, traces, output and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Enable => "enable",
            Self::RegisterAnySource => "register_any_source",
            Self::RegisterSingleSource => "register_single_source",
            Self::Send => "send",
        }
    }

    /// Whether the hook asks about two domains.
    pub const fn has_target(self) -> bool {
        matches!(self, Self::RegisterSingleSource | Self::Send)
    }
}

impl Query {
    /// The hook that is asked.
    pub const fn hook(self) -> Hook {
        match self {
            Self::Enable { .. } => Hook::Enable,
            Self::RegisterAnySource { .. } => Hook::RegisterAnySource,
            Self::RegisterSingleSource { .. } => Hook::RegisterSingleSource,
            Self::Send { .. } => Hook::Send,
        }
    }

    /// The domain that wants something.
    pub const fn source(self) -> DomainId {
        match self {
            Self::Enable { domain }
            | Self::RegisterAnySource { domain }
            | Self::RegisterSingleSource { domain, .. } => domain,
            Self::Send { from, .. } => from,
        }
    }

    /// The domain that it wants it of, if the hook asks about two.
    pub const fn target(self) -> Option<DomainId> {
        match self {
            Self::Enable { .. } | Self::RegisterAnySource { .. } => None,
            Self::RegisterSingleSource { partner, .. } => Some(partner),
            Self::Send { to, .. } => Some(to),
        }
    }
}

/// One rule of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rule {
    /// What it is about.
    pub hook: Hook,
    /// Who wants it: the sender, or the ring's owner.
    pub from: Subject,
    /// Of whom: the receiver, or the ring's partner. Not looked at where the hook has no target.
    pub to: Subject,
    /// The answer.
    pub action: Action,
}

/// Decides a query: the first rule that matches, else no.
///
/// `labels` tells the labels of a domain. The cost is linear in the number of rules; a caller on a
/// hot path keeps the answers.
pub fn decide(
    rules: &[Rule],
    labels: impl Fn(DomainId) -> LabelSet + Copy,
    query: Query,
) -> Decision {
    let matching = |rule: &Rule| {
        rule.hook == query.hook()
            && rule.from.covers(query.source(), labels)
            && query.target().is_none_or(|target| rule.to.covers(target, labels))
    };
    first(rules, matching, |rule| rule.action)
}
