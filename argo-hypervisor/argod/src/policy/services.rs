//! What the services ask of the policy that is in force: each question by itself, told at once.

use argo_core::Errno;
use argo_core::policy::{Action, Decision, Query, StoreQuery};
use argo_hypervisor::{Judge, Policy, Refused};

use super::live::{Judging, LivePolicy};
use super::refusals::Cause;
use crate::audit::{Check, Event, Judged, Node};

impl LivePolicy {
    /// Whether the policy allows it now. A refusal is counted and told to the audit stream; so is
    /// what a rule with `log` allows.
    ///
    /// Linear in the number of rules for [`Query::Grant`] and [`Query::EventChannel`]. Waits for
    /// nobody.
    pub fn may(&self, query: Query) -> bool {
        let judge = self.judge();
        let Decision { action, rule } = judge.hook(query);
        match action {
            Action::Allow => judge.allowed(query, rule),
            Action::Deny => judge.refused(Refused::Hook(query), rule),
        }
        action == Action::Allow
    }
}

impl Judging<'_> {
    /// Whether the policy allows this with a node of the store; told as by [`LivePolicy::may`].
    ///
    /// Linear in the number of rules about the store.
    pub fn may_store(&self, query: StoreQuery<'_>) -> bool {
        let Decision { action, rule } = self.policy().decide_store(query);
        self.store_decided(query, action, Cause::Store(rule));
        action == Action::Allow
    }

    /// The same, told to nobody.
    pub fn may_see_stored(&self, query: StoreQuery<'_>) -> bool {
        self.policy().decide_store(query).action == Action::Allow
    }

    fn store_decided(&self, query: StoreQuery<'_>, action: Action, cause: Cause) {
        match action {
            Action::Deny => {
                let errno = Some(Errno::EACCES);
                self.refuse(cause, || Event::Refused(self.judged_store(query, cause, errno)));
            }
            Action::Allow => {
                self.log(cause, || Event::Allowed(self.judged_store(query, cause, None)));
            }
        }
    }

    fn judged_store(&self, query: StoreQuery<'_>, cause: Cause, errno: Option<Errno>) -> Judged {
        let (from, rule) = (self.party(query.domain), self.rule(cause));
        let judged = Judged::new(Check::Store, from, None, errno, rule);
        Judged { node: Some(Node::new(query)), ..judged }
    }
}
