//! A message goes from one domain to another.

use argo_core::abi::{IOVS_MAX, Iov};
use argo_core::claim::PayloadLen;
use argo_core::policy::{PortQuery, Query, Rings};
use argo_core::{DomainId, Errno, Port};

use crate::domain::{Caller, Domain};
use crate::engine::Engine;
use crate::observer::Observer;
use crate::policy::{Judge, Refused, Route};
use crate::ring::{Delivered, Undelivered};
use crate::system::{Events, System};
use crate::waiters::Wait;

/// A message to send.
#[derive(Clone, Copy, Debug)]
pub struct SendRequest<'a> {
    /// The port that it says it comes from.
    pub source: Port,
    /// The domain that it goes to.
    pub receiver: DomainId,
    /// The port there.
    pub port: Port,
    /// Where its payload lies in the caller's memory, at most 8 pieces.
    pub iovs: &'a [Iov],
    /// The sender's choice.
    pub message_type: u32,
}

/// What became of a message, while locks are held: what to raise when they are gone.
enum Delivery {
    Sent(PayloadLen, Delivered),
    Waits(Wait),
    /// The ring is for everybody, and the policy allows only one for the sender alone.
    Barred,
}

impl<S: System> Engine<S> {
    /// Sends a message and interrupts the receiver. Returns the bytes of its payload. Allocates
    /// nothing.
    ///
    /// The receiver gets all of it or nothing.
    ///
    /// # Errors
    /// In this order: `EINVAL` (more than 8 pieces); `ESRCH`; `EACCES` (the hook `send`); `EPERM`
    /// (the ports); `EAGAIN` (a rate limit: the caller will be interrupted); `ENODEV`;
    /// `ECONNREFUSED` (nobody, or no ring, receives there); `EINVAL` or `EMSGSIZE` (a piece, or
    /// the whole, is longer than any message); `EMSGSIZE` (longer than the ring can ever hold);
    /// `EAGAIN` (no room now: the caller waits and will be interrupted once there is); `EBUSY` (no
    /// room, and too many wait already); `EFAULT` (a piece is not in the caller's memory).
    pub fn sendv(&self, caller: &Caller<S>, request: &SendRequest<'_>) -> Result<u32, Errno> {
        self.call(caller, |judge| match request.iovs.len() > IOVS_MAX as usize {
            true => Err(Errno::EINVAL),
            false => self.send(judge, caller, request, &mut ()),
        })
    }

    #[inline]
    pub(crate) fn send(
        &self,
        judge: &impl Judge,
        caller: &Caller<S>,
        request: &SendRequest<'_>,
        observer: &mut impl Observer,
    ) -> Result<u32, Errno> {
        let from = caller.domain.id();
        let receiver = self.registry.find(from, request.receiver).ok_or(Errno::ESRCH)?;
        let to = receiver.id();
        self.ask(judge, &caller.domain, Query::Send { from, to })?;
        let route = Route { from, from_port: request.source, to, to_port: request.port };
        let passage = self.way(judge, caller, route)?;
        if judge.throttles(&passage) {
            caller.domain.counters.throttled();
            return Err(Errno::EAGAIN);
        }
        match deliver(caller, &receiver, request, passage.query.rings, observer)? {
            Delivery::Sent(payload, Delivered { others_wait }) => {
                judge.delivered(&passage, payload.bytes());
                caller.domain.counters.sent(payload.bytes());
                if others_wait {
                    self.events().space_wanted(receiver.id());
                }
                self.events().virq(receiver.id());
                Ok(payload.bytes())
            }
            Delivery::Waits(wait) => {
                self.tell_of(wait, from, to);
                Err(if wait == Wait::Busy { Errno::EBUSY } else { Errno::EAGAIN })
            }
            Delivery::Barred => {
                let query = PortQuery { rings: Rings::Any, ..passage.query };
                let barred = Refused::Ports { query, claimed: passage.claimed };
                self.bar(judge, &caller.domain, barred, judge.ports(query).rule);
                Err(Errno::EPERM)
            }
        }
    }
}

/// The part of a send under locks.
#[inline]
fn deliver<S: System>(
    caller: &Caller<S>,
    receiver: &Domain<S>,
    request: &SendRequest<'_>,
    rings: Rings,
    observer: &mut impl Observer,
) -> Result<Delivery, Errno> {
    let mut gate = caller.domain.enter()?;
    receiver.listens()?;
    let table = receiver.rings(&mut gate);
    let found = table.find_for(caller.domain.id(), request.port);
    let found = found.ok_or(Errno::ECONNREFUSED)?;
    if !found.ring.is_among(rings) {
        return Ok(Delivery::Barred);
    }
    let payload = PayloadLen::of(request.iovs)?;
    let mut ring = found.ring.lock();
    match ring.deliver(caller, request, payload, observer) {
        Ok(delivered) => Ok(Delivery::Sent(payload, delivered)),
        Err(Undelivered::NoRoom) => {
            Ok(Delivery::Waits(found.wait(&mut ring, caller.domain.id(), payload)))
        }
        Err(Undelivered::Refused(errno)) => Err(errno),
    }
}
