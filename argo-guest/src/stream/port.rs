//! A port that listens: who asks for connections, and the rings through which they ask.
//!
//! The ring that was bound hears everybody. The first request of a domain makes a ring for that
//! domain alone on the same port: the hypervisor prefers it, so that from then on each domain fills
//! only its own ring. A connection on the extended wire gets yet another ring to itself.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::{Arc, Weak};
use core::sync::atomic::{AtomicBool, Ordering};

use argo_core::claim::RingLen;
use argo_core::ring::Corrupt;
use argo_core::{DomainId, Partner};
use argo_stream::wire::{self, Acceptance};
use argo_stream::{Admission, Backlog, Connection, Key, Kind, Limits, Mode, Offer, Request};
use event_listener::Event;

use super::arriving::{Arriving, address};
use super::conn::{Conn, Origin};
use super::error::ConnectError;
use super::inbox::Mailbox;
use super::options::ListenOptions;
use super::replies::Reply;
use super::shared_ring::SharedRing;
use super::{farewell, pump, receiving_ring};
use crate::address::Address;
use crate::arena::OutOfMemory;
use crate::datagram::BindError;
use crate::domain::{Inner, Urgency};
use crate::lock::Mutex;
use crate::registration::Registration;

/// A mailbox takes this part of its ring's length before the ring waits for its reader.
const MAILBOX_SHARE: usize = 4;

pub(super) struct ListenPort {
    pub(super) inner: Arc<Inner>,
    pub(super) kind: Kind,
    options: ListenOptions,
    first: Arc<SharedRing>,
    peers: Mutex<BTreeMap<DomainId, Peer>>,
    backlog: Mutex<Backlog<Waiting>>,
    /// Connections with rings of their own. Their peers speak to this port only to give up before
    /// they know of that ring.
    granted: Mutex<BTreeMap<Key, Grant>>,
    pub(super) acceptable: Event,
    closed: AtomicBool,
}

/// A domain that has asked for connections.
#[derive(Default)]
struct Peer {
    ring: Option<Arc<SharedRing>>,
    /// What was admitted and is being prepared, in order.
    requests: VecDeque<Request>,
    /// The one that is being prepared.
    preparing: Option<Key>,
    /// A chore prepares them.
    ushered: bool,
    /// It was logged why its requests are refused.
    logged: bool,
}

/// A connection with a ring of its own.
struct Grant {
    conn: Weak<Conn>,
    ring_bytes: usize,
}

/// A connection that waits to be accepted.
enum Waiting {
    /// On the plain wire: the peer hears of it when it is accepted, as from the Linux driver.
    Plain { ring: Arc<SharedRing>, max_message: u32 },
    /// On the extended wire: established, and perhaps even over.
    Ready(Arc<Conn>),
}

impl ListenPort {
    pub(super) async fn bind(
        inner: &Arc<Inner>,
        kind: Kind,
        options: ListenOptions,
    ) -> Result<Arc<Self>, BindError> {
        let register = |len| Registration::new(inner, options.port, options.partner, len);
        let home = receiving_ring(&options.stream, register).await?;
        let limits = Limits { waiting: options.backlog, connections: options.connections };
        let port = Arc::new_cyclic(|port| Self {
            inner: inner.clone(),
            kind,
            options,
            first: SharedRing::new(inner, home, port.clone(), None),
            peers: Mutex::default(),
            backlog: Mutex::new(Backlog::new(limits)),
            granted: Mutex::default(),
            acceptable: Event::new(),
            closed: AtomicBool::new(false),
        });
        port.first.begin();
        Ok(port)
    }

    pub(super) fn local(&self) -> Address {
        Address::new(self.inner.platform.domain(), self.options.port)
    }

    /// What is wrong with the ring that was bound, if something is.
    pub(super) fn corrupt(&self) -> Option<Corrupt> {
        self.first.corrupt()
    }

    /// Why nobody will ask any more, if the hypervisor took the ring away that was bound.
    pub(super) fn cut(&self) -> Option<BindError> {
        self.first.gone()
    }

    /// Whether this is the ring that was bound.
    pub(super) fn is_first(&self, ring: &SharedRing) -> bool {
        core::ptr::eq(ring, &*self.first)
    }

