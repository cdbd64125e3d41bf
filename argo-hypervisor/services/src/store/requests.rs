//! Which part of the store answers which message.

use alloc::sync::Arc;
use alloc::vec::Vec;
use argo_core::DomainId;
use argo_core::xenstore::{Header, Kind};

use super::Store;
use super::connection::{Connection, ConnectionId};
use super::domain::{Caller, Quota};
use super::events::Event;
use super::guard::{Access, Guard};
use super::message::{Message, Payload, compose, refuse};
use super::operations::OK;
use super::path::{Path, Special, home, is_relative};
use super::permissions::parse_domain;
use super::refusal::Refusal;
use super::settle::{Outcome, Signals};
use super::watches::TOKEN_MAX;

/// Xen's number for "the domain that asks".
const SELF: &[u8] = b"32752";

/// One message on its way through the store.
pub(super) struct Call<'a> {
    pub(super) connection: ConnectionId,
    pub(super) caller: Caller,
    pub(super) quota: Quota,
    pub(super) guard: &'a dyn Guard,
    pub(super) kind: Kind,
    pub(super) transaction: u32,
    pub(super) payload: Payload<'a>,
}

impl Store {
    /// Answers one message of a connection: a header and what follows it.
    ///
    /// What is refused is answered too, with the name of an errno as XenStore has it. Bytes that are
    /// no message are answered with `EINVAL`, those on a connection that there is not with `EIO`.
    pub fn request(
        &mut self,
        connection: ConnectionId,
        guard: &dyn Guard,
        message: &[u8],
    ) -> Outcome {
        let mut signals = Signals::default();
        let reply = match Message::parse(message) {
            Ok(message) => self.reply(connection, guard, message, &mut signals),
            Err((header, refusal)) => refuse(header, refusal),
        };
        Outcome { reply, signals }
    }

    fn reply(
        &mut self,
        connection: ConnectionId,
        guard: &dyn Guard,
        message: Message,
        signals: &mut Signals,
    ) -> Vec<u8> {
        let header = message.header;
        let answered = self
            .call(connection, guard, message)
            .and_then(|call| Ok((call.kind, self.answer(&call, signals)?)));
        match answered {
            Ok((kind, payload)) => compose(kind, header.request, header.transaction, &payload),
            Err(refusal) => {
                self.count(connection, refusal);
                refuse(header, refusal)
            }
        }
    }

