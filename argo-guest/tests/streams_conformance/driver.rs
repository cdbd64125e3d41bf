//! Our library in the driver's place: the sockets of the driver's user, made with the public API.
//!
//! What a call gives is a short text, so that it can be compared with the record and listed where
//! it differs.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use argo_core::{DomainId, Partner, Port};
use argo_guest::Datagram;
use argo_guest::stream::{ListenOptions, Stream, StreamListener};
use argo_hypervisor::inprocess::{AllowAll, InProcess};

use super::datagrams;
use super::raw::PATIENCE;
use super::session::Session;
use super::stream_calls::{at, kind, options, readiness, transfer};
use super::trace::{Call, Fields, number};
use super::waiting::Blocked;

/// Neither readable nor writable.
pub const NOT_READY: &str = "none";
/// What the library answers where it has no object on which the call could be made.
pub const RULED_OUT: &str = "no such state";
/// What a connect says that is not through yet.
pub const IN_PROGRESS: &str = "InProgress";
/// What a call says that a signal interrupted in the record: it goes on.
pub const STILL_WAITING: &str = "still waiting";

/// The name of a connection that ours accepts where the driver has none to accept.
pub const UNEXPECTED: &str = "unexpected";

/// The driver's domain in the record.
pub const DRIVER: u16 = 0;

pub struct Driver {
    pub session: Session,
    sockets: BTreeMap<String, VecDeque<Socket>>,
    pub settings: BTreeMap<String, Settings>,
    pub waiting: BTreeMap<String, Waiting>,
}

/// A call that blocks.
pub type Waiting = Blocked<Finished>;

/// Whether a call of our library is to end where the record's did.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Returns {
    Now,
    Later,
}

/// What became of a call, and the socket that it made.
pub struct Finished {
    pub text: String,
    pub made: Option<Socket>,
}

#[derive(Clone)]
pub enum Socket {
    Stream(Arc<Stream>),
    Listener(Arc<StreamListener>),
    Datagram(Arc<Datagram>),
}

/// What the user has said of a socket before it is made.
#[derive(Clone, Copy, Default)]
pub struct Settings {
    pub nonblocking: bool,
    pub ring_len: Option<u32>,
    pub bound: Option<(Port, Partner)>,
    /// A connect that was not waited for has failed: the driver's socket is of no use any more.
    pub failed: bool,
}

impl From<String> for Finished {
    fn from(text: String) -> Self {
        Self { text, made: None }
    }
}

impl Driver {
    pub fn new(system: &InProcess<AllowAll>) -> Self {
        let (sockets, settings, waiting) = Default::default();
        Self { session: Session::new(system, DRIVER), sockets, settings, waiting }
    }

    /// Everything that has happened is dealt with, by blocked calls too.
    pub fn settle(&mut self) {
        self.session.watched.settle();
        while self.waiting.values_mut().any(Blocked::stir) {
            self.session.watched.settle();
        }
    }

    /// Makes a call of the record, and says what it gave. With `Returns::Later` the call does not
    /// end although the record's did.
    pub fn call(&mut self, call: &Call, returns: Returns) -> String {
        let fields = &call.fields;
        if returns == Returns::Later {
            return match call.op.ends_with("_returns") {
                true => self.look(&fields.sock),
                false => self.begin(&call.op, fields),
            };
        }
        if let Some(op) = call.op.strip_suffix("_begins") {
            return self.begin(op, fields);
        }
        if call.op.ends_with("_still_blocked") {
            return self.look(&fields.sock);
        }
        if call.op.ends_with("_returns") {
            return self.end(fields);
        }
        match call.op.as_str() {
            "set_nonblock" => self.set(fields, |set| set.nonblocking = fields.is_on()),
            "set_ring_size" if self.has(&fields.sock) => RULED_OUT.into(),
            "set_ring_size" => self.set(fields, |set| set.ring_len = Some(fields.size)),
            "bind" => self.bind(fields),
            "listen" => self.listen(fields),
            "close" => self.close(&fields.sock),
            "connect" | "connect(NULL)" => self.connect(fields),
            "poll" => self.poll(&fields.sock),
            "getsockname" => self.local_port(&fields.sock),
            "accept" => self.accept(fields),
            op => self.transfer(op, fields),
        }
    }

    /// Whether the socket is a listener: it has no readiness other than a connection to accept.
    pub fn listens(&self, sock: &str) -> bool {
        matches!(self.socket(sock), Some(Socket::Listener(_)))
    }

    /// Gives sockets another name, which others may have, too.
    pub fn rename(&mut self, from: &str, to: &str) {
        for socket in self.sockets.remove(from).unwrap_or_default() {
            self.insert(to, socket);
        }
    }

