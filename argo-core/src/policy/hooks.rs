//! Rules about domains: Xen's hooks for Argo, for grants and for event channels.

use super::{Action, Decision, LabelSet, Subject, first};
use crate::DomainId;

/// What may be asked of a policy: Xen's hooks for Argo, for grants and for event channels.
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
    /// May this domain share pages with that one? Asked when it shares them and when they are
    /// mapped.
    Grant {
        /// The pages' owner.
        from: DomainId,
        /// Who may map them.
        to: DomainId,
    },
    /// May this domain have an event channel with that one? Asked when a port is allocated, of the
    /// domain that allocates it, and when one is bound, of the domain that binds.
    EventChannel {
        /// Who allocates or binds.
        from: DomainId,
        /// The other end.
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
    /// [`Query::Grant`]
    Grant,
    /// [`Query::EventChannel`]
    EventChannel,
}

impl Hook {
    /// Every hook.
    pub const ALL: [Self; 6] = [
        Self::Enable,
        Self::RegisterAnySource,
        Self::RegisterSingleSource,
        Self::Send,
        Self::Grant,
        Self::EventChannel,
    ];

    /// The hook's name, the same in configuration, traces, output and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Enable => "enable",
            Self::RegisterAnySource => "register_any_source",
            Self::RegisterSingleSource => "register_single_source",
            Self::Send => "send",
            Self::Grant => "grant",
            Self::EventChannel => "event_channel",
        }
    }

    /// Whether the hook asks about two domains.
    pub const fn has_target(self) -> bool {
        !matches!(self, Self::Enable | Self::RegisterAnySource)
    }
}

impl Query {
    /// The question that `hook` asks about these domains; `None` if it asks about two and there is
    /// no `to`.
    pub const fn new(hook: Hook, from: DomainId, to: Option<DomainId>) -> Option<Self> {
        Some(match (hook, to) {
            (Hook::Enable, _) => Self::Enable { domain: from },
            (Hook::RegisterAnySource, _) => Self::RegisterAnySource { domain: from },
            (Hook::RegisterSingleSource, Some(partner)) => {
                Self::RegisterSingleSource { domain: from, partner }
            }
            (Hook::Send, Some(to)) => Self::Send { from, to },
            (Hook::Grant, Some(to)) => Self::Grant { from, to },
            (Hook::EventChannel, Some(to)) => Self::EventChannel { from, to },
            (_, None) => return None,
        })
    }

    /// The hook that is asked.
    pub const fn hook(self) -> Hook {
        match self {
            Self::Enable { .. } => Hook::Enable,
            Self::RegisterAnySource { .. } => Hook::RegisterAnySource,
            Self::RegisterSingleSource { .. } => Hook::RegisterSingleSource,
            Self::Send { .. } => Hook::Send,
            Self::Grant { .. } => Hook::Grant,
            Self::EventChannel { .. } => Hook::EventChannel,
        }
    }

    /// The domain that wants something.
    pub const fn source(self) -> DomainId {
        match self {
            Self::Enable { domain }
            | Self::RegisterAnySource { domain }
            | Self::RegisterSingleSource { domain, .. } => domain,
            Self::Send { from, .. }
            | Self::Grant { from, .. }
            | Self::EventChannel { from, .. } => from,
        }
    }

    /// The domain that it wants it of, if the hook asks about two.
    pub const fn target(self) -> Option<DomainId> {
        match self {
            Self::Enable { .. } | Self::RegisterAnySource { .. } => None,
            Self::RegisterSingleSource { partner, .. } => Some(partner),
            Self::Send { to, .. } | Self::Grant { to, .. } | Self::EventChannel { to, .. } => {
                Some(to)
            }
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
