//! The server's start.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec;
use core::sync::atomic::Ordering;

use argo_core::DomainId;

use super::keys::{self, PublishError};
use super::{Address, Meeting};
use crate::channel::{Channel, ChannelPages, Lasting, Link, Page, ReadRing, Rings, Terms};
use crate::geometry::{Geometry, MinimumTooBig, Place};
use crate::layout::{Flag, Ring, Word};
use crate::memory::SharedPage;
use crate::platform::{Access, EventChannel, Fault, GrantRef, Platform, Port, Store, UnmapNotify};
use crate::role::Role;
use crate::session::start_server;

/// A server to be: for which client, how large, for how long.
///
/// Without more it has the in-page rings of 1 KiB to read and 2 KiB to write, for one client.
#[derive(Clone, Debug)]
pub struct Server {
    client: DomainId,
    geometry: Geometry,
    persistent: bool,
}

impl Server {
    /// A server for this domain and no other.
    pub fn new(client: DomainId) -> Server {
        Server { client, geometry: Geometry::IN_PAGE, persistent: false }
    }

    /// Asks for rings of at least so many bytes to read and to write; the sizes are then chosen as
    /// the C library chooses them.
    ///
    /// # Errors
    /// More than 1 MiB.
    pub fn minimums(self, read: usize, write: usize) -> Result<Server, MinimumTooBig> {
        Ok(self.rings(Geometry::for_minimums(read, write)?))
    }

    /// Asks for these rings. The left one is read, the right one is written.
    pub fn rings(self, geometry: Geometry) -> Server {
        Server { geometry, ..self }
    }

    /// Makes it one that stays when its client goes, so that another can come:
    /// [`Channel::accept`].
    pub fn persistent(self) -> Server {
        Server { persistent: true, ..self }
    }

    /// Shares the memory, makes the port and leaves the keys in the store, readable by the client
    /// only. Does not wait for the client; data can be written at once. The keys are removed when the
    /// channel is dropped, if they are still its own.
    ///
    /// # Errors
    /// See [`ListenError`]; nothing is left behind.
    pub fn listen<P: Platform + Store>(
        &self,
        platform: &P,
        at: impl Into<Address>,
    ) -> Result<Channel<P>, ListenError> {
        let domain = platform.domain().map_err(ListenError::Store)?;
        let path = at.into().path(domain, self.client);
        let (mut link, meeting) = self.start(platform)?;
        match keys::publish(platform, &path, self.client, meeting) {
            Ok(()) => {}
            Err(PublishError::Taken(port)) => return Err(ListenError::Taken { path, port }),
            Err(PublishError::Store(fault)) => return Err(ListenError::Store(fault)),
        }
        let store = platform.clone();
        link.published(Box::new(move || keys::unpublish(&store, &path, meeting)));
        Ok(Channel::new(link))
    }

    /// As [`listen`](Self::listen), without a store: how the client gets to know the meeting is the
    /// caller's affair.
    ///
    /// # Errors
    /// See [`ListenError`]; nothing is left behind.
    pub fn share<P: Platform>(&self, platform: &P) -> Result<(Channel<P>, Meeting), ListenError> {
        let (link, meeting) = self.start(platform)?;
        Ok((Channel::new(link), meeting))
    }

    fn start<P: Platform>(&self, platform: &P) -> Result<(Link<P>, Meeting), ListenError> {
        let channel = platform.alloc_unbound(self.client).map_err(ListenError::EventChannel)?;
        let (pages, page) = self.pages(platform, channel.port()).map_err(ListenError::Grant)?;
        let lasting = if self.persistent { Lasting::Persistent } else { Lasting::OneClient };
        let terms =
            Terms { role: Role::Server, peer: self.client, geometry: self.geometry, lasting };
        let meeting = Meeting { page, port: channel.port() };
        Ok((Link::new(platform.clone(), pages, channel, terms), meeting))
    }

    fn pages<P: Platform>(
        &self,
        platform: &P,
        port: Port,
    ) -> Result<(ChannelPages<P>, GrantRef), Fault> {
        let mut reference = [GrantRef::default()];
        let notify = UnmapNotify { byte: Flag::SrvLive.offset(), port };
        let page =
            platform.share(self.client, Access::Write, &mut reference, Some(notify)).map(Page)?;
        let read = self.share_ring(platform, &page, Ring::Left, Access::Write)?;
        let write = self.share_ring(platform, &page, Ring::Right, Access::Read)?;
        start_server(&page, self.geometry);
        let rings = Rings { write, read: read.map(ReadRing::Own) };
        let pages = ChannelPages::new(page, rings, Role::Server, self.geometry)?;
        Ok((pages, reference[0]))
    }

    /// Shares a ring's own pages, if it has any, and lists them in the shared page.
    fn share_ring<P: Platform>(
        &self,
        platform: &P,
        page: &Page<P::Pages>,
        ring: Ring,
        access: Access,
    ) -> Result<Option<P::Pages>, Fault> {
        let Place::Granted { first, pages } = self.geometry.place(ring) else { return Ok(None) };
        let mut references = vec![GrantRef::default(); pages.into()];
        let shared = platform.share(self.client, access, &mut references, None)?;
        for (word, reference) in (first..).map_while(Word::grant).zip(references) {
            page.store(word, reference.0, Ordering::Relaxed);
        }
        Ok(Some(shared))
    }
}

/// Why there is no server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListenError {
    /// Another server of this domain is there, and lives.
    #[error("{path} is taken by a server with event channel {}", port.0)]
    Taken {
        /// The path.
        path: String,
        /// That server's port.
        port: Port,
    },
    /// The memory was not shared.
    #[error("sharing pages: {0}")]
    Grant(#[source] Fault),
    /// The port was not made.
    #[error("allocating an event channel: {0}")]
    EventChannel(#[source] Fault),
    /// The keys were not written.
    #[error("writing the keys: {0}")]
    Store(#[source] Fault),
}