    /// The hypervisor took this ring away for good.
    pub(super) fn ring_gone(&self, ring: &SharedRing) {
        if self.is_first(ring) {
            self.acceptable.notify(usize::MAX);
            return;
        }
        let this = |other: &mut Arc<SharedRing>| core::ptr::eq(ring, &**other);
        let mut peers = self.peers.lock();
        let kept = peers.values_mut().find_map(|peer| peer.ring.take_if(this));
        drop(peers);
        if let Some(ring) = kept {
            ring.retire();
        }
    }

    /// Somebody wants a connection, by a message `passed` bytes into all that came to this ring.
    pub(super) fn request(self: &Arc<Self>, request: Request, ring: &SharedRing, passed: u64) {
        let Request { key, kind, .. } = request;
        // Who has this connection already is told so, and keeps it.
        if kind != self.kind || self.is_granted(key) {
            return self.refuse(key);
        }
        if self.is_first(ring) {
            self.see_to_reborn(key.peer.domain, passed);
        }
        let mut peers = self.peers.lock();
        // Asked under the lock: `close` takes what stands there.
        if self.closed.load(Ordering::SeqCst) {
            return self.refuse(key);
        }
        let peer = peers.entry(key.peer.domain).or_default();
        let asked =
            peer.preparing == Some(key) || peer.requests.iter().any(|other| other.key == key);
        if asked || self.backlog.lock().contains(key) {
            return;
        }
        if self.backlog.lock().admit(key.peer.domain) != Admission::Admitted {
            drop(peers);
            return self.refuse(key);
        }
        peer.requests.push_back(request);
        let start = !core::mem::replace(&mut peer.ushered, true);
        drop(peers);
        if start {
            let usher = usher(self.clone(), key.peer.domain);
            self.inner.begin_chore(Urgency::Idle, usher);
        }
    }

    /// A domain that has a ring of its own here asks through the first one: then the hypervisor has
    /// dropped that ring, since the domain was destroyed, and this is another of the same number.
    fn see_to_reborn(&self, domain: DomainId, passed: u64) {
        let mut peers = self.peers.lock();
        let bypassed = |ring: &mut Arc<SharedRing>| ring.is_bypassed(passed);
        let stale = peers.get_mut(&domain).and_then(|peer| peer.ring.take_if(bypassed));
        drop(peers);
        if let Some(ring) = stale {
            ring.abandon();
        }
    }

    /// Somebody wants it no more.
    pub(super) fn withdraw(&self, key: Key, arriving: &Arriving) {
        let granted = self.granted_conn(key);
        if let Some(conn) = granted {
            return conn.hear(arriving);
        }
        let mut peers = self.peers.lock();
        if let Some(peer) = peers.get_mut(&key.peer.domain)
            && let Some(at) = peer.requests.iter().position(|other| other.key == key)
        {
            peer.requests.remove(at);
            return self.backlog.lock().discard(key.peer.domain);
        }
        drop(peers);
        let plain = |waiting: &Waiting| matches!(waiting, Waiting::Plain { .. });
        self.backlog.lock().withdraw(key, plain);
    }

    /// The next connection, if one waits.
    pub(super) fn accept(self: &Arc<Self>) -> Option<Arc<Conn>> {
        loop {
            let (key, waiting) = self.backlog.lock().pop()?;
            match waiting {
                Waiting::Ready(conn) => return Some(conn),
                Waiting::Plain { ring, max_message } => {
                    match self.accept_plain(key, ring, max_message) {
                        Ok(conn) => return Some(conn),
                        Err(_) => self.give_up(key),
                    }
                }
            }
        }
    }

    /// A connection of ours is no more.
    pub(super) fn connection_closed(&self, key: Key, conn: &Conn) {
        self.ungrant(key, conn);
        self.backlog.lock().closed(key.peer.domain);
    }

