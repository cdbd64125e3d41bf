//! A domain of a hub, as a platform.

use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use argo_core::DomainId;
use argo_core::host::services::{Access as Wire, Entry};
use argo_core::policy::Query;
use xen_services::Holder;
use xen_services::channels::ChannelError;
use xen_services::grants::{MapError, Notify, Offer, ShareError};
use xen_services::store::ConnectionId;

use super::hub::{Hub, Tables};
use super::memory::{Hold, Ram};
use super::port::End;
use super::{Channel, Pages};
use crate::layout::PAGE_SIZE;
use crate::platform::{Access, Cause, Fault, GrantRef, Platform, Port, UnmapNotify};

/// A connection of one domain to its [`Hub`]: what a process would be. When its last clone is
/// dropped, and all channels made over it, it ends.
#[derive(Clone)]
pub struct Domain {
    pub(super) process: Arc<Process>,
}

pub(super) struct Process {
    pub(super) hub: Hub,
    pub(super) holder: Holder,
    pub(super) store: Option<ConnectionId>,
}

impl Domain {
    pub(super) fn new(hub: Hub, holder: Holder, store: Option<ConnectionId>) -> Domain {
        Domain { process: Arc::new(Process { hub, holder, store }) }
    }

    /// This domain's id.
    pub fn id(&self) -> DomainId {
        self.process.holder.domain
    }

    /// Ends the connection now, as if its process had been killed: what peers see of its channels is
    /// what they would see then, and what it made stays dead.
    pub fn kill(&self) {
        self.process.end();
    }

    fn map_pages(
        &self,
        domain: DomainId,
        references: &[GrantRef],
        access: Wire,
        notify: Option<UnmapNotify>,
    ) -> Result<Pages, Fault> {
        let Process { hub, holder, .. } = &*self.process;
        hub.ask(Query::Grant { from: domain, to: holder.domain })?;
        let entry =
            |reference: &GrantRef| Entry { domain: domain.raw().into(), reference: reference.0 };
        let entries: Vec<Entry> = references.iter().map(entry).collect();
        let mut tables = hub.lock();
        let notify = tables.notify(*holder, notify);
        let mapped = tables.grants.map(*holder, &hub.limits().grants, access, &entries, notify);
        drop(tables);
        let mapped = mapped.map_err(map_fault)?;
        let hold = Hold::Map(mapped.map);
        let ([ram], [extent]) = (&mapped.memories[..], &mapped.extents[..]) else {
            drop(self.pages(Ram::zeroed(0), 0, 0, hold));
            return Err(Fault::new(Cause::Failed, "pages that do not lie side by side"));
        };
        let (offset, len) = (extent.page as usize * PAGE_SIZE, extent.pages as usize * PAGE_SIZE);
        Ok(self.pages(ram.clone(), offset, len, hold))
    }

    fn pages(&self, ram: Ram, offset: usize, len: usize, hold: Hold) -> Pages {
        let Process { hub, holder, .. } = &*self.process;
        Pages { ram, offset, len, hub: hub.clone(), holder: *holder, hold }
    }

    fn channel(&self, port: u32, end: End) -> Channel {
        let Process { hub, holder, .. } = &*self.process;
        Channel { hub: hub.clone(), holder: *holder, port, end }
    }
}

