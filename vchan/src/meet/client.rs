//! The client's start.

use alloc::string::String;
use alloc::vec::Vec;
use core::sync::atomic::Ordering;
use core::time::Duration;

use argo_core::DomainId;

use super::{Address, Meeting, keys};
use crate::channel::{
    Channel, ChannelPages, Deadline, Lasting, Link, Page, ReadRing, Rings, Terms,
};
use crate::geometry::{Geometry, GeometryError, Place};
use crate::layout::{Flag, Ring, Word};
use crate::memory::SharedPage;
use crate::platform::{
    Cause, EventChannel, Fault, GrantRef, Platform, Store, Transaction, UnmapNotify, Wake, Watch,
};
use crate::role::{Presence, Role};
use crate::session::{read_geometry, start_client};

/// A client to be, of this server.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    server: DomainId,
}

impl Client {
    /// A client of this domain.
    pub fn new(server: DomainId) -> Client {
        Client { server }
    }

    /// Connects to a server that is there.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub fn connect<P: Platform + Store>(
        &self,
        platform: &P,
        at: impl Into<Address>,
    ) -> Result<Channel<P>, ConnectError> {
        let path = self.path(platform, at.into())?;
        self.try_connect(platform, &path)
    }

    /// Connects as soon as the server is there, if that is in time. A `timeout` of `None` waits
    /// without limit. A server that has another client is not waited for.
    ///
    /// # Errors
    /// See [`ConnectError`]; when the time is over, what was missing last.
    pub fn connect_within<P: Platform + Store>(
        &self,
        platform: &P,
        at: impl Into<Address>,
        timeout: Option<Duration>,
    ) -> Result<Channel<P>, ConnectError> {
        let path = self.path(platform, at.into())?;
        let watch = platform.watch(&path).map_err(ConnectError::Store)?;
        let mut deadline = Deadline::after(timeout);
        loop {
            let missing = match self.try_connect(platform, &path) {
                Err(error) if error.may_pass() => error,
                done => return done,
            };
            let left = deadline.left(platform);
            if left == Some(Duration::ZERO)
                || watch.wait(left).map_err(ConnectError::Store)? == Wake::TimedOut
            {
                return Err(missing);
            }
        }
    }

    /// Connects to a server whose meeting is known from elsewhere than a store.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub fn join<P: Platform>(
        &self,
        platform: &P,
        meeting: Meeting,
    ) -> Result<Channel<P>, ConnectError> {
        let bound = platform.bind_interdomain(self.server, meeting.port);
        let channel = bound.map_err(ConnectError::bind)?;
        let notify = UnmapNotify { byte: Flag::CliLive.offset(), port: channel.port() };
        let page = platform.map(self.server, &[meeting.page], Some(notify));
        let page = page.map(Page).map_err(ConnectError::map)?;
        let geometry = read_geometry(&page)?;
        if Presence::of_peer(&page, Role::Client) == Presence::Gone {
            return Err(ConnectError::ServerGone);
        }
        let pages = self.rings(platform, page, geometry)?;
        let signal = start_client(&pages);
        let lasting = Lasting::OneClient;
        let terms = Terms { role: Role::Client, peer: self.server, geometry, lasting };
        let link = Link::new(platform.clone(), pages, channel, terms);
        link.deliver(signal);
        Ok(Channel::new(link))
    }

    fn try_connect<P: Platform + Store>(
        &self,
        platform: &P,
        path: &str,
    ) -> Result<Channel<P>, ConnectError> {
        let keys = match keys::read(platform, Transaction::NONE, path) {
            // So a store answers about what is not there, too, below what may not be read.
            Err(fault) if fault.cause == Cause::Refused => None,
            keys => keys.map_err(ConnectError::Store)?,
        };
        self.join(platform, keys.ok_or_else(|| ConnectError::NoServer { path: path.into() })?)
    }

    fn path<P: Store>(&self, platform: &P, at: Address) -> Result<String, ConnectError> {
        let client = platform.domain().map_err(ConnectError::Store)?;
        Ok(at.path(self.server, client))
    }

    fn rings<P: Platform>(
        &self,
        platform: &P,
        page: Page<P::Pages>,
        geometry: Geometry,
    ) -> Result<ChannelPages<P>, ConnectError> {
        let write = granted(&page, geometry, Role::Client.write_ring());
        let write = write.map(|list| platform.map(self.server, &list, None));
        let read = granted(&page, geometry, Role::Client.read_ring());
        let read = read.map(|list| platform.map_to_read(self.server, &list));
        let write = write.transpose().map_err(ConnectError::map)?;
        let read = read.transpose().map_err(ConnectError::map)?;
        let rings = Rings { write, read: read.map(ReadRing::Mapped) };
        ChannelPages::new(page, rings, Role::Client, geometry).map_err(ConnectError::map)
    }
}

/// The references of a ring's own pages, each read once.
fn granted<M: SharedPage>(page: &M, geometry: Geometry, ring: Ring) -> Option<Vec<GrantRef>> {
    let Place::Granted { first, pages } = geometry.place(ring) else { return None };
    let words = (first..first + pages).map_while(Word::grant);
    Some(words.map(|word| GrantRef(page.load(word, Ordering::Relaxed))).collect())
}

/// Why there is no channel.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// Nobody has left keys there that this domain may read.
    #[error("no server at {path} that this domain may know of")]
    NoServer {
        /// The path.
        path: String,
    },
    /// A server was there, but is no more: its keys are left, or it is just closing.
    #[error("the server has gone")]
    ServerGone,
    /// The server has another client.
    #[error("the server has another client: {0}")]
    Busy(#[source] Fault),
    /// The server put an illegal pair of orders into the shared page.
    #[error("the server's shared page: {0}")]
    Geometry(#[from] GeometryError),
    /// The server's port was not bound.
    #[error("binding the event channel: {0}")]
    EventChannel(#[source] Fault),
    /// The server's pages were not mapped.
    #[error("mapping the server's pages: {0}")]
    Map(#[source] Fault),
    /// The keys were not read.
    #[error("reading the keys: {0}")]
    Store(#[source] Fault),
}

impl ConnectError {
    /// Whether the server may come later.
    fn may_pass(&self) -> bool {
        matches!(self, ConnectError::NoServer { .. } | ConnectError::ServerGone)
    }

    fn bind(fault: Fault) -> ConnectError {
        match fault.cause {
            Cause::Busy => ConnectError::Busy(fault),
            Cause::NotThere => ConnectError::ServerGone,
            _ => ConnectError::EventChannel(fault),
        }
    }

    fn map(fault: Fault) -> ConnectError {
        match fault.cause {
            Cause::NotThere => ConnectError::ServerGone,
            _ => ConnectError::Map(fault),
        }
    }
}
