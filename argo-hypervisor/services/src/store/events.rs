//! Events that wait to be fetched.

use alloc::collections::{BTreeSet, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;

/// One event: a watch has seen a change at a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Event {
    pub(super) path: Arc<str>,
    /// How many of the path's bytes are the path of the watch.
    pub(super) watched: usize,
    /// Where the path begins, as the watch's owner wants it.
    pub(super) from: usize,
    pub(super) token: Arc<[u8]>,
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    /// It waits, or an equal one did already.
    Waits,
    /// There was no room: the connection is given up.
    Overrun,
    /// The connection was given up before.
    Dropped,
}

/// Bytes of an event that waits, besides its path and its token: in the queue and in the set, with
/// what the heap adds.
const EVENT_BYTES: usize = 256;

/// The events of one connection, in their order, each once.
#[derive(Debug, Default)]
pub(super) struct Events {
    queue: VecDeque<Event>,
    waiting: BTreeSet<Event>,
    bytes: usize,
    overrun: bool,
}

impl Events {
    /// Adds one, if not more than `limit` wait then.
    pub(super) fn push(&mut self, event: Event, limit: usize) -> Pushed {
        if self.overrun {
            return Pushed::Dropped;
        }
        if self.waiting.contains(&event) {
            return Pushed::Waits;
        }
        if self.queue.len() >= limit {
            self.give_up();
            return Pushed::Overrun;
        }
        self.bytes = self.bytes.saturating_add(event.bytes());
        self.waiting.insert(event.clone());
        self.queue.push_back(event);
        Pushed::Waits
    }

    /// Bytes of memory of those that wait.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Drops all, and takes no more.
    pub(super) fn give_up(&mut self) {
        *self = Self { overrun: true, ..Self::default() };
    }

    /// Whether the connection was given up.
    pub(super) fn is_overrun(&self) -> bool {
        self.overrun
    }

    /// Takes the oldest.
    pub(super) fn pop(&mut self) -> Option<Event> {
        let event = self.queue.pop_front()?;
        self.waiting.remove(&event);
        self.bytes = self.bytes.saturating_sub(event.bytes());
        Some(event)
    }

    /// Drops those of the watch on this path with this token.
    pub(super) fn drop_of(&mut self, path: &str, token: &[u8]) {
        let of = |event: &Event| {
            event.watched == path.len() && event.path.starts_with(path) && *event.token == *token
        };
        for _ in 0..self.queue.len() {
            let kept = self.queue.pop_front().filter(|event| !of(event));
            kept.into_iter().for_each(|event| self.queue.push_back(event));
        }
        self.waiting.retain(|event| !of(event));
        self.bytes = self.queue.iter().map(Event::bytes).sum();
    }

    /// Drops all.
    pub(super) fn clear(&mut self) {
        self.queue.clear();
        self.waiting.clear();
        self.bytes = 0;
    }
}

impl Event {
    fn bytes(&self) -> usize {
        EVENT_BYTES.saturating_add(self.path.len()).saturating_add(self.token.len())
    }

    /// The path, as the watch's owner wants it, and the token, each with a zero at its end.
    pub(super) fn payload(&self) -> Vec<u8> {
        let path = self.path.get(self.from..).unwrap_or_default();
        [path.as_bytes(), b"\0", &self.token, b"\0"].concat()
    }
}