impl Process {
    fn end(&self) {
        self.hub.end_connection(self.holder, self.store);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

impl Tables {
    fn notify(&self, holder: Holder, notify: Option<UnmapNotify>) -> Notify<End> {
        Notify {
            byte: notify.and_then(|notify| u32::try_from(notify.byte).ok()),
            event: notify.and_then(|notify| self.channels.end(holder.domain, notify.port.0)),
        }
    }
}

impl Platform for Domain {
    type Pages = Pages;
    type ReadPages = Pages;
    type Channel = Channel;

    fn share(
        &self,
        domain: DomainId,
        access: Access,
        references: &mut [GrantRef],
        notify: Option<UnmapNotify>,
    ) -> Result<Pages, Fault> {
        let Process { hub, holder, .. } = &*self.process;
        hub.ask(Query::Grant { from: holder.domain, to: domain })?;
        let access = match access {
            Access::Read => Wire::Read,
            Access::Write => Wire::Write,
        };
        let pages = u32::try_from(references.len()).unwrap_or(u32::MAX);
        let len = references.len() * PAGE_SIZE;
        let memory = Ram::zeroed(len);
        let mut tables = hub.lock();
        let notify = tables.notify(*holder, notify);
        let offer = Offer { to: domain, access, pages, memory: memory.clone(), notify };
        let shared = tables.grants.share(*holder, &hub.limits().grants, offer);
        drop(tables);
        let shared = shared.map_err(share_fault)?;
        for (reference, number) in references.iter_mut().zip(shared.reference..) {
            *reference = GrantRef(number);
        }
        Ok(self.pages(memory, 0, len, Hold::Share(shared.share)))
    }

    fn map(
        &self,
        domain: DomainId,
        references: &[GrantRef],
        notify: Option<UnmapNotify>,
    ) -> Result<Pages, Fault> {
        self.map_pages(domain, references, Wire::Write, notify)
    }

    fn map_to_read(&self, domain: DomainId, references: &[GrantRef]) -> Result<Pages, Fault> {
        self.map_pages(domain, references, Wire::Read, None)
    }

    fn alloc_unbound(&self, domain: DomainId) -> Result<Channel, Fault> {
        let Process { hub, holder, .. } = &*self.process;
        hub.ask(Query::EventChannel { from: holder.domain, to: domain })?;
        let ends = End::pair();
        let end = ends.allocator.clone();
        let port = hub.lock().channels.alloc_unbound(*holder, domain, hub.limits().ports, ends);
        Ok(self.channel(port.map_err(channel_fault)?, end))
    }

    fn bind_interdomain(&self, domain: DomainId, port: Port) -> Result<Channel, Fault> {
        let Process { hub, holder, .. } = &*self.process;
        hub.ask(Query::EventChannel { from: holder.domain, to: domain })?;
        let bound = hub.lock().channels.bind(*holder, domain, port.0, hub.limits().ports);
        let bound = bound.map_err(channel_fault)?;
        bound.ends.allocator.send();
        Ok(self.channel(bound.port, bound.ends.binder))
    }

    fn now(&self) -> Duration {
        self.process.hub.start().elapsed()
    }

    fn is_allocated(&self, port: Port) -> Option<bool> {
        let Process { hub, holder, .. } = &*self.process;
        Some(hub.lock().channels.is_allocated(holder.domain, port.0))
    }
}

fn share_fault(error: ShareError) -> Fault {
    let cause = match error {
        ShareError::Shares { .. } | ShareError::Quota { .. } => Cause::Full,
        ShareError::Pages { .. } | ShareError::Notify { .. } => Cause::Failed,
        ShareError::Unknown { .. } => Cause::NotThere,
    };
    Fault::new(cause, error.to_string())
}

fn map_fault(error: MapError) -> Fault {
    let cause = match error {
        MapError::NoReference { .. } => Cause::NotThere,
        MapError::NotForYou { .. } | MapError::ReadOnly { .. } => Cause::Refused,
        MapError::Maps { .. } => Cause::Full,
        _ => Cause::Failed,
    };
    Fault::new(cause, error.to_string())
}

fn channel_fault(error: ChannelError) -> Fault {
    let cause = match error {
        ChannelError::Full { .. } => Cause::Full,
        ChannelError::Taken { .. } => Cause::Busy,
        ChannelError::NotForYou { .. } => Cause::Refused,
        ChannelError::NoPort { .. }
        | ChannelError::NoRemotePort { .. }
        | ChannelError::NotUnbound { .. } => Cause::NotThere,
    };
    Fault::new(cause, error.to_string())
}
