//! What may happen: each side of each connection as its user saw it.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use argo_guest::Address;
use argo_guest::stream::StreamError;

use super::context::Label;
use super::rng::mix;

/// Bytes at the start of each side's data that say which side it is.
const NAME: u64 = 8;
/// How long a side may go on waiting for a peer whose domain died: the longest idle check, and
/// the time for a question.
const MOURNING: Duration = Duration::from_secs(11);

/// Names a side.
pub type SideId = usize;
/// Names a session of a domain: a domain that died and came back has another one.
pub type SessionId = usize;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Connector,
    Acceptor,
}

#[derive(Clone, Debug)]
struct Side {
    session: SessionId,
    role: Role,
    local: Address,
    peer: Address,
    /// The peer's domain keeps to no protocol.
    hostile: bool,
    written: u64,
    /// It was shut down for writing, or dropped.
    finished: bool,
    dropped: bool,
    received: u64,
    /// The lengths of the messages, where boundaries are kept.
    messages: Option<Messages>,
    name: [u8; NAME as usize],
    /// Since when its reader waits.
    reading: Option<Duration>,
}

/// What was done in a history.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    /// Bytes that were read.
    pub bytes: u64,
    /// Ends that were read.
    pub ends: u64,
    /// Messages of seqpackets that were received.
    pub messages: u64,
    /// Sides of streams on the plain wire.
    pub plain: u64,
    /// Datagrams that were received.
    pub letters: u64,
}

#[derive(Clone, Debug, Default)]
struct Messages {
    written: Vec<usize>,
    received: Vec<usize>,
}

#[derive(Clone, Debug)]
struct Session {
    domain: u16,
    died: Option<Duration>,
}

#[derive(Default)]
struct State {
    sides: Vec<Side>,
    sessions: Vec<Session>,
    /// Listeners that were dropped, once at least.
    unbound: BTreeSet<(u16, u32)>,
    /// Connects that failed or were given up: whose, and where to.
    failed: BTreeSet<(u16, u16, u32)>,
    totals: Totals,
    /// Somebody has got on.
    stirred: bool,
}

#[derive(Default)]
pub struct Oracle(RefCell<State>);

fn byte(side: SideId, at: u64) -> u8 {
    if at < NAME {
        return (side as u64).to_le_bytes()[at as usize];
    }
    (mix(side as u64 ^ (at / 64)) >> (at % 8 * 8)) as u8
}

impl Oracle {
    pub fn session(&self, domain: u16) -> SessionId {
        let mut state = self.0.borrow_mut();
        state.sessions.push(Session { domain, died: None });
        state.sessions.len() - 1
    }

    pub fn died(&self, session: SessionId, now: Duration) {
        self.0.borrow_mut().sessions[session].died = Some(now);
    }

    pub fn unbound(&self, address: Address) {
        self.0.borrow_mut().unbound.insert((address.domain.raw(), address.port.0));
    }

    pub fn connect_failed(&self, session: SessionId, to: Address) {
        let mut state = self.0.borrow_mut();
        let domain = state.sessions[session].domain;
        state.failed.insert((domain, to.domain.raw(), to.port.0));
    }

    pub fn side(
        &self,
        session: SessionId,
        role: Role,
        local: Address,
        peer: Address,
        hostile: bool,
    ) -> SideId {
        let mut state = self.0.borrow_mut();
        let side = Side {
            session,
            role,
            local,
            peer,
            hostile,
            written: 0,
            finished: false,
            dropped: false,
            received: 0,
            messages: None,
            name: [0; NAME as usize],
            reading: None,
        };
        state.sides.push(side);
        state.sides.len() - 1
    }

    /// Its connection keeps message boundaries.
    pub fn keeps_messages(&self, me: SideId) {
        self.0.borrow_mut().sides[me].messages = Some(Messages::default());
    }

    /// Both its ends believe that the other has the plain wire only.
    pub fn is_plain(&self) {
        self.0.borrow_mut().totals.plain += 1;
    }

    /// Whether it is the side that asked for the connection.
    pub fn connected(&self, me: SideId) -> bool {
        self.0.borrow().sides[me].role == Role::Connector
    }

