//! Transactions: what a request changes is kept apart until it can be seen by all.

use alloc::vec::Vec;

use super::Store;
use super::domain::Caller;
use super::guard::Access;
use super::operations::OK;
use super::overlay::Overlay;
use super::refusal::Refusal;
use super::requests::{Call, connected};
use super::session::Session;
use super::settle::Signals;

impl Store {
    /// Does what the call asks of nodes, in its transaction or in one of its own.
    pub(super) fn on_nodes(
        &mut self,
        call: &Call,
        signals: &mut Signals,
    ) -> Result<Vec<u8>, Refusal> {
        if call.transaction == 0 {
            let mut overlay = Overlay::unlimited();
            let answer = self.perform(call, &mut overlay)?;
            self.make_room(&overlay, call.caller)?;
            self.settle(&overlay, call.guard, signals);
            return Ok(answer);
        }
        let mut overlay = self.take(call)?;
        let others = self.domains.known(call.caller.domain).map_or(0, |own| own.transaction_bytes);
        overlay.limit_bytes(call.quota.transaction_bytes.saturating_sub(others));
        let answer = self.perform(call, &mut overlay);
        self.put_back(call, overlay)?;
        answer
    }

    pub(super) fn start_transaction(&mut self, call: &Call) -> Result<Vec<u8>, Refusal> {
        if call.transaction != 0 {
            return Err(Refusal::Nested);
        }
        let domain = self.domains.known_mut(call.caller.domain).ok_or(Refusal::NoConnection)?;
        let connection = connected(&mut self.connections, call)?;
        if domain.transactions >= call.quota.transactions {
            return Err(Refusal::QuotaUsedUp);
        }
        domain.transactions = domain.transactions.saturating_add(1);
        let number = connection.new_transaction();
        connection.transactions.insert(number, Overlay::new(call.quota.transaction_nodes));
        Ok(alloc::format!("{number}\0").into_bytes())
    }

    /// Whatever the answer, the transaction is over, unless the message is wrong.
    pub(super) fn end_transaction(
        &mut self,
        call: &Call,
        signals: &mut Signals,
    ) -> Result<Vec<u8>, Refusal> {
        let commits = match call.payload.only()? {
            b"T" => true,
            b"F" => false,
            _ => return Err(Refusal::Invalid),
        };
        let overlay = self.take(call)?;
        if let Some(domain) = self.domains.known_mut(call.caller.domain) {
            domain.transactions = domain.transactions.saturating_sub(1);
        }
        if commits {
            may_commit(&overlay, call)?;
            self.commit(&overlay, call, signals)?;
        }
        Ok(OK.into())
    }

    fn commit(
        &mut self,
        overlay: &Overlay,
        call: &Call,
        signals: &mut Signals,
    ) -> Result<(), Refusal> {
        if !overlay.is_current(&self.tree) || !self.owners_are_current(overlay) {
            return Err(Refusal::Conflict);
        }
        self.make_room(overlay, call.caller)?;
        self.settle(overlay, call.guard, signals);
        Ok(())
    }

    fn perform(&self, call: &Call, overlay: &mut Overlay) -> Result<Vec<u8>, Refusal> {
        let Call { caller, quota, guard, .. } = *call;
        let (tree, domains, now) = (&self.tree, &self.domains, self.clock);
        let mut session = Session { tree, domains, overlay, caller, quota, guard, now };
        session.perform(call.kind, call.payload)
    }

    /// Takes the transaction out of its connection; it does not count any more.
    fn take(&mut self, call: &Call) -> Result<Overlay, Refusal> {
        let connection = connected(&mut self.connections, call)?;
        let overlay = connection.transactions.remove(&call.transaction).ok_or(Refusal::Missing)?;
        if let Some(domain) = self.domains.known_mut(call.caller.domain) {
            let left = domain.transaction_bytes.saturating_sub(overlay.bytes());
            domain.transaction_bytes = left;
        }
        Ok(overlay)
    }

    fn put_back(&mut self, call: &Call, overlay: Overlay) -> Result<(), Refusal> {
        let domain = self.domains.known_mut(call.caller.domain).ok_or(Refusal::NoConnection)?;
        let connection = connected(&mut self.connections, call)?;
        domain.transaction_bytes = domain.transaction_bytes.saturating_add(overlay.bytes());
        connection.transactions.insert(call.transaction, overlay);
        Ok(())
    }

    /// Whether no owner has gone since it was given a node.
    fn owners_are_current(&self, overlay: &Overlay) -> bool {
        let mut nodes = overlay.changes().filter_map(|(_, node, _)| node);
        nodes.all(|node| node.permissions.owner_is_current(&self.domains))
    }

    /// Whether the caller may own as many nodes as it will.
    fn make_room(&self, overlay: &Overlay, caller: Caller) -> Result<(), Refusal> {
        let domain = self.domains.known(caller.domain).ok_or(Refusal::NoConnection)?;
        let counts = |owner| caller.is_privileged() || owner == caller.domain;
        let (mut more, mut fewer) = (0_usize, 0_usize);
        for (path, node, _) in overlay.changes() {
            let before = self.tree.node(path);
            let was = before.is_some_and(|node| counts(node.permissions.owner));
            let is = node.is_some_and(|node| counts(node.permissions.owner));
            fewer = fewer.saturating_add(was.into());
            more = more.saturating_add(is.into());
        }
        let now = if caller.is_privileged() { self.tree.len() } else { domain.owned.len() };
        match more > fewer && now.saturating_add(more).saturating_sub(fewer) > domain.quota.nodes {
            true => Err(Refusal::QuotaUsedUp),
            false => Ok(()),
        }
    }
}

/// Asks the guard again about all that was changed: its mind may have changed meanwhile. About what
/// was only seen it is not asked: that has been told.
fn may_commit(overlay: &Overlay, call: &Call) -> Result<(), Refusal> {
    let may = |path| call.guard.passes(call.caller.domain, path, Access::Write);
    if overlay.changes().all(|(path, ..)| may(path)) { Ok(()) } else { Err(Refusal::Denied) }
}
