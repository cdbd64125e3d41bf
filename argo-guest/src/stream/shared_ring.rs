//! A ring on a listener's port: requests, and the data of connections that have no ring of their
//! own.

use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use argo_core::abi::SLOT;
use argo_core::claim::RingLen;
use argo_core::ring::{Consumer, Corrupt, Message};
use argo_mem::View;
use argo_stream::{Key, Knock, Verdict};

use super::arriving::{Arriving, endpoint};
use super::conn::Conn;
use super::inbox::Full;
use super::port::ListenPort;
use super::replies::Reply;
use crate::address::Address;
use crate::datagram::BindError;
use crate::domain::{Attend, Cut, IfCut, Inner, Rest};
use crate::lock::{Mutex, OnceLock};
use crate::registration::Registration;

/// Messages dealt with in one go before others have their turn.
const BUDGET: usize = 64;

pub(super) struct SharedRing {
    inner: Arc<Inner>,
    /// `None` once it was taken down.
    home: Mutex<Option<Arc<Registration>>>,
    len: RingLen,
    /// How far the ring that heard its partner before had come when this one was registered.
    since: u64,
    address: Address,
    this: Weak<Self>,
    listener: Weak<ListenPort>,
    reader: Mutex<Reader>,
    connections: Mutex<BTreeMap<Key, Arc<Conn>>>,
    /// Bytes in the mailboxes of its connections.
    held: AtomicUsize,
    /// The first message waits for its connection's reader.
    stalled: AtomicBool,
    retired: AtomicBool,
    /// A peer went that may have left something here.
    departed: AtomicBool,
    /// The hypervisor took it away for good.
    gone: OnceLock<BindError>,
}

struct Reader {
    consumer: Consumer,
    /// Bytes of all messages taken out.
    passed: u64,
    /// What must be taken out of another ring first, since it was sent before.
    after: Option<(Arc<SharedRing>, u64)>,
    corrupt: Option<Corrupt>,
}

impl SharedRing {
    /// The ring that was just registered. If `before` heard its partner until now, what that
    /// holds goes first.
    pub(super) fn new(
        inner: &Arc<Inner>,
        home: Registration,
        listener: Weak<ListenPort>,
        before: Option<Arc<SharedRing>>,
    ) -> Arc<Self> {
        let len = home.len();
        let address = Address::new(inner.platform.domain(), home.port());
        let since = before.as_ref().map_or(0, |before| before.mark());
        let after = before.map(|before| (before, since));
        let reader = Reader { consumer: Consumer::new(len), passed: 0, after, corrupt: None };
        Arc::new_cyclic(|this| Self {
            inner: inner.clone(),
            home: Mutex::new(Some(Arc::new(home))),
            len,
            since,
            address,
            this: this.clone(),
            listener,
            reader: Mutex::new(reader),
            connections: Mutex::default(),
            held: AtomicUsize::new(0),
            stalled: AtomicBool::new(false),
            retired: AtomicBool::new(false),
            departed: AtomicBool::new(false),
            gone: OnceLock::new(),
        })
    }

    /// Looks after it from now on, and after what has come already.
    pub(super) fn begin(&self) {
        let Some(this) = self.this.upgrade() else { return };
        if let Some(home) = self.home() {
            self.inner.add_ring(this.clone(), &home);
        }
        self.inner.attend_later(this);
    }

    /// Whether what the other ring deals with there should have come here: then the hypervisor has
    /// dropped this one, as it does when the partner is destroyed, and the partner is another.
    pub(super) fn is_bypassed(&self, passed: u64) -> bool {
        passed >= self.since
    }

    /// Its partner is no more: nor are the connections that it served.
    pub(super) fn abandon(&self) {
        let connections = core::mem::take(&mut *self.connections.lock());
        self.retired.store(true, Ordering::SeqCst);
        self.take_down();
        connections.values().for_each(|conn| conn.peer_gone());
    }

    pub(super) fn len(&self) -> RingLen {
        self.len
    }

