//! How a channel begins and ends.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use argo_core::DomainId;
use argo_guest::services::{Access, Entry, Notify, Services};
use vchan::SharedPage;
use vchan::{
    Flag, Geometry, Place, Reader, Ring, Role, Word, Writer, leave, read_geometry, start_client,
    start_server,
};
use xen_abi::{Errno, Ports};

use crate::keys::Keys;
use crate::memory::{ChannelMemory, Page, Pages};

const LIBRARY: &str = "libxenvchan";
const INVALID: Errno = Errno(libc::EINVAL);

/// One end of a channel. The order of the fields is that of the end: the rings' memory and the page,
/// then the port.
pub(crate) struct Vchan {
    pub(crate) role: Role,
    pub(crate) reader: Mutex<Reader<Arc<ChannelMemory>>>,
    pub(crate) writer: Mutex<Writer<Arc<ChannelMemory>>>,
    pub(crate) memory: Arc<ChannelMemory>,
    pub(crate) ports: Ports,
    pub(crate) port: u32,
}

impl Vchan {
    /// A server for one client domain.
    ///
    /// # Errors
    /// EINVAL: rings that cannot be. Else what argod says.
    pub(crate) fn serve(
        domain: u32,
        path: &str,
        read_min: usize,
        write_min: usize,
    ) -> Result<Self, Errno> {
        let geometry = Geometry::for_minimums(read_min, write_min).map_err(|_| INVALID)?;
        let ports = Ports::open(LIBRARY)?;
        let peer = xen_abi::domain(ports.services(), domain)?;
        let port = ports.alloc_unbound(domain)?;
        let notify = Notify { offset: Flag::SrvLive.offset() as u32, port };
        let shared = ports.services().share(peer, 1, Access::Write, notify)?;
        let reference = shared.references().next().ok_or(INVALID)?;
        let page = Page::new(Pages::Shared(shared));
        let left = share_ring(ports.services(), &page, peer, geometry.place(Ring::Left))?;
        let right = share_ring(ports.services(), &page, peer, geometry.place(Ring::Right))?;
        start_server(&page, geometry);
        Keys { reference, port }.publish(ports.services(), path, peer)?;
        let memory = ChannelMemory::new(page, geometry, left.pages, right.pages);
        Ok(Self::new(Role::Server, memory, ports, port))
    }

    /// The client of the server at `path`.
    ///
    /// # Errors
    /// ENOENT: nobody is there. EINVAL: somebody has a client, or has made nonsense. Else what argod
    /// says.
    pub(crate) fn connect(domain: u32, path: &str) -> Result<Self, Errno> {
        let ports = Ports::open(LIBRARY)?;
        let peer = xen_abi::domain(ports.services(), domain)?;
        let keys = Keys::find(ports.services(), path)?;
        let port = ports.bind(domain, keys.port)?;
        let entry = Entry { domain: u32::from(peer.raw()), reference: keys.reference };
        let notify = Notify { offset: Flag::CliLive.offset() as u32, port };
        let page = Page::new(Pages::Mapped(ports.services().map(&[entry], notify)?));
        let geometry = read_geometry(&page).map_err(|_| INVALID)?;
        let write = entries(&page, peer, geometry.place(Ring::Left));
        let read = entries(&page, peer, geometry.place(Ring::Right));
        let left = match write.is_empty() {
            true => None,
            false => Some(Pages::Mapped(ports.services().map(&write, Notify::NOTHING)?)),
        };
        let right = match read.is_empty() {
            true => None,
            false => {
                let mapped = ports.services().map_read(&read, Notify::NOTHING)?;
                Some(Pages::MappedRead(mapped))
            }
        };
        let memory = ChannelMemory::new(page, geometry, left, right);
        // The ends take up the indexes before the server may move its own.
        let channel = Self::new(Role::Client, memory, ports, port);
        let _always_needed = start_client(&*channel.memory);
        channel.notify();
        Ok(channel)
    }

    fn new(role: Role, memory: ChannelMemory, ports: Ports, port: u32) -> Self {
        let memory = Arc::new(memory);
        let geometry = memory.geometry;
        Self {
            role,
            reader: Mutex::new(Reader::new(memory.clone(), role, geometry)),
            writer: Mutex::new(Writer::new(memory.clone(), role, geometry)),
            memory,
            ports,
            port,
        }
    }

    pub(crate) fn notify(&self) {
        // The port is open as long as this is.
        let _ = self.ports.notify(self.port);
    }

    /// Ends this side: the peer is told, and can still read what was written. A child by `fork` ends
    /// nothing, for the channel is its parent's.
    pub(crate) fn close(self) -> Ports {
        let is_own = !self.ports.services().is_inherited();
        if is_own {
            let _told_below = leave(&*self.memory, self.role);
        }
        let Self { reader, writer, memory, ports, port, .. } = self;
        drop((reader, writer, memory));
        if is_own {
            let _ = ports.notify(port);
        }
        // The connection, for the keys; the port is closed.
        let _ = ports.unbind(port);
        ports
    }
}

/// A ring's own pages, if it has any.
struct RingPages {
    pages: Option<Pages>,
}

/// Shares a ring's pages and lists them in the page.
fn share_ring(
    services: &Services,
    page: &Page,
    to: DomainId,
    place: Place,
) -> Result<RingPages, Errno> {
    let Place::Granted { first, pages } = place else {
        return Ok(RingPages { pages: None });
    };
    let shared = services.share(to, u32::from(pages), Access::Write, Notify::NOTHING)?;
    for (slot, reference) in (first..).zip(shared.references()) {
        page.store(Word::grant(slot).ok_or(INVALID)?, reference, Ordering::Relaxed);
    }
    Ok(RingPages { pages: Some(Pages::Shared(shared)) })
}

/// A ring's grants as the page lists them, each read once; none if it lies in the page.
fn entries(page: &Page, domain: DomainId, place: Place) -> Vec<Entry> {
    let Place::Granted { first, pages } = place else {
        return Vec::new();
    };
    let words = (first..first + pages).filter_map(Word::grant);
    let entry = |word| Entry {
        domain: u32::from(domain.raw()),
        reference: page.load(word, Ordering::Relaxed),
    };
    words.map(entry).collect()
}
