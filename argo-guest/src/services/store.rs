//! The store's nodes, by its messages.

use alloc::string::String;
use alloc::vec::Vec;
use std::ops::Deref;
use std::time::Duration;

use argo_core::xenstore::{Header, Kind, PAYLOAD_MAX};
use zerocopy::{FromBytes, IntoBytes};

use super::Services;
use super::error::StoreError;

/// The store's nodes, outside of any transaction or inside one.
///
/// Paths that do not begin with `/` begin at this domain's `/local/domain/N`.
#[derive(Clone, Copy)]
pub struct Nodes<'s> {
    services: &'s Services,
    transaction: u32,
}

impl<'s> Nodes<'s> {
    pub(super) fn within(services: &'s Services, transaction: u32) -> Self {
        Self { services, transaction }
    }

    /// A node's value.
    ///
    /// # Errors
    /// [`StoreError`]: ENOENT, EACCES, …
    pub fn read(&self, path: &str) -> Result<Vec<u8>, StoreError> {
        self.ask(Kind::Read, &[name(path).as_slice()])
    }

    /// Writes a node's value; makes the node and its parents if they are not there.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn write(&self, path: &str, value: &[u8]) -> Result<(), StoreError> {
        self.done(Kind::Write, &[&name(path), value])
    }

    /// Makes a node if it is not there.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn mkdir(&self, path: &str) -> Result<(), StoreError> {
        self.done(Kind::Mkdir, &[&name(path)])
    }

    /// Removes a node with all below it.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn rm(&self, path: &str) -> Result<(), StoreError> {
        self.done(Kind::Rm, &[&name(path)])
    }

    /// The names of a node's children.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn directory(&self, path: &str) -> Result<Vec<String>, StoreError> {
        Ok(strings(&self.ask(Kind::Directory, &[&name(path)])?))
    }

    /// A node's permissions: the owner first, with what others may (`n0`, `r7`, `w7`, `b7`).
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn permissions(&self, path: &str) -> Result<Vec<String>, StoreError> {
        Ok(strings(&self.ask(Kind::GetPerms, &[&name(path)])?))
    }

    /// Replaces a node's permissions.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn set_permissions(&self, path: &str, permissions: &[&str]) -> Result<(), StoreError> {
        let parts: Vec<Vec<u8>> = [path].iter().chain(permissions).map(|part| name(part)).collect();
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        self.done(Kind::SetPerms, &parts)
    }

    fn done(&self, kind: Kind, parts: &[&[u8]]) -> Result<(), StoreError> {
        self.ask(kind, parts).map(|_| ())
    }

    fn ask(&self, kind: Kind, parts: &[&[u8]]) -> Result<Vec<u8>, StoreError> {
        ask(self.services, self.transaction, kind, parts)
    }
}

/// Changes that happen together or not at all. Dropping it drops them.
pub struct Transaction<'s> {
    nodes: Nodes<'s>,
    open: bool,
}

/// How a transaction ended.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commit {
    /// All its changes are made.
    Done,
    /// Somebody else changed what it saw. None of its changes is made: try again.
    Conflict,
}

impl<'s> Transaction<'s> {
    pub(super) fn start(services: &'s Services) -> Result<Self, StoreError> {
        let reply = ask(services, 0, Kind::TransactionStart, &[b"\0"])?;
        let number = strings(&reply).first().and_then(|number| number.parse().ok());
        let transaction = number
            .filter(|number| *number != 0)
            .ok_or(StoreError::Nonsense("no transaction id"))?;
        Ok(Self::from_number(services, transaction))
    }

    /// Takes up a transaction of which [`into_number`](Self::into_number) told the number.
    pub fn from_number(services: &'s Services, number: u32) -> Self {
        Self { nodes: Nodes::within(services, number), open: true }
    }

    /// Leaves it open, for who keeps its number: [`Services::nodes_within`].
    pub fn into_number(mut self) -> u32 {
        self.open = false;
        self.nodes.transaction
    }

