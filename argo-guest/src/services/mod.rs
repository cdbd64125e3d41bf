//! Xen's other services, from argod: grants, event channels and the store.
//!
//! [`Services`] is a connection of its own to a domain's socket, beside the session that
//! [`Domain`](crate::Domain) has. What is made over it belongs to it: [`Share`]s and maps of the
//! memory of others, [`Channel`]s, watches and transactions. All of it goes when the process ends,
//! however it ends, and each share and map then does what its [`Notify`] says.
//!
//! Any thread may ask; requests go one after the other. None waits longer than 10 s for argod once
//! its turn has come: then the connection is given up, and everything answers with an error at once.
//!
//! A child by `fork` has the connection of its parent, and nothing that it does to it reaches argod:
//! requests are refused ([`RequestError::Inherited`]), and a drop frees what the child has of it.
//!
//! ```no_run
//! use argo_guest::services::{Access, Memory, Notify, Services};
//! # use argo_guest::DomainId;
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let peer = DomainId::new(2).ok_or("reserved")?;
//! let services = Services::from_env()?;
//! let channel = services.alloc_unbound(peer)?;
//! let notify = Notify { offset: 21, port: channel.port() };
//! let share = services.share(peer, 1, Access::Write, notify)?;
//! for reference in share.references() {
//!     services.nodes().write("data/mine/ring-ref", reference.to_string().as_bytes())?;
//! }
//! share.view().write(0, b"hello")?;
//! channel.notify();
//! # Ok(())
//! # }
//! ```

mod channel;
mod connection;
mod error;
mod events;
mod memory;
mod packet;
mod store;
mod told;

use alloc::borrow::ToOwned;
use alloc::vec::Vec;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use argo_core::DomainId;
use argo_core::host::services::{Bind, Handle, Op};
use rustix::io::Errno;
use zerocopy::IntoBytes;

pub use argo_core::host::services::{Access, Entry, NONE, Notify, PAGES_MAX};
pub use argo_mem::{Memory, ReadMemory};
pub use channel::{Channel, Pending};
pub use error::{RequestError, StoreError};
pub use memory::{Mapped, MappedRead, Share};
pub use store::{Commit, Nodes, Transaction, WatchEvent};

use crate::host::{AttachError, DOMAIN_VARIABLE};
use connection::Connection;

/// A connection to argod for a domain's grants, event channels and store.
///
/// Dropping it ends it, once what was made over it is dropped too.
pub struct Services {
    connection: Arc<Connection>,
}

impl Services {
    /// Connects to the domain whose socket lies at `path`.
    ///
    /// # Errors
    /// argod is not there, refuses, is of another version or does not answer within 10 s.
    pub fn attach(path: impl AsRef<Path>) -> Result<Self, AttachError> {
        let path = path.as_ref();
        let failed = |(step, cause)| AttachError::Failed { socket: path.to_owned(), step, cause };
        let connection = Arc::new(Connection::open(path).map_err(failed)?);
        Ok(Self { connection })
    }

    /// Connects to the domain that the environment variable `ARGO_DOMAIN` names by its socket.
    ///
    /// # Errors
    /// It is not set, or as for [`attach`](Self::attach).
    pub fn from_env() -> Result<Self, AttachError> {
        let path = std::env::var_os(DOMAIN_VARIABLE)
            .ok_or(AttachError::NotSet { variable: DOMAIN_VARIABLE })?;
        Self::attach(PathBuf::from(path))
    }

    /// Which domain this is.
    pub fn domain(&self) -> DomainId {
        self.connection.domain()
    }

    /// Whether this is the connection of another process, from which this one was forked.
    pub fn is_inherited(&self) -> bool {
        self.connection.is_inherited()
    }

    /// Makes `pages` zeroed pages (1 to [`PAGES_MAX`]) that domain `to` may map.
    ///
    /// # Errors
    /// Refused by policy or quota, or as [`RequestError`] says.
    pub fn share(
        &self,
        to: DomainId,
        pages: u32,
        access: Access,
        notify: Notify,
    ) -> Result<Share, RequestError> {
        Share::new(&self.connection, to, pages, access, notify)
    }

