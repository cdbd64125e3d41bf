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
        tracing::error!(%error, "a byte of a share was not cleared");
    }
    if let Some(end) = release.event {
        end.raise();
    }
}

impl Services {
    /// Ends a connection: first it does what was promised, then its ports are closed, its watches and
    /// transactions forgotten. `false`: it
    /// had ended already.
    pub(super) fn end(&self, connection: &Connection) -> bool {
        if !connection.end() {
            return false;
        }
        let released = self.tables().grants.end_connection(connection.holder);
        released.into_iter().for_each(release);
        let ends = self.tables().channels.end_connection(connection.holder);
        drop(ends);
        self.disconnect(connection);
        connection.hang_up();
        true
    }

    /// Nothing that others made for a domain, which is destroyed, is for a later one of the same
    /// id. Its own connections have ended.
    pub fn forget(&self, policy: &LivePolicy, domain: DomainId) {
        self.forget_in_store(policy, domain);
        let mut tables = self.tables();
        let released = tables.grants.end_domain(domain);
        let ends = tables.channels.end_domain(domain);
        drop(tables);
        released.into_iter().for_each(release);
        // Promises to send an event may still hold them.
        ends.iter().for_each(|end| end.shut());
    }

    /// Shuts the channels that the policy forbids now; how many. What is mapped stays mapped.
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