    /// Whether the library has the socket, in some state.
    pub fn has(&self, sock: &str) -> bool {
        self.socket(sock).is_some() || self.waiting.contains_key(sock)
    }

    pub fn socket(&self, sock: &str) -> Option<Socket> {
        self.sockets.get(sock)?.front().cloned()
    }

    pub fn settings(&self, sock: &str) -> Settings {
        self.settings.get(sock).copied().unwrap_or_default()
    }

    fn set(&mut self, fields: &Fields, set: impl FnOnce(&mut Settings)) -> String {
        set(self.settings.entry(fields.sock.clone()).or_default());
        "0".into()
    }

    pub fn insert(&mut self, sock: &str, socket: Socket) {
        self.sockets.entry(sock.into()).or_default().push_back(socket);
    }

    fn bind(&mut self, fields: &Fields) -> String {
        let elsewhere = fields.domain.as_deref() != Some("0x7ff4");
        if elsewhere || self.settings(&fields.sock).bound.is_some() || self.has(&fields.sock) {
            return RULED_OUT.into();
        }
        let port = Port(number(fields.port.as_deref().unwrap()));
        let partner = match number(fields.partner.as_deref().unwrap()) {
            0x7FF4 => Partner::Any,
            raw => Partner::Domain(DomainId::new(raw as u16).unwrap()),
        };
        let said = self.set(fields, |set| set.bound = Some((port, partner)));
        if !datagrams::is_datagram(&fields.sock) {
            return said;
        }
        match datagrams::bind(&self.session.domain, self.settings(&fields.sock)) {
            Ok(socket) => {
                self.insert(&fields.sock, Socket::Datagram(socket));
                said
            }
            Err(error) => {
                self.settings.remove(&fields.sock);
                kind(error)
            }
        }
    }

    fn listen(&mut self, fields: &Fields) -> String {
        let settings = self.settings(&fields.sock);
        let Some((port, partner)) = settings.bound else { return RULED_OUT.into() };
        if self.has(&fields.sock) {
            return RULED_OUT.into();
        }
        let mut how = ListenOptions::port(port).stream(options(settings));
        if let Partner::Domain(partner) = partner {
            how = how.partner(partner);
        }
        match StreamListener::bind_blocking(&self.session.domain, how) {
            Ok(listener) => {
                self.insert(&fields.sock, Socket::Listener(Arc::new(listener)));
                "0".into()
            }
            Err(error) => kind(error),
        }
    }

    pub fn close(&mut self, sock: &str) -> String {
        self.waiting.remove(sock);
        if let Some(same_name) = self.sockets.get_mut(sock) {
            same_name.pop_front();
        }
        if self.socket(sock).is_none() {
            self.settings.remove(sock);
        }
        "0".into()
    }

    fn accept(&mut self, fields: &Fields) -> String {
        let Some(Socket::Listener(listener)) = self.socket(&fields.sock) else {
            return RULED_OUT.into();
        };
        let accepted = match self.settings(&fields.sock).nonblocking {
            true => listener.try_accept(),
            false => listener.accept_blocking(Some(PATIENCE)),
        };
        match accepted {
            Ok((stream, peer)) => {
                let name = fields.new.as_deref().unwrap_or(UNEXPECTED);
                self.insert(name, Socket::Stream(Arc::new(stream)));
                at(peer)
            }
            Err(error) => kind(error),
        }
    }

    fn poll(&mut self, sock: &str) -> String {
        if self.waiting.contains_key(sock) && self.socket(sock).is_none() {
            // Connecting; afterwards the socket is there, or never will be.
            let said = self.look(sock);
            if said == STILL_WAITING {
                return NOT_READY.into();
            }
        }
        match self.socket(sock) {
            Some(Socket::Stream(stream)) => readiness(&stream),
            Some(Socket::Datagram(socket)) => datagrams::readiness(&socket),
            Some(Socket::Listener(_)) | None => RULED_OUT.into(),
        }
    }

    fn local_port(&self, sock: &str) -> String {
        let local = match self.socket(sock) {
            Some(Socket::Stream(stream)) => stream.local_addr(),
            Some(Socket::Listener(listener)) => listener.local_addr(),
            Some(Socket::Datagram(socket)) => socket.local_addr(),
            None => return RULED_OUT.into(),
        };
        format!("{:#x}", local.port.0)
    }

    fn transfer(&mut self, op: &str, fields: &Fields) -> String {
        let nonblocking = self.settings(&fields.sock).nonblocking || fields.flags() & 0x40 != 0;
        match self.socket(&fields.sock) {
            Some(Socket::Stream(stream)) => transfer(&stream, op, fields, nonblocking),
            Some(Socket::Datagram(socket)) => datagrams::call(&socket, op, fields, nonblocking),
            Some(Socket::Listener(_)) | None => RULED_OUT.into(),
        }
    }
}
