//! Requests about event channels.

use argo_core::host::services::{Bind, Handle};
use argo_core::policy::Query;

use super::end::End;
use super::error::RequestError;
use super::request::{Passed, Reply, Visitor, bytes, domain_id};

impl Visitor<'_> {
    pub(super) fn alloc_unbound(&self, remote: Handle) -> Result<Reply, RequestError> {
        let remote = domain_id(remote.number)?;
        let ends = End::pair(self.host.services().pair()?).map_err(RequestError::Socket)?;
        let own = ends.allocator.clone();
        let limit = self.domain.config.quotas.services.ports;
        let mut tables = self.tables()?;
        self.ask(Query::EventChannel { from: self.domain.id(), to: remote })?;
        let port = tables.channels.alloc_unbound(self.connection.holder, remote, limit, ends)?;
        drop(tables);
        Ok(Reply::new(bytes(&Handle { number: port }), vec![Passed::End(own)]))
    }

    pub(super) fn bind(&self, wanted: Bind) -> Result<Reply, RequestError> {
        let remote = domain_id(wanted.remote)?;
        let limit = self.domain.config.quotas.services.ports;
        let holder = self.connection.holder;
        let mut tables = self.tables()?;
        self.ask(Query::EventChannel { from: self.domain.id(), to: remote })?;
        let bound = tables.channels.bind(holder, remote, wanted.port, limit)?;
        if !(bound.ends.allocator.is_open() && bound.ends.binder.is_open()) {
            let _ = tables.channels.close(holder, bound.port);
            return Err(RequestError::Shut { remote, port: wanted.port });
        }
        drop(tables);
        // What is left of an earlier binder's events is not told from this one.
        bound.ends.allocator.raise();
        let own = Passed::End(bound.ends.binder);
        Ok(Reply::new(bytes(&Handle { number: bound.port }), vec![own]))
    }

    pub(super) fn close_channel(&self, port: Handle) -> Result<Reply, RequestError> {
        let ends = self.tables()?.channels.close(self.connection.holder, port.number)?;
        drop(ends);
        Ok(Reply::DONE)
    }

    pub(super) fn is_allocated(&self, port: Handle) -> Result<Reply, RequestError> {
        let allocated = self.tables()?.channels.is_allocated(self.domain.id(), port.number);
        Ok(Reply::new(bytes(&Handle { number: allocated.into() }), Vec::new()))
    }
}