    fn call<'a>(
        &self,
        connection: ConnectionId,
        guard: &'a dyn Guard,
        message: Message<'a>,
    ) -> Result<Call<'a>, Refusal> {
        let Header { kind, transaction, .. } = message.header;
        let known = self.connections.get(&connection).ok_or(Refusal::NoConnection)?;
        let domain = self.domains.known(known.caller.domain).ok_or(Refusal::NoConnection)?;
        if transaction != 0 && !known.transactions.contains_key(&transaction) {
            return Err(Refusal::Missing);
        }
        let kind = Kind::new(kind).ok_or(Refusal::Unsupported)?;
        let (caller, quota, payload) = (known.caller, domain.quota, message.payload);
        Ok(Call { connection, caller, quota, guard, kind, transaction, payload })
    }

    fn answer(&mut self, call: &Call, signals: &mut Signals) -> Result<Vec<u8>, Refusal> {
        match call.kind {
            Kind::Directory | Kind::DirectoryPart | Kind::Read | Kind::GetPerms => {
                self.on_nodes(call, signals)
            }
            Kind::Write | Kind::Mkdir | Kind::Rm | Kind::SetPerms => self.on_nodes(call, signals),
            Kind::Watch => self.watch(call, signals),
            Kind::Unwatch => self.unwatch(call),
            Kind::ResetWatches => self.reset(call),
            Kind::TransactionStart => self.start_transaction(call),
            Kind::TransactionEnd => self.end_transaction(call, signals),
            Kind::GetDomainPath => domain_path(call.payload),
            Kind::IsDomainIntroduced => self.is_introduced(call.payload),
            Kind::Control | Kind::Introduce | Kind::Release | Kind::Resume | Kind::SetTarget => {
                Err(if call.caller.is_privileged() {
                    Refusal::Unsupported
                } else {
                    Refusal::Denied
                })
            }
            Kind::WatchEvent | Kind::Error => Err(Refusal::Unsupported),
        }
    }

    fn watch(&mut self, call: &Call, signals: &mut Signals) -> Result<Vec<u8>, Refusal> {
        let (text, token) = call.payload.two()?;
        let (path, token) = watched(call, text, token)?;
        if !call.guard.passes(call.caller.domain, &path, Access::Read) {
            return Err(Refusal::Denied);
        }
        let domain = self.domains.known_mut(call.caller.domain).ok_or(Refusal::NoConnection)?;
        let connection = connected(&mut self.connections, call)?;
        let key = (path.text().clone(), token.clone());
        if connection.watches.contains(&key) {
            return Err(Refusal::Exists);
        }
        if domain.watches >= call.quota.watches {
            return Err(Refusal::TooManyWatches);
        }
        let from =
            if is_relative(text) { home(call.caller.domain).len().saturating_add(1) } else { 0 };
        self.watches.add(&path, call.connection, token.clone(), from);
        connection.watches.insert(key);
        domain.watches = domain.watches.saturating_add(1);
        let watched = path.text().len();
        let event = Event { path: path.text().clone(), watched, from, token };
        self.delivery(signals).push(call.connection, event);
        Ok(OK.into())
    }

    fn unwatch(&mut self, call: &Call) -> Result<Vec<u8>, Refusal> {
        let (path, token) = call.payload.two()?;
        let (path, token) = watched(call, path, token)?;
        let connection = connected(&mut self.connections, call)?;
        if !connection.watches.remove(&(path.text().clone(), token.clone())) {
            return Err(Refusal::Missing);
        }
        self.domains.change_events(connection, |events| events.drop_of(path.text(), &token));
        self.drop_watch(call.caller.domain, call.connection, path.text(), &token);
        Ok(OK.into())
    }

    fn reset(&mut self, call: &Call) -> Result<Vec<u8>, Refusal> {
        self.drop_state(call.connection);
        Ok(OK.into())
    }

    fn is_introduced(&self, payload: Payload) -> Result<Vec<u8>, Refusal> {
        let number = payload.only()?;
        let is = number == SELF || self.domains.known(parse_domain(number)?).is_some();
        Ok(if is { b"T\0".into() } else { b"F\0".into() })
    }

    fn count(&mut self, connection: ConnectionId, refusal: Refusal) {
        let domain = self.connections.get(&connection).map(|known| known.caller.domain);
        let domain = domain.and_then(|domain| self.domains.known_mut(domain));
        if let (Some(domain), true) = (domain, refusal.is_quota()) {
            domain.refused = domain.refused.saturating_add(1);
        }
    }
}

/// The connection of the call.
pub(super) fn connected<'a>(
    connections: &'a mut alloc::collections::BTreeMap<ConnectionId, Connection>,
    call: &Call,
) -> Result<&'a mut Connection, Refusal> {
    connections.get_mut(&call.connection).ok_or(Refusal::NoConnection)
}

fn watched(call: &Call, path: &[u8], token: &[u8]) -> Result<(Path, Arc<[u8]>), Refusal> {
    let path = Path::parse(path, call.caller.domain, Special::Allowed)?;
    if token.len() > TOKEN_MAX {
        return Err(Refusal::Invalid);
    }
    Ok((path, token.into()))
}

fn domain_path(payload: Payload) -> Result<Vec<u8>, Refusal> {
    let domain: DomainId = parse_domain(payload.only()?)?;
    Ok(alloc::format!("{}\0", home(domain)).into_bytes())
}
