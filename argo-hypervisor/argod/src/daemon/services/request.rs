//! From a packet to its answer.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use argo_core::DomainId;
use argo_core::host::services::{Access, Answer, EVENT_TAG, Op, Request};
use argo_core::policy::Query;
use parking_lot::MutexGuard;
use zerocopy::{FromBytes, IntoBytes};

use super::Tables;
use super::connection::Connection;
use super::end::End;
use super::error::{Ending, RequestError};
use super::pages::Pages;
use crate::daemon::domain::HostDomain;
use crate::daemon::host::Host;

/// A connection whose request is being served.
pub(super) struct Visitor<'v> {
    pub(super) host: &'v Host,
    pub(super) domain: &'v HostDomain,
    pub(super) connection: &'v Arc<Connection>,
}

/// What a request is answered with.
pub(super) struct Reply {
    body: Vec<u8>,
    passed: Vec<Passed>,
}

/// What a descriptor is sent of.
pub(super) enum Passed {
    Pages(Arc<Pages>, Access),
    End(Arc<End>),
}

impl Reply {
    /// Nothing but that it was done.
    pub(super) const DONE: Self = Self { body: Vec::new(), passed: Vec::new() };

    pub(super) fn new(body: Vec<u8>, passed: Vec<Passed>) -> Self {
        Self { body, passed }
    }
}

impl AsFd for Passed {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Pages(pages, access) => pages.descriptor(*access),
            Self::End(end) => end.as_fd(),
        }
    }
}

impl<'v> Visitor<'v> {
    /// Answers one packet.
    pub(super) fn serve(&self, packet: &[u8]) -> Result<(), Ending> {
        let (request, body) = Request::read_from_prefix(packet)
            .map_err(|_| Ending::Protocol("a packet is shorter than its head"))?;
        if request.tag == EVENT_TAG {
            return Err(Ending::Protocol("a request has the tag of events"));
        }
        let desk = &self.domain.services;
        desk.requests.fetch_add(1, Ordering::Relaxed);
        match self.perform(request.op, body) {
            Ok(reply) => {
                let answer = Answer { tag: request.tag, errno: 0 };
                self.reply(answer, &reply)
            }
            Err(error) => {
                desk.refused.fetch_add(1, Ordering::Relaxed);
                let answer = Answer { tag: request.tag, errno: error.number() };
                self.connection.answer(answer, error.to_string().as_bytes())
            }
        }
    }

    fn reply(&self, answer: Answer, reply: &Reply) -> Result<(), Ending> {
        if reply.passed.is_empty() {
            return self.connection.answer(answer, &reply.body);
        }
        let descriptors: Vec<_> = reply.passed.iter().map(AsFd::as_fd).collect();
        let seats = self.domain.services.seats(descriptors.len()).ok_or(Ending::Unread)?;
        self.connection.answer_with(answer, &reply.body, &descriptors, seats)
    }

    fn perform(&self, op: u32, body: &[u8]) -> Result<Reply, RequestError> {
        match Op::new(op).ok_or(RequestError::NoOperation { op })? {
            Op::Share => self.share(whole(body)?),
            Op::Unshare => self.unshare(whole(body)?),
            Op::Map => self.map(body),
            Op::Unmap => self.unmap(whole(body)?),
            Op::AllocUnbound => self.alloc_unbound(whole(body)?),
            Op::BindInterdomain => self.bind(whole(body)?),
            Op::CloseChannel => self.close_channel(whole(body)?),
            Op::Store => self.ask_store(body),
            Op::IsAllocated => self.is_allocated(whole(body)?),
        }
    }

    fn ask_store(&self, message: &[u8]) -> Result<Reply, RequestError> {
        let (services, policy) = (self.host.services(), self.host.policy());
        let reply = services.ask_store(policy, self.connection, message)?;
        Ok(Reply::new(reply, Vec::new()))
    }

    /// Sends an event of the store, if one waits; there is room for it.
    pub(super) fn tell(&self) -> Result<(), Ending> {
        let event = self.host.services().next_event(self.connection);
        let answer = Answer { tag: EVENT_TAG, errno: 0 };
        event.map_or(Ok(()), |event| self.connection.answer(answer, &event))
    }

    /// The tables, to make something that goes with the connection.
    pub(super) fn tables(&self) -> Result<MutexGuard<'v, Tables>, RequestError> {
        let tables = self.host.services().tables();
        // Whoever ends it marks it first and clears the tables then.
        if self.connection.is_over() { Err(RequestError::Over) } else { Ok(tables) }
    }

    /// Asks the policy. To be called with the tables locked: who forbids something looks for it
    /// there, after the policy is in force.
    pub(super) fn ask(&self, query: Query) -> Result<(), RequestError> {
        match self.host.policy().may(query) {
            true => Ok(()),
            false => Err(RequestError::Forbidden { query }),
        }
    }
}

/// A body that is exactly this.
pub(super) fn whole<T: FromBytes>(body: &[u8]) -> Result<T, RequestError> {
    let wrong = |_| RequestError::Body { found: body.len(), expected: size_of::<T>() };
    T::read_from_bytes(body).map_err(wrong)
}

/// The domain that a process named.
pub(super) fn domain_id(id: u32) -> Result<DomainId, RequestError> {
    let known = u16::try_from(id).ok().and_then(DomainId::new);
    known.ok_or(RequestError::NoDomain { id })
}

/// The bytes of an answer's body.
pub(super) fn bytes(of: &(impl IntoBytes + zerocopy::Immutable)) -> Vec<u8> {
    of.as_bytes().to_vec()
}