    pub fn is_hostile(&self, side: SideId) -> bool {
        self.0.borrow().sides[side].hostile
    }

    /// The next bytes that a side writes.
    pub fn to_write(&self, me: SideId, len: usize) -> Vec<u8> {
        let written = self.0.borrow().sides[me].written;
        (written..).take(len).map(|at| byte(me, at)).collect()
    }

    pub fn wrote(&self, me: SideId, len: usize) {
        self.stir();
        let side = &mut self.0.borrow_mut().sides[me];
        side.written += len as u64;
        side.messages.iter_mut().for_each(|messages| messages.written.push(len));
    }

    pub fn finished(&self, me: SideId) {
        self.stir();
        self.0.borrow_mut().sides[me].finished = true;
    }

    pub fn dropped(&self, me: SideId) {
        let mut state = self.0.borrow_mut();
        let side = &mut state.sides[me];
        (side.finished, side.dropped, side.reading) = (true, true, None);
    }

    pub fn reading(&self, me: SideId, since: Duration) {
        self.0.borrow_mut().sides[me].reading = Some(since);
    }

    /// What a read returned: some bytes, or a whole message.
    pub fn read(&self, me: SideId, bytes: &[u8]) {
        self.stir();
        let mut state = self.0.borrow_mut();
        state.sides[me].reading = None;
        if state.sides[me].hostile {
            return;
        }
        for &byte in bytes {
            state.received(me, byte);
        }
        let messages = &mut state.sides[me].messages;
        messages.iter_mut().for_each(|messages| messages.received.push(bytes.len()));
        state.totals.messages += u64::from(state.sides[me].messages.is_some());
        state.check_messages(me);
    }

    /// A read returned the end.
    pub fn ended(&self, me: SideId) {
        self.stir();
        let mut state = self.0.borrow_mut();
        state.sides[me].reading = None;
        if !state.sides[me].hostile {
            state.totals.ends += 1;
            state.check_end(me);
        }
    }

    pub fn read_failed(&self, me: SideId, error: &io::Error) {
        self.stir();
        let mut state = self.0.borrow_mut();
        state.sides[me].reading = None;
        state.check_error(me, error, &[Excuse::PeerDied]);
    }

    pub fn write_failed(&self, me: SideId, error: &io::Error) {
        self.0.borrow().check_error(me, error, &[Excuse::PeerDied, Excuse::PeerDropped]);
    }

    /// Nobody waits for the dead longer than necessary.
    pub fn check_mourning(&self, now: Duration) {
        let state = self.0.borrow();
        for (id, side) in state.sides.iter().enumerate() {
            let peer = state.peer(id).map(|peer| &state.sessions[state.sides[peer].session]);
            let died = peer.and_then(|session| session.died);
            if let (Some(since), Some(died)) = (side.reading, died) {
                let waited = now.saturating_sub(since.max(died));
                assert!(waited < MOURNING, "side {id} reads {waited:?} after death: {side:?}");
            }
        }
    }

    /// What was done: that a run was no idle one.
    pub fn totals(&self) -> Totals {
        self.0.borrow().totals
    }
}

/// Why the peer of an honest side may fail it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Excuse {
    PeerDied,
    PeerDropped,
}

impl State {
    /// The other side of this side's connection, once its user has it.
    fn peer(&self, me: SideId) -> Option<SideId> {
        let mine = &self.sides[me];
        let fits = |other: &Side| {
            other.role != mine.role && other.local == mine.peer && other.peer == mine.local
        };
        self.sides.iter().position(fits)
    }

    fn received(&mut self, me: SideId, byte_read: u8) {
        let at = self.sides[me].received;
        self.sides[me].received += 1;
        self.totals.bytes += 1;
        if at < NAME {
            self.sides[me].name[at as usize] = byte_read;
            if at + 1 < NAME {
                return;
            }
            let (named, peer) = (u64::from_le_bytes(self.sides[me].name) as usize, self.peer(me));
            // A connector's user may write before the acceptor's has it, never the reverse.
            return assert_eq!(Some(named), peer, "side {me} reads another's data");
        }
        let peer = u64::from_le_bytes(self.sides[me].name) as usize;
        assert!(at < self.sides[peer].written, "side {me} reads more than side {peer} wrote");
        assert_eq!(byte_read, byte(peer, at), "side {me} reads from {peer} a wrong byte at {at}");
    }