    pub(super) fn home(&self) -> Option<Arc<Registration>> {
        self.home.lock().clone()
    }

    pub(super) fn corrupt(&self) -> Option<Corrupt> {
        self.reader.lock().corrupt
    }

    /// Why nothing more will come, if the hypervisor took it away for good.
    pub(super) fn gone(&self) -> Option<BindError> {
        self.gone.get().copied()
    }

    /// What comes for this key is the connection's.
    pub(super) fn remember(&self, key: Key, conn: Arc<Conn>) {
        self.connections.lock().insert(key, conn.clone());
        // Asked afterwards: who takes the ring away after that finds the connection.
        if self.gone().is_some() {
            conn.is_cut();
        }
    }

    /// The connection is no more.
    pub(super) fn forget(&self, conn: &Conn) {
        let mut connections = self.connections.lock();
        connections.retain(|_, other| !core::ptr::eq(&**other, conn));
        let last = connections.is_empty();
        drop(connections);
        if last && self.retired.load(Ordering::SeqCst) {
            self.take_down();
        }
        self.go_on();
    }

    /// The listener is gone: the ring goes with the last of its connections.
    pub(super) fn retire(&self) {
        self.retired.store(true, Ordering::SeqCst);
        if self.connections.lock().is_empty() {
            self.take_down();
        }
    }

    fn take_down(&self) {
        self.inner.remove_ring(self);
        *self.home.lock() = None;
    }

    /// Counts what a mailbox takes.
    pub(super) fn hold(&self, bytes: usize) -> Result<(), Full> {
        let held = self.held.load(Ordering::Relaxed);
        if held > 0 && held + bytes > self.len.bytes() as usize {
            return Err(Full);
        }
        self.held.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }

    /// A mailbox has given so much back.
    pub(super) fn let_go(&self, bytes: usize) {
        if bytes > 0 {
            self.held.fetch_sub(bytes, Ordering::Relaxed);
            self.go_on();
        }
    }

    /// Goes on if the first message had to wait.
    pub(super) fn go_on(&self) {
        if self.stalled.swap(false, Ordering::SeqCst)
            && let Some(this) = self.this.upgrade()
        {
            self.inner.attend_later(this);
        }
    }

    /// Whether it hears everybody that the listener hears: the first ring on the port.
    fn is_first(&self) -> bool {
        self.listener.upgrade().is_some_and(|port| port.is_first(self))
    }

    /// How far its reader will have come when everything is taken out that is in it now.
    pub(super) fn mark(&self) -> u64 {
        let reader = self.reader.lock();
        let filled = self.home().and_then(|home| reader.consumer.filled(&home.memory()).ok());
        reader.passed + u64::from(filled.unwrap_or(0))
    }

    /// Whether everything before this mark is dealt with. If not, peers that went are told of their
    /// end when the ring has got on.
    pub(super) fn has_passed(&self, mark: u64) -> bool {
        // Before the look: who gets on after it finds the flag.
        self.departed.store(true, Ordering::SeqCst);
        self.passed() >= mark || self.home().is_none()
    }

    /// The ring has got on: peers that went before may have reached their end.
    fn see_off(&self) {
        if !self.departed.swap(false, Ordering::SeqCst) {
            return;
        }
        let connections: Vec<_> = self.connections.lock().values().cloned().collect();
        let departed = |conn: &&Arc<Conn>| conn.link.lock().lost_at.is_some();
        connections.iter().filter(departed).for_each(|conn| conn.peer_gone());
    }

    fn passed(&self) -> u64 {
        self.reader.lock().passed
    }

