//! Ready-made policies.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use argo_core::policy::{Action, LabelSet, Query, Rule, decide};
use argo_core::{DomainId, Errno};

use crate::system::Policy;

/// Everybody may do everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct AllowAll;

impl Policy for AllowAll {
    fn check(&self, _: Query) -> Result<(), Errno> {
        Ok(())
    }
}

/// A list of rules, the first that matches deciding; `EACCES` if none allows.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// The rules, in order.
    pub rules: Vec<Rule>,
    /// The labels of domains; who is missing has none.
    pub labels: BTreeMap<DomainId, LabelSet>,
}

impl Policy for Rules {
    fn check(&self, query: Query) -> Result<(), Errno> {
        let labels = |domain| self.labels.get(&domain).copied().unwrap_or_default();
        match decide(&self.rules, labels, query).action {
            Action::Allow => Ok(()),
            Action::Deny => Err(Errno::EACCES),
        }
    }
}
