//! What a listener has been asked and not yet answered.

use alloc::collections::{BTreeMap, VecDeque};

use core::ops::RangeInclusive;

use argo_core::{DomainId, Port};

use crate::arrival::{Arrival, Endpoint};
use crate::connection::Kind;
use crate::verdict::{Verdict, stray};
use crate::wire::Flags;

/// Names a connection among those of a listener's port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The connecting end.
    pub peer: Endpoint,
    /// The id that it chose.
    pub conid: u32,
}

impl Key {
    /// The keys of one domain's connections.
    pub fn all_of(domain: DomainId) -> RangeInclusive<Self> {
        let key = |port, conid| Self { peer: Endpoint { domain, port: Port(port) }, conid };
        key(0, 0)..=key(u32::MAX, u32::MAX)
    }
}

/// What somebody without a connection wants of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Knock {
    /// A connection.
    Request(Request),
    /// To withdraw its request, or to end the connection that was granted by it before the
    /// sender knew: that one may live at a port of its own.
    Withdrawal(Key),
    /// Something else: a verdict as for a connection, [`Verdict::Ignored`] or [`Verdict::Stray`].
    Other(Verdict),
}

/// A wish for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Whose, and by which id.
    pub key: Key,
    /// What it is to carry.
    pub kind: Kind,
    /// Whether the peer knows the extension.
    pub wire: Offer,
}

/// Which wires a connector speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// The driver's only.
    Plain,
    /// Ours, too.
    Extended,
}

impl Knock {
    /// Judges a message that belongs to no connection of the port.
    pub fn of(arrival: &Arrival<'_>) -> Self {
        let Some((flags, conid)) = arrival.stream_head() else {
            return Self::Other(Verdict::Ignored);
        };
        let key = Key { peer: arrival.source, conid };
        // An extended one ends a connection of its epoch, never a request.
        if flags.contains(Flags::RST) && (arrival.is_bare() || !flags.contains(Flags::EXTENDED)) {
            return Self::Withdrawal(key);
        }
        if !flags.contains(Flags::SYN) || !arrival.is_bare() {
            return Self::Other(stray(arrival, flags, conid));
        }
        let extended = flags.contains(Flags::EXTENDED);
        let kind = match extended && flags.contains(Flags::SEQPACKET) {
            true => Kind::Seqpacket,
            false => Kind::Stream,
        };
        let wire = if extended { Offer::Extended } else { Offer::Plain };
        Self::Request(Request { key, kind, wire })
    }
}

/// How much a listener takes on for one peer domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Requests of one domain that wait to be accepted.
    pub waiting: usize,
    /// Connections of one domain, waiting ones included.
    pub connections: usize,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Admission {
    /// It is counted: [`push`](Backlog::push) what is to be accepted, or give it up with
    /// [`discard`](Backlog::discard).
    Admitted,
    /// Refuse it: so many requests of that domain wait already.
    BacklogFull {
        /// The limit.
        waiting: usize,
    },
    /// Refuse it: that domain has so many connections already.
    TooManyConnections {
        /// The limit.
        connections: usize,
    },
}

#[derive(Clone, Copy, Debug, Default)]
struct Share {
    waiting: usize,
    connections: usize,
}

/// The queue of a listener, in which no domain takes another's place: `T` is what is accepted.
#[derive(Debug)]
pub struct Backlog<T> {
    limits: Limits,
    shares: BTreeMap<DomainId, Share>,
    queue: VecDeque<(Key, T)>,
}

impl<T> Backlog<T> {
    /// An empty queue with these limits.
    pub fn new(limits: Limits) -> Self {
        Self { limits, shares: BTreeMap::new(), queue: VecDeque::new() }
    }

    /// Counts a request, if the limits allow.
    pub fn admit(&mut self, domain: DomainId) -> Admission {
        let Limits { waiting, connections } = self.limits;
        let share = self.shares.get(&domain).copied().unwrap_or_default();
        if share.waiting >= waiting {
            return Admission::BacklogFull { waiting };
        }
        if share.connections >= connections {
            return Admission::TooManyConnections { connections };
        }
        let counted = Share {
            waiting: share.waiting.saturating_add(1),
            connections: share.connections.saturating_add(1),
        };
        self.shares.insert(domain, counted);
        Admission::Admitted
    }

    /// Queues what was admitted.
    pub fn push(&mut self, key: Key, item: T) {
        self.queue.push_back((key, item));
    }

    /// What was admitted is given up before it was queued.
    pub fn discard(&mut self, domain: DomainId) {
        self.accepted(domain);
        self.closed(domain);
    }

    /// The next to accept, in the order of arrival.
    pub fn pop(&mut self) -> Option<(Key, T)> {
        let (key, item) = self.queue.pop_front()?;
        self.accepted(key.peer.domain);
        Some((key, item))
    }

    /// Takes a request out that is not to be accepted any more, the oldest with this key that
    /// `pick` chooses.
    pub fn withdraw(&mut self, key: Key, pick: impl Fn(&T) -> bool) -> Option<T> {
        let at = self.queue.iter().position(|(other, item)| *other == key && pick(item))?;
        let (_, item) = self.queue.remove(at)?;
        self.discard(key.peer.domain);
        Some(item)
    }

    /// Whether a request with this key waits.
    pub fn contains(&self, key: Key) -> bool {
        self.queue.iter().any(|(other, _)| *other == key)
    }

    /// A connection of this domain that was accepted is no more.
    pub fn closed(&mut self, domain: DomainId) {
        self.change(domain, |share| share.connections = share.connections.saturating_sub(1));
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    fn accepted(&mut self, domain: DomainId) {
        self.change(domain, |share| share.waiting = share.waiting.saturating_sub(1));
    }

    fn change(&mut self, domain: DomainId, change: impl FnOnce(&mut Share)) {
        let Some(share) = self.shares.get_mut(&domain) else { return };
        change(share);
        if share.connections == 0 {
            self.shares.remove(&domain);
        }
    }
}