    /// Deals with one message, `passed` bytes into all that came. [`Full`]: it has to wait.
    fn sort(&self, message: &Message, memory: &View<'_>, passed: u64) -> Result<(), Full> {
        let Some(arriving) = Arriving::read(message, memory) else { return Ok(()) };
        let knock = Knock::of(&arriving.arrival());
        let conid = arriving.conid();
        let key = conid.map(|conid| Key { peer: endpoint(arriving.source()), conid });
        let conn = key.and_then(|key| self.connections.lock().get(&key).cloned());
        if let Some(conn) = conn {
            return conn.deliver(message, &arriving, memory);
        }
        match (knock, self.listener.upgrade()) {
            (Knock::Request(request), Some(port)) => port.request(request, self, passed),
            (Knock::Request(request), None) => self.reset(&arriving, request.key.conid),
            (Knock::Withdrawal(key), Some(port)) => port.withdraw(key, &arriving),
            (Knock::Other(Verdict::Stray { conid }), _) => self.reset(&arriving, conid),
            (Knock::Withdrawal(_), None) | (Knock::Other(_), _) => {}
        }
        Ok(())
    }

    fn reset(&self, arriving: &Arriving, conid: u32) {
        self.inner.reply(Reply { from: self.address, to: arriving.source(), conid });
    }

    /// Takes messages out until none is left, one has to wait, or the budget is used up.
    fn drain(&self, home: &Registration) -> Rest {
        let memory = home.memory();
        let mut reader = self.reader.lock();
        for _ in 0..BUDGET {
            let message = match reader.consumer.peek(&memory) {
                Ok(Some(message)) => message,
                Ok(None) => return Rest::Nothing,
                Err(corrupt) => {
                    reader.corrupt = Some(corrupt);
                    drop(reader);
                    self.broken(corrupt);
                    return Rest::Nothing;
                }
            };
            // Before the look: a reader that makes room after it finds the flag.
            self.stalled.store(true, Ordering::SeqCst);
            if self.sort(&message, &memory, reader.passed) == Err(Full) {
                return Rest::Nothing;
            }
            self.stalled.store(false, Ordering::SeqCst);
            reader.passed += u64::from((message.payload_len() + SLOT).next_multiple_of(SLOT));
            // The reader is locked: a dispatch takes the answer.
            let _ = self.inner.made_room(|| reader.consumer.consume(&memory, message));
        }
        Rest::More
    }

    fn broken(&self, corrupt: Corrupt) {
        let connections: Vec<_> = self.connections.lock().values().cloned().collect();
        connections.iter().for_each(|conn| conn.broken(corrupt));
        if let Some(port) = self.listener.upgrade() {
            port.acceptable.notify(usize::MAX);
        }
    }

    /// Whether what was sent before has been dealt with.
    fn is_due(&self) -> bool {
        let after = self.reader.lock().after.clone();
        let Some((before, mark)) = after else { return true };
        if before.passed() < mark && before.home().is_some() {
            let _ = before.attend();
        }
        let broken = before.corrupt().is_some();
        let due = before.passed() >= mark || before.home().is_none() || broken;
        if due {
            self.reader.lock().after = None;
        }
        due
    }
}

impl Attend for SharedRing {
    fn attend(&self) -> Rest {
        if !self.is_due() {
            return Rest::More;
        }
        let rest = self.home().map_or(Rest::Nothing, |home| self.drain(&home));
        self.see_off();
        rest
    }

    fn end(&self) {
        if let Some(port) = self.listener.upgrade() {
            port.acceptable.notify(usize::MAX);
        }
        let connections: Vec<_> = self.connections.lock().values().cloned().collect();
        connections.iter().for_each(|conn| conn.changed());
    }

    fn home(&self) -> Option<Arc<Registration>> {
        self.home().filter(|home| !home.is_gone())
    }

    /// The listener goes on. A ring for one domain is made anew when that one asks again.
    fn if_cut(&self) -> IfCut {
        if self.is_first() { IfCut::Renewed } else { IfCut::Over }
    }

    fn cut(&self, cut: Cut) {
        if let Cut::Gone(cause) = cut {
            self.gone.get_or_init(|| cause);
        }
        // What was sent to them meanwhile is lost.
        let connections: Vec<_> = self.connections.lock().values().cloned().collect();
        connections.iter().for_each(|conn| conn.is_cut());
        match self.listener.upgrade() {
            Some(port) if cut != Cut::Renewed => port.ring_gone(self),
            _ => {}
        }
    }
}
