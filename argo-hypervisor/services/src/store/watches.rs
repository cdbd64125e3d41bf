//! Who wants to hear of which nodes.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use argo_core::xenstore::{ABSOLUTE_PATH_MAX, PAYLOAD_MAX};

use super::connection::ConnectionId;
use super::overlay::Reach;
use super::path::Path;

/// Bytes of a watch's token at most: with the longest path, it fits in an event.
pub const TOKEN_MAX: usize = PAYLOAD_MAX - ABSOLUTE_PATH_MAX - 2;

/// A connection's watches on one node: the token of each, and where the paths in its events begin.
pub(super) type Tokens = BTreeMap<Arc<[u8]>, usize>;

/// All watches, by the node they are on.
#[derive(Debug, Default)]
pub(super) struct Watches {
    by_path: BTreeMap<Arc<str>, BTreeMap<ConnectionId, Tokens>>,
}

impl Watches {
    /// Adds a watch; whether it is new.
    pub(super) fn add(
        &mut self,
        path: &Path,
        connection: ConnectionId,
        token: Arc<[u8]>,
        from: usize,
    ) -> bool {
        let by_connection = self.by_path.entry(path.text().clone()).or_default();
        let tokens = by_connection.entry(connection).or_default();
        let new = !tokens.contains_key(&token);
        if new {
            tokens.insert(token, from);
        }
        new
    }

    /// Removes a watch; whether it was there.
    pub(super) fn remove(&mut self, path: &str, connection: ConnectionId, token: &[u8]) -> bool {
        let Some(by_connection) = self.by_path.get_mut(path) else { return false };
        let Some(tokens) = by_connection.get_mut(&connection) else { return false };
        let was = tokens.remove(token).is_some();
        if tokens.is_empty() {
            by_connection.remove(&connection);
        }
        if by_connection.is_empty() {
            self.by_path.remove(path);
        }
        was
    }

    /// The watches that a change at `path` concerns, with the path that each is on.
    pub(super) fn concerned(
        &self,
        path: &Path,
        reach: Reach,
    ) -> impl Iterator<Item = (&str, ConnectionId, &Tokens)> {
        let levels = match reach {
            Reach::Nobody => 0,
            Reach::Node => 1,
            Reach::Upwards => usize::MAX,
        };
        path.upwards().take(levels).filter_map(|text| self.by_path.get_key_value(text)).flat_map(
            |(watched, of)| {
                of.iter().map(move |(connection, tokens)| (&**watched, *connection, tokens))
            },
        )
    }
}
