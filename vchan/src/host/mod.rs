//! The platform on Linux: a domain of argod.

mod bed;
mod channel;
mod fault;
mod pages;
mod store;
mod tasks;

use core::time::Duration;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use std::vec::Vec;

use argo_core::DomainId;
use argo_guest::host::{AttachError, DOMAIN_VARIABLE};
use argo_guest::services::{self, Entry, MappedRead, NONE, Notify, Services};

pub use channel::HostChannel;
pub use pages::HostPages;
pub use store::HostWatch;

use crate::platform::{Access, Fault, GrantRef, Platform, Port, UnmapNotify};
use fault::fault;

/// A domain of argod: a connection for its grants, event channels and store.
///
/// Clones share the connection, and what they make belongs to it. When the process ends, however it
/// ends, argod gives all of it up and tells the peers.
#[derive(Clone)]
pub struct Host {
    shared: Arc<Shared>,
}

struct Shared {
    services: Services,
    socket: PathBuf,
    began: Instant,
}

impl Host {
    /// Connects to the domain whose socket lies at `path`.
    ///
    /// # Errors
    /// argod is not there, refuses, is of another version or does not answer within 10 s.
    pub fn attach(path: impl AsRef<Path>) -> Result<Host, AttachError> {
        let socket = path.as_ref().to_path_buf();
        let services = Services::attach(&socket)?;
        Ok(Host { shared: Arc::new(Shared { services, socket, began: Instant::now() }) })
    }

    /// Connects to the domain that the environment variable `ARGO_DOMAIN` names by its socket.
    ///
    /// # Errors
    /// It is not set, or as for [`attach`](Self::attach).
    pub fn from_env() -> Result<Host, AttachError> {
        let path = std::env::var_os(DOMAIN_VARIABLE)
            .ok_or(AttachError::NotSet { variable: DOMAIN_VARIABLE })?;
        Host::attach(PathBuf::from(path))
    }

    /// The connection.
    pub fn services(&self) -> &Services {
        &self.shared.services
    }

    fn socket(&self) -> &Path {
        &self.shared.socket
    }
}

impl Platform for Host {
    type Pages = HostPages;
    type ReadPages = MappedRead;
    type Channel = HostChannel;

    fn share(
        &self,
        domain: DomainId,
        access: Access,
        references: &mut [GrantRef],
        notify: Option<UnmapNotify>,
    ) -> Result<HostPages, Fault> {
        let pages = u32::try_from(references.len()).unwrap_or(u32::MAX);
        let access = match access {
            Access::Read => services::Access::Read,
            Access::Write => services::Access::Write,
        };
        let share = self.services().share(domain, pages, access, at_the_end(notify));
        let share = share.map_err(fault)?;
        for (slot, reference) in references.iter_mut().zip(share.references()) {
            *slot = GrantRef(reference);
        }
        Ok(HostPages::Shared(share))
    }

    fn map(
        &self,
        domain: DomainId,
        references: &[GrantRef],
        notify: Option<UnmapNotify>,
    ) -> Result<HostPages, Fault> {
        let entries = entries(domain, references);
        let mapped = self.services().map(&entries, at_the_end(notify));
        mapped.map(HostPages::Mapped).map_err(fault)
    }

    fn map_to_read(&self, domain: DomainId, references: &[GrantRef]) -> Result<MappedRead, Fault> {
        let entries = entries(domain, references);
        self.services().map_read(&entries, Notify::NOTHING).map_err(fault)
    }

    fn alloc_unbound(&self, domain: DomainId) -> Result<HostChannel, Fault> {
        HostChannel::new(self.services().alloc_unbound(domain).map_err(fault)?)
    }

    fn bind_interdomain(&self, domain: DomainId, port: Port) -> Result<HostChannel, Fault> {
        HostChannel::new(self.services().bind(domain, port.0).map_err(fault)?)
    }

    fn now(&self) -> Duration {
        self.shared.began.elapsed()
    }

    fn is_allocated(&self, port: Port) -> Option<bool> {
        self.services().is_allocated(port.0).ok()
    }
}

fn entries(domain: DomainId, references: &[GrantRef]) -> Vec<Entry> {
    let domain = u32::from(domain.raw());
    references.iter().map(|reference| Entry { domain, reference: reference.0 }).collect()
}

fn at_the_end(notify: Option<UnmapNotify>) -> Notify {
    notify.map_or(Notify::NOTHING, |UnmapNotify { byte, port }| Notify {
        offset: u32::try_from(byte).unwrap_or(NONE),
        port: port.0,
    })
}