    /// Makes the changes.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn commit(mut self) -> Result<Commit, StoreError> {
        self.open = false;
        match self.nodes.done(Kind::TransactionEnd, &[b"T\0"]) {
            Ok(()) => Ok(Commit::Done),
            Err(error) if error.is("EAGAIN") => Ok(Commit::Conflict),
            Err(error) => Err(error),
        }
    }
}

impl<'s> Deref for Transaction<'s> {
    type Target = Nodes<'s>;

    fn deref(&self) -> &Nodes<'s> {
        &self.nodes
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if self.open {
            // An error: then the store has forgotten it already.
            let _ = self.nodes.done(Kind::TransactionEnd, &[b"F\0"]);
        }
    }
}

/// A watch that has fired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchEvent {
    /// The node that changed, as the watch's path was given: absolute or relative.
    pub path: String,
    /// The watch's token.
    pub token: String,
}

impl Services {
    /// Asks to be told of changes at and under `path`; the first event comes at once.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn watch(&self, path: &str, token: &str) -> Result<(), StoreError> {
        ask(self, 0, Kind::Watch, &[&name(path), &name(token)]).map(|_| ())
    }

    /// Asks no more.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn unwatch(&self, path: &str, token: &str) -> Result<(), StoreError> {
        ask(self, 0, Kind::Unwatch, &[&name(path), &name(token)]).map(|_| ())
    }

    /// The next watch event; `Ok(None)` if none comes within the timeout. No timeout: waits for
    /// ever.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn next_watch(&self, timeout: Option<Duration>) -> Result<Option<WatchEvent>, StoreError> {
        let Some(message) = self.next_event(timeout)? else { return Ok(None) };
        let (_, payload) = parse(&message)?;
        let mut strings = strings(payload).into_iter();
        match (strings.next(), strings.next()) {
            (Some(path), Some(token)) => Ok(Some(WatchEvent { path, token })),
            _ => Err(StoreError::Nonsense("an event without path or token")),
        }
    }
}

fn ask(
    services: &Services,
    transaction: u32,
    kind: Kind,
    parts: &[&[u8]],
) -> Result<Vec<u8>, StoreError> {
    let message = message(transaction, kind, parts)?;
    let reply = services.store(&message)?;
    let (header, payload) = parse(&reply)?;
    match Kind::new(header.kind) {
        Some(Kind::Error) => {
            let text = |bytes: &[u8]| strings(bytes).into_iter().next().unwrap_or_default();
            let path = parts.first().map(|path| text(path)).unwrap_or_default();
            Err(StoreError::Refused { path, name: text(payload) })
        }
        Some(answered) if answered == kind => Ok(payload.to_vec()),
        _ => Err(StoreError::Nonsense("of another kind than asked for")),
    }
}

fn message(transaction: u32, kind: Kind, parts: &[&[u8]]) -> Result<Vec<u8>, StoreError> {
    let payload = parts.concat();
    // A value may have any bytes.
    let names = if kind == Kind::Write { &parts[..1] } else { parts };
    let zero_inside = names.iter().any(|name| name.iter().rev().skip(1).any(|byte| *byte == 0));
    if payload.len() > PAYLOAD_MAX || zero_inside {
        return Err(StoreError::Unsendable { len: payload.len(), maximum: PAYLOAD_MAX });
    }
    let len = payload.len() as u32;
    let header = Header { kind: kind as u32, request: 0, transaction, len };
    Ok([header.as_bytes(), &payload].concat())
}

fn parse(message: &[u8]) -> Result<(Header, &[u8]), StoreError> {
    let (header, payload) = Header::read_from_prefix(message)
        .map_err(|_| StoreError::Nonsense("shorter than a header"))?;
    match payload.len() == header.len as usize {
        true => Ok((header, payload)),
        false => Err(StoreError::Nonsense("of another length than it says")),
    }
}

/// With the zero that ends it.
fn name(text: &str) -> Vec<u8> {
    [text.as_bytes(), b"\0"].concat()
}

fn strings(bytes: &[u8]) -> Vec<String> {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    bytes.split(|byte| *byte == 0).filter(|part| !part.is_empty()).map(text).collect()
}
