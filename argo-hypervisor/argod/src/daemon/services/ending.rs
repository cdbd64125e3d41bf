//! What goes when a connection or a domain ends, or when a policy comes into force.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use argo_core::DomainId;
use argo_core::policy::{Action, Query};
use xen_services::grants::Release;

use super::Services;
use super::connection::Connection;
use super::end::End;
use super::pages::Pages;
use crate::policy::{CompiledPolicy, LivePolicy};

/// Does what was promised for when a share or a map is given up.
pub(super) fn release(release: Release<Arc<Pages>, Arc<End>>) {
    if let Some(clear) = release.clear
        && let Err(error) = clear.memory.clear(clear.offset)
    {
        // Not for the log by itself: processes can cause as many as they like.
        tracing::debug!(%error, "a byte of a share was not cleared");
    }
    if let Some(end) = release.event {
        end.raise();
    }
}

/// What is left to do for a domain that is destroyed.
#[must_use]
pub struct Remains {
    released: Vec<Release<Arc<Pages>, Arc<End>>>,
    ends: Vec<Arc<End>>,
}

impl Remains {
    /// Does what was promised, then ends all channels. A peer can make that slow.
    pub(super) fn settle(self) {
        self.released.into_iter().for_each(release);
        // Promises to send an event may still hold them.
        self.ends.iter().for_each(|end| end.shut());
    }
}

impl Services {
    /// Ends a connection for its process. What was made over it goes by its domain's thread, which
    /// hears of it. `false`: it had ended already.
    pub(super) fn hang_up(&self, connection: &Connection) -> bool {
        if !connection.end() {
            return false;
        }
        self.disconnect(connection);
        connection.hang_up();
        true
    }

    /// What was made over a connection that has ended goes: first what was promised is done, then its
    /// ports are closed. A peer can make that slow, so that only its domain's thread does it.
    pub(super) fn wind_up(&self, connection: &Connection) {
        let released = self.tables().grants.end_connection(connection.holder);
        released.into_iter().for_each(release);
        let ends = self.tables().channels.end_connection(connection.holder);
        drop(ends);
    }

    /// Nothing of a domain that is destroyed is there any more, and nothing that others made for it
    /// is for a later one of the same id. Its own connections have ended.
    pub fn forget(&self, policy: &LivePolicy, domain: DomainId) -> Remains {
        self.forget_in_store(policy, domain);
        let mut tables = self.tables();
        let released = tables.grants.end_domain(domain);
        let ends = tables.channels.end_domain(domain);
        Remains { released, ends }
    }

    /// Shuts the channels that the policy forbids now; how many. What is mapped stays mapped. Whoever
    /// asks for it does so himself: it is one system call a channel, which nobody can make slow, and
    /// quotas bound how many there are.
    pub fn enforce(&self, policy: &CompiledPolicy) -> usize {
        let answers = RefCell::new(HashMap::new());
        let decide = |from, to| policy.decide(Query::EventChannel { from, to }).action;
        let forbidden = |from, to| {
            let mut answers = answers.borrow_mut();
            *answers.entry((from, to)).or_insert_with(|| decide(from, to)) == Action::Deny
        };
        let severed = self.tables().channels.sever(forbidden);
        severed.iter().for_each(|ends| ends.allocator.shut());
        severed.len()
    }
}
