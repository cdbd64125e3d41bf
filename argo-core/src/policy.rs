//! Who may do what: rules as data, and one pure decision that names its rule.
//!
//! A policy is an ordered list of [`Rule`]s. The first that matches a [`Query`] decides; if none
//! does, the answer is no. Nothing is allowed that is not stated.
//!
//! ```
//! use argo_core::DomainId;
//! use argo_core::policy::{Action, Hook, LabelSet, Query, Rule, Subject, decide};
//!
//! let client = DomainId::new(1).unwrap();
//! let server = DomainId::new(2).unwrap();
//! let rules = [Rule {
//!     hook: Hook::Send,
//!     from: Subject::Domain(client),
//!     to: Subject::Any,
//!     action: Action::Allow,
//! }];
//! let labels = |_| LabelSet::EMPTY;
//! assert_eq!(decide(&rules, labels, Query::Send { from: client, to: server }).rule, Some(0));
//! let back = decide(&rules, labels, Query::Send { from: server, to: client });
//! assert_eq!((back.action, back.rule), (Action::Deny, None));
//! ```

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

/// A label, by its number in the configuration that names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Label(u8);

impl Label {
    /// How many labels a system may have.
    pub const LIMIT: usize = 64;

    /// The label with this number, if it is below [`LIMIT`](Self::LIMIT).
    pub const fn new(number: usize) -> Option<Self> {
        if number < Self::LIMIT { Some(Self(number as u8)) } else { None }
    }
}

/// The labels of a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Hash)]
pub struct LabelSet(u64);

impl LabelSet {
    /// No label.
    pub const EMPTY: Self = Self(0);

    /// The same set with one more label.
    #[must_use]
    pub const fn with(self, label: Label) -> Self {
        Self(self.0 | 1 << label.0)
    }

    /// Whether the label is in the set.
    pub const fn contains(self, label: Label) -> bool {
        self.0 & 1 << label.0 != 0
    }
}

/// Which domains a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// Every domain.
    Any,
    /// One domain.
    Domain(DomainId),
    /// Every domain with this label.
    Label(Label),
}

impl Subject {
    fn covers(self, domain: DomainId, labels: impl Fn(DomainId) -> LabelSet) -> bool {
        match self {
            Self::Any => true,
            Self::Domain(named) => named == domain,
            Self::Label(label) => labels(domain).contains(label),
        }
    }
}

/// What a rule says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Yes.
    Allow,
    /// No.
    Deny,
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

/// An answer, and where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Yes or no.
    pub action: Action,
    /// The place of the deciding rule in the list; `None` if no rule matched.
    pub rule: Option<usize>,
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
    match rules.iter().position(matching) {
        Some(at) => Decision { action: rules[at].action, rule: Some(at) },
        None => Decision { action: Action::Deny, rule: None },
    }
}