    /// Nobody accepts any more.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.first.retire();
        let peers = core::mem::take(&mut *self.peers.lock());
        peers.values().flat_map(|peer| &peer.requests).for_each(|request| self.refuse(request.key));
        loop {
            let next = self.backlog.lock().pop();
            let Some((key, waiting)) = next else { break };
            self.turn_away(key, waiting);
        }
        peers.into_values().filter_map(|peer| peer.ring).for_each(|ring| ring.retire());
    }

    fn refuse(&self, key: Key) {
        self.inner.reply(Reply { from: self.local(), to: address(key.peer), conid: key.conid });
    }

    /// A request that was admitted comes to nothing.
    fn give_up(&self, key: Key) {
        self.refuse(key);
        self.backlog.lock().closed(key.peer.domain);
    }

    /// Lets a prepared connection wait to be accepted.
    fn queue(&self, key: Key, waiting: Waiting) {
        let mut backlog = self.backlog.lock();
        // Asked under the lock: what is queued now is found by `close`.
        if self.closed.load(Ordering::SeqCst) {
            drop(backlog);
            return self.turn_away(key, waiting);
        }
        backlog.push(key, waiting);
        drop(backlog);
        self.acceptable.notify(usize::MAX);
    }

    /// Nobody will accept it.
    fn turn_away(&self, key: Key, waiting: Waiting) {
        match waiting {
            Waiting::Plain { .. } => self.refuse(key),
            Waiting::Ready(conn) => farewell::close(&conn),
        }
    }

    /// Once a domain, since it can provoke as many as it likes.
    fn log_refusal(&self, domain: DomainId, error: &ConnectError) {
        let mut peers = self.peers.lock();
        let Some(peer) = peers.get_mut(&domain).filter(|peer| !peer.logged) else { return };
        peer.logged = true;
        drop(peers);
        let port = self.options.port;
        tracing::warn!(%port, peer = %domain, %error, "connections of this domain are refused");
    }

    fn next_request(&self, domain: DomainId) -> Option<Request> {
        let mut peers = self.peers.lock();
        let peer = peers.get_mut(&domain)?;
        let next = peer.requests.pop_front();
        peer.preparing = next.map(|request| request.key);
        peer.ushered = next.is_some();
        next
    }

    async fn prepare(self: &Arc<Self>, request: &Request) -> Result<Waiting, ConnectError> {
        let key = request.key;
        let ring = self.ring_of(key.peer.domain).await?;
        let max_message =
            self.inner.max_message(address(key.peer)).await.map_err(ConnectError::Send)?;
        match request.wire {
            Offer::Plain => Ok(Waiting::Plain { ring, max_message }),
            Offer::Extended => self.accept_extended(request, ring, max_message).await,
        }
    }

    /// The ring for this domain alone.
    async fn ring_of(self: &Arc<Self>, domain: DomainId) -> Result<Arc<SharedRing>, ConnectError> {
        if self.options.partner != Partner::Any {
            return Ok(self.first.clone());
        }
        if let Some(ring) = self.peers.lock().get(&domain).and_then(|peer| peer.ring.clone()) {
            return Ok(ring);
        }
        let partner = Partner::Domain(domain);
        let register = |len| Registration::new(&self.inner, self.options.port, partner, len);
        let home = receiving_ring(&self.options.stream, register).await?;
        let listener = Arc::downgrade(self);
        let ring = SharedRing::new(&self.inner, home, listener, Some(self.first.clone()));
        ring.begin();
        let kept = self.peers.lock().get_mut(&domain).map(|peer| peer.ring = Some(ring.clone()));
        if kept.is_none() {
            // The listener was closed meanwhile, and did not find it.
            ring.retire();
        }
        Ok(ring)
    }

    /// Answers at once: whoever connects need not wait until it is accepted.
    async fn accept_extended(
        self: &Arc<Self>,
        request: &Request,
        shared: Arc<SharedRing>,
        max_message: u32,
    ) -> Result<Waiting, ConnectError> {
        let Key { peer, conid } = request.key;
        let epoch = self.inner.draw();
        let connection = Connection::accepted(peer, conid, request.kind, Mode::Extended { epoch });
        let (port, ring_len);
        let conn = match self.ring_for_one(peer.domain).await {
            Ok(home) => {
                (port, ring_len) = (home.port(), home.len());
                Conn::with_ring(&self.inner, connection, self.origin(request.key), home)
            }
            // Without a ring of its own it shares the peer's.
            Err(_) => {
                (port, ring_len) = (self.options.port, shared.len());
                self.sharing(request.key, connection, shared)
            }
        };
        let conn = conn.map_err(|error| ConnectError::Bind(error.into()))?;
        let max = ring_len.max_payload();
        let acceptance =
            Acceptance { version: wire::VERSION, port: port.0, max_message: max, pad: 0, epoch };
        self.grant(request.key, &conn);
        let answered = self.answer(&conn, max_message, &wire::acceptance(conid, acceptance));
        answered.inspect_err(|_| self.ungrant(request.key, &conn))?;
        Ok(Waiting::Ready(conn))
    }

    /// A ring for one connection of this domain, within what the domain may have of our RAM.
    async fn ring_for_one(&self, domain: DomainId) -> Result<Registration, BindError> {
        let held: usize = {
            let granted = self.granted.lock();
            let its = granted.range(Key::all_of(domain));
            its.map(|(_, grant)| grant.ring_bytes).sum()
        };
        let left = self.options.peer_memory(&self.inner).saturating_sub(held);
        let partner = Partner::Domain(domain);
        let register = |len: RingLen| async move {
            let wanted = len.bytes() as usize;
            if wanted > left {
                return Err(OutOfMemory { wanted, free: left, largest: left, total: left }.into());
            }
            Registration::any_port(&self.inner, partner, len).await
        };
        receiving_ring(&self.options.stream, register).await
    }

    /// The connection has a ring of its own, if it has.
    fn grant(&self, key: Key, conn: &Arc<Conn>) {
        if let Some(ring_bytes) = conn.own_ring_bytes() {
            let grant = Grant { conn: Arc::downgrade(conn), ring_bytes };
            self.granted.lock().insert(key, grant);
        }
    }

    fn ungrant(&self, key: Key, conn: &Conn) {
        let mut granted = self.granted.lock();
        if granted.get(&key).is_some_and(|grant| core::ptr::eq(grant.conn.as_ptr(), conn)) {
            granted.remove(&key);
        }
    }

    fn granted_conn(&self, key: Key) -> Option<Arc<Conn>> {
        self.granted.lock().get(&key).and_then(|grant| grant.conn.upgrade())
    }

    fn is_granted(&self, key: Key) -> bool {
        self.granted_conn(key).is_some()
    }

    fn accept_plain(
        self: &Arc<Self>,
        key: Key,
        ring: Arc<SharedRing>,
        max_message: u32,
    ) -> Result<Arc<Conn>, ConnectError> {
        let connection = Connection::accepted(key.peer, key.conid, self.kind, Mode::Plain);
        let conn = self.sharing(key, connection, ring);
        let conn = conn.map_err(|error| ConnectError::Bind(error.into()))?;
        self.answer(&conn, max_message, &wire::head(wire::Flags::ACK, key.conid))?;
        Ok(conn)
    }

    fn sharing(
        self: &Arc<Self>,
        key: Key,
        connection: Connection,
        ring: Arc<SharedRing>,
    ) -> Result<Arc<Conn>, OutOfMemory> {
        let limit = ring.len().bytes() as usize / MAILBOX_SHARE;
        let mailbox = Mailbox::new(ring.clone(), limit);
        let conn = Conn::in_mailbox(&self.inner, connection, self.origin(key), mailbox)?;
        ring.remember(key, conn.clone());
        Ok(conn)
    }

    fn origin(self: &Arc<Self>, key: Key) -> Origin {
        Origin {
            local: self.local(),
            peer: address(key.peer),
            options: self.options.stream,
            listener: Arc::downgrade(self),
        }
    }

    /// Sends the ACK, before anything else that goes this way.
    fn answer(&self, conn: &Arc<Conn>, max_message: u32, ack: &[u8]) -> Result<(), ConnectError> {
        let written = conn.fit(max_message).and_then(|()| {
            let written = conn.outbox.lock().write_control(&self.inner, ack, self.local().raw());
            written.map_err(|error| ConnectError::Bind(error.into()))
        });
        if written.is_err() {
            conn.abandon();
        }
        pump::start(conn);
        written
    }
}

/// Prepares what a domain has asked for, one request after the other.
async fn usher(port: Arc<ListenPort>, domain: DomainId) {
    while let Some(request) = port.next_request(domain) {
        let key = request.key;
        match port.prepare(&request).await {
            Ok(waiting) => port.queue(key, waiting),
            Err(error) => {
                port.log_refusal(domain, &error);
                port.refuse(key);
                port.backlog.lock().discard(domain);
            }
        }
    }
}