    /// Messages arrive with the lengths that they were written with.
    fn check_messages(&self, me: SideId) {
        let Some(peer) = self.peer(me) else { return };
        let (mine, its) = (&self.sides[me].messages, &self.sides[peer].messages);
        let (Some(mine), Some(its)) = (mine, its) else { return };
        assert!(its.written.starts_with(&mine.received), "side {me} {mine:?}, its peer {its:?}");
    }

    fn check_end(&self, me: SideId) {
        let mine = &self.sides[me];
        match self.peer(me) {
            Some(peer) => {
                let its = &self.sides[peer];
                assert!(its.finished, "side {me} reads an end that {peer} did not write");
                assert_eq!(
                    mine.received, its.written,
                    "side {me} {mine:?} reads the end too early: {its:?}"
                );
                let count = |messages: &Option<Messages>, of: fn(&Messages) -> &Vec<usize>| {
                    messages.as_ref().map(|messages| of(messages).len())
                };
                let received = count(&mine.messages, |messages| &messages.received);
                assert_eq!(received, count(&its.messages, |messages| &messages.written));
            }
            None => {
                assert_eq!(mine.received, 0);
                assert!(self.never_met(mine), "side {me} reads an end of nobody: {mine:?}");
            }
        }
    }

    fn check_error(&self, me: SideId, error: &io::Error, excuses: &[Excuse]) {
        let mine = &self.sides[me];
        let inside = error.get_ref().and_then(|inner| inner.downcast_ref::<StreamError>());
        let Some(inside) = inside else { panic!("side {me}: {error:?} is no StreamError") };
        if matches!(inside, StreamError::Gone(_)) {
            assert!(self.sessions[mine.session].died.is_some(), "side {me}: session is not gone");
            return;
        }
        if self.sessions[mine.session].died.is_some() || mine.hostile {
            return;
        }
        let broken = matches!(
            inside,
            StreamError::Reset { .. } | StreamError::PeerGone { .. } | StreamError::Closed { .. }
        );
        assert!(broken, "side {me}: {inside:?} {mine:?}");
        let excused = match self.peer(me) {
            Some(peer) => {
                let its = &self.sides[peer];
                let died = self.sessions[its.session].died.is_some();
                died || excuses.contains(&Excuse::PeerDropped) && its.dropped
            }
            None => self.never_met(mine),
        };
        let peer = self.peer(me).map(|peer| &self.sides[peer]);
        assert!(excused, "side {me} {mine:?}: {inside:?}, peer {peer:?}");
    }

    /// Whether this side's peer may never have had the connection: it gave up, its listener went
    /// with it, or its domain did.
    fn never_met(&self, side: &Side) -> bool {
        let (local, peer) = (side.local, side.peer);
        let died =
            |session: &Session| session.domain == peer.domain.raw() && session.died.is_some();
        let gave_up = match side.role {
            Role::Connector => self.unbound.contains(&(peer.domain.raw(), peer.port.0)),
            Role::Acceptor => {
                let attempt = (peer.domain.raw(), local.domain.raw(), local.port.0);
                self.failed.contains(&attempt)
            }
        };
        gave_up || self.sessions.iter().any(died)
    }
}

impl Oracle {
    pub fn stir(&self) {
        self.0.borrow_mut().stirred = true;
    }

    /// Whether somebody has got on since this was asked last.
    pub fn was_stirred(&self) -> bool {
        std::mem::take(&mut self.0.borrow_mut().stirred)
    }

    /// What is known of both ends of a talk.
    pub fn describe(&self, label: Label) -> String {
        let Label::Talk(me) = label else { return String::new() };
        let state = self.0.borrow();
        let peer = state.peer(me);
        let its = peer.map(|peer| &state.sides[peer]);
        let died = its.map(|its| state.sessions[its.session].died);
        format!("{:?}, peer {peer:?}, died {died:?}: {its:?}", state.sides[me])
    }

    pub fn is_dead(&self, session: SessionId) -> bool {
        self.0.borrow().sessions[session].died.is_some()
    }
}
