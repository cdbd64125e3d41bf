//! Who may do what: rules as data, and pure decisions that name their rule.
//!
//! There are three ordered lists. [`Rule`]s are about domains and answer Xen's hooks ([`Query`]);
//! [`PortRule`]s are about ports and are asked about each message that the `send` hook lets through
//! ([`PortQuery`]); [`StoreRule`]s are about paths of the store ([`StoreQuery`]). In each list the
//! first rule that matches decides; if none does, the answer is no. Nothing is allowed that is not
//! stated.
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

mod hooks;
mod ports;
mod store;

pub use hooks::{Hook, Query, Rule, decide};
pub use ports::{
    PortQuery, PortRange, PortRule, Rings, decide_from_any_port, decide_from_ports, decide_ports,
};
pub use store::{StoreAccess, StoreQuery, StoreRule, decide_store, home_of};

use crate::DomainId;

/// A label, by its number in the configuration that names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Label(u8);

impl Label {
    /// How many labels a system may have.
    pub const LIMIT: usize = 64;

    /// The label with this number, if it is below [`LIMIT`](Self::LIMIT).
    pub const fn new(number: usize) -> Option<Self> {
        #[allow(clippy::cast_possible_truncation, reason = "the limit is below 256")]
        let label = Self(number as u8);
        if number < Self::LIMIT { Some(label) } else { None }
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
    /// Whether the rule is about this domain. `labels` tells the labels of a domain.
    pub fn covers(self, domain: DomainId, labels: impl Fn(DomainId) -> LabelSet) -> bool {
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

/// An answer, and where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Yes or no.
    pub action: Action,
    /// The place of the deciding rule in the list; `None` if no rule matched.
    pub rule: Option<usize>,
}

/// The first rule that matches decides, else no.
fn first<R>(
    rules: &[R],
    mut matching: impl FnMut(&R) -> bool,
    action: impl Fn(&R) -> Action,
) -> Decision {
    match rules.iter().enumerate().find(|(_, rule)| matching(rule)) {
        Some((at, rule)) => Decision { action: action(rule), rule: Some(at) },
        None => Decision { action: Action::Deny, rule: None },
    }
}