    /// Maps pages that other domains have shared, 1 to [`PAGES_MAX`], as one range.
    ///
    /// # Errors
    /// A reference is not (any more) shared with this domain, or not to be written, or as
    /// [`RequestError`] says.
    pub fn map(&self, entries: &[Entry], notify: Notify) -> Result<Mapped, RequestError> {
        Mapped::new(&self.connection, entries, notify)
    }

    /// As [`map`](Self::map), for reading only.
    ///
    /// # Errors
    /// As [`map`](Self::map).
    pub fn map_read(&self, entries: &[Entry], notify: Notify) -> Result<MappedRead, RequestError> {
        MappedRead::new(&self.connection, entries, notify)
    }

    /// Makes a port that domain `remote` may bind to.
    ///
    /// # Errors
    /// Refused by policy or quota, or as [`RequestError`] says.
    pub fn alloc_unbound(&self, remote: DomainId) -> Result<Channel, RequestError> {
        let body = Handle { number: u32::from(remote.raw()) };
        Channel::ask(&self.connection, Op::AllocUnbound, body.as_bytes())
    }

    /// Makes a port that is bound to `port` of domain `remote`.
    ///
    /// # Errors
    /// That port waits for nobody, or for another domain, or (`EBUSY`) is bound already, or as
    /// [`RequestError`] says.
    pub fn bind(&self, remote: DomainId, port: u32) -> Result<Channel, RequestError> {
        let body = Bind { remote: u32::from(remote.raw()), port };
        Channel::ask(&self.connection, Op::BindInterdomain, body.as_bytes())
    }

    /// Whether `port` of this domain, of whatever process, was allocated and is still there. Numbers
    /// are used again: it may be another than the one that had the number before.
    ///
    /// # Errors
    /// [`RequestError`]
    pub fn is_allocated(&self, port: u32) -> Result<bool, RequestError> {
        let body = Handle { number: port };
        let answer = self.connection.ask(Op::IsAllocated, body.as_bytes())?;
        let (Handle { number }, _) = memory::head(&answer.body)?;
        Ok(number != 0)
    }

    /// The store's nodes.
    pub fn nodes(&self) -> Nodes<'_> {
        Nodes::within(self, 0)
    }

    /// The store's nodes as an open transaction sees them, by its number.
    pub fn nodes_within(&self, transaction: u32) -> Nodes<'_> {
        Nodes::within(self, transaction)
    }

    /// Begins a transaction on the store.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn transaction(&self) -> Result<Transaction<'_>, StoreError> {
        Transaction::start(self)
    }

    /// Passes a message of [`argo_core::xenstore`] (header and payload) to the store, and returns
    /// its reply, which may be one that says an error.
    ///
    /// # Errors
    /// The store was not reached.
    pub fn store(&self, message: &[u8]) -> Result<Vec<u8>, RequestError> {
        self.connection.ask(Op::Store, message).map(|answer| answer.body)
    }

    /// The next watch event as the store's message; `Ok(None)` if none comes within the timeout.
    /// No timeout: waits for ever.
    ///
    /// # Errors
    /// The connection has ended.
    pub fn next_event(&self, timeout: Option<Duration>) -> Result<Option<Vec<u8>>, RequestError> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        self.connection.next_event(deadline)
    }

    /// Keeps only those of the watch events waiting here that are `wanted`, each the store's message.
    /// What argod sent before its last answer is among them.
    pub fn retain_events(&self, wanted: impl FnMut(&[u8]) -> bool) {
        self.connection.retain_events(wanted);
    }

    /// A descriptor that is readable while watch events are there, and from the end of the
    /// connection on. It may also be readable for a moment while another thread waits for an
    /// answer; do not read it, call [`next_event`](Self::next_event).
    ///
    /// # Errors
    /// There is no room for more descriptors.
    pub fn events_fd(&self) -> Result<OwnedFd, RequestError> {
        let copy = self.connection.events_fd(|fd| fd.as_fd().try_clone_to_owned())?;
        copy.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::MFILE).into())
    }
}
