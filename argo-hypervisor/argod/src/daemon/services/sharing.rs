//! Requests about grants.

use std::sync::Arc;

use argo_core::host::services::{
    self, Access, Entry, Handle, NONE, PAGES_MAX, Part, Share, Shared,
};
use argo_core::policy::Query;
use xen_services::grants::{Extent, Limits, Mapped, Notify, Offer, ShareError};
use zerocopy::FromBytes;

use super::Tables;
use super::end::End;
use super::ending::release;
use super::error::RequestError;
use super::pages::Pages;
use super::request::{Passed, Reply, Visitor, bytes, domain_id, whole};

impl Visitor<'_> {
    pub(super) fn share(&self, wanted: Share) -> Result<Reply, RequestError> {
        let (to, access) = (domain_id(wanted.to)?, access(wanted.access)?);
        let Share { pages, .. } = wanted;
        if !(1..=PAGES_MAX).contains(&pages) {
            return Err(ShareError::Pages { pages }.into());
        }
        let seat = self.host.services().pair()?;
        let name = format!("grant-{}-{to}", self.domain.name());
        let memory = Arc::new(Pages::new(&name, pages, seat)?);
        let mut tables = self.tables()?;
        self.ask(Query::Grant { from: self.domain.id(), to })?;
        let notify = self.notify(&tables, wanted.notify)?;
        let offer = Offer { to, access, pages, memory: memory.clone(), notify };
        let shared = tables.grants.share(self.connection.holder, &self.limits(), offer)?;
        drop(tables);
        let shared = Shared { share: shared.share, reference: shared.reference };
        Ok(Reply::new(bytes(&shared), vec![Passed::Pages(memory, Access::Write)]))
    }

    pub(super) fn unshare(&self, share: Handle) -> Result<Reply, RequestError> {
        let released = self.tables()?.grants.unshare(self.connection.holder, share.number)?;
        release(released);
        Ok(Reply::DONE)
    }

    pub(super) fn map(&self, body: &[u8]) -> Result<Reply, RequestError> {
        let (wanted, entries) = entries(body)?;
        let access = access(wanted.access)?;
        let (holder, mapper) = (self.connection.holder, self.domain.id());
        let mut tables = self.tables()?;
        for owner in tables.grants.owners(mapper, access, &entries)? {
            self.ask(Query::Grant { from: owner, to: mapper })?;
        }
        let notify = self.notify(&tables, wanted.notify)?;
        let mapped = tables.grants.map(holder, &self.limits(), access, &entries, notify)?;
        drop(tables);
        Ok(mapped_reply(mapped, access))
    }

    pub(super) fn unmap(&self, map: Handle) -> Result<Reply, RequestError> {
        let released = self.tables()?.grants.unmap(self.connection.holder, map.number)?;
        release(released);
        Ok(Reply::DONE)
    }

    fn limits(&self) -> Limits {
        let quotas = &self.domain.config.quotas.services;
        Limits { pages: quotas.grant_pages, shares: quotas.shares, maps: quotas.maps }
    }

    fn notify(
        &self,
        tables: &Tables,
        wanted: services::Notify,
    ) -> Result<Notify<Arc<End>>, RequestError> {
        let byte = Some(wanted.offset).filter(|offset| *offset != NONE);
        let port = Some(wanted.port).filter(|port| *port != NONE);
        let end = |port| {
            let end = tables.channels.end(self.domain.id(), port);
            end.ok_or(RequestError::NoNotifyPort { port })
        };
        Ok(Notify { byte, event: port.map(end).transpose()? })
    }
}

fn access(access: u32) -> Result<Access, RequestError> {
    Access::new(access).ok_or(RequestError::NoAccess { access })
}

fn entries(body: &[u8]) -> Result<(services::Map, Vec<Entry>), RequestError> {
    let Some((head, rest)) = body.split_at_checked(size_of::<services::Map>()) else {
        let expected = size_of::<services::Map>();
        return Err(RequestError::Body { found: body.len(), expected });
    };
    let head: services::Map = whole(head)?;
    let expected = (head.entries as usize).saturating_mul(size_of::<Entry>());
    if rest.len() != expected {
        return Err(RequestError::Body { found: rest.len(), expected });
    }
    let entries = rest.chunks_exact(size_of::<Entry>());
    Ok((head, entries.filter_map(|entry| Entry::read_from_bytes(entry).ok()).collect()))
}

fn mapped_reply(mapped: Mapped<Arc<Pages>>, access: Access) -> Reply {
    let parts = mapped.extents.len() as u32;
    let mut body = bytes(&services::Mapped { map: mapped.map, parts });
    for Extent { memory, page, pages } in mapped.extents {
        body.extend(bytes(&Part { descriptor: memory, page, pages }));
    }
    let passed = mapped.memories.into_iter().map(|pages| Passed::Pages(pages, access));
    Reply::new(body, passed.collect())
}
