//! Event channels: ports that are unbound, or bound to a port of another domain.
//!
//! One domain allocates a port for another, which binds to it, once at a time. When the binder
//! closes its port, the allocator's is as it was and can be bound anew. When the allocator closes
//! its own, the binder's is dead: it can only be closed.
//!
//! The host brings the ends `E`, cheap clones of whatever carries events; the last clone that goes
//! is to end it for the peer. Nothing is ended in here: what goes is handed to the caller.

mod error;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use argo_core::DomainId;

use crate::table::Table;
use crate::{ConnectionId, Holder};
pub use error::ChannelError;

/// So many other ports of the domain come and go before a number is used again: keys that a killed
/// server has left in the store are to mean nobody, not whoever comes next.
const RESTING: usize = 256;

/// The two ends of one channel.
#[derive(Clone, Debug)]
pub struct Ends<E> {
    /// Of the domain that allocates.
    pub allocator: E,
    /// Of the domain that binds.
    pub binder: E,
}

/// What a bind made.
#[derive(Debug)]
pub struct Bound<E> {
    /// The binder's port.
    pub port: u32,
    /// Both ends. As Xen does, an event is to be sent over the allocator's: the binder's first.
    pub ends: Ends<E>,
}

/// All ports of a host.
#[derive(Debug)]
pub struct Channels<E> {
    domains: BTreeMap<DomainId, Table<Port<E>>>,
}

#[derive(Debug)]
struct Port<E> {
    connection: ConnectionId,
    remote: DomainId,
    state: State<E>,
}

#[derive(Debug)]
enum State<E> {
    /// Allocated here. `bound` is the port of the domain that is bound to it.
    Allocated { ends: Ends<E>, bound: Option<u32> },
    /// Bound to that port of the remote domain.
    Bound { end: E, to: u32 },
    /// The other side is gone for ever.
    Dead,
}

impl<E> Default for Channels<E> {
    fn default() -> Self {
        Self { domains: BTreeMap::new() }
    }
}

impl<E: Clone> Channels<E> {
    /// Makes a port that `remote` may bind to; returns its number, from 1.
    ///
    /// # Errors
    /// The domain has `limit` ports.
    pub fn alloc_unbound(
        &mut self,
        holder: Holder,
        remote: DomainId,
        limit: u32,
        ends: Ends<E>,
    ) -> Result<u32, ChannelError> {
        let state = State::Allocated { ends, bound: None };
        self.add(holder, limit, Port { connection: holder.connection, remote, state })
    }

    /// Makes a port that is bound to one that `remote` has allocated for this domain.
    ///
    /// # Errors
    /// As Xen: there is no such port, it is another domain's to bind, or it is bound already. Or
    /// the domain has `limit` ports.
    pub fn bind(
        &mut self,
        holder: Holder,
        remote: DomainId,
        port: u32,
        limit: u32,
    ) -> Result<Bound<E>, ChannelError> {
        let ends = self.unbound(holder.domain, remote, port)?;
        let state = State::Bound { end: ends.binder.clone(), to: port };
        let own = self.add(holder, limit, Port { connection: holder.connection, remote, state })?;
        if let Some(bound) = self.binding(remote, port) {
            *bound = Some(own);
        }
        Ok(Bound { port: own, ends })
    }

    /// Closes a port of the connection; returns the ends that go with it.
    ///
    /// # Errors
    /// The connection has no such port.
    pub fn close(&mut self, holder: Holder, port: u32) -> Result<Vec<E>, ChannelError> {
        let found = self.port(holder.domain, port);
        if found.is_none_or(|found| found.connection != holder.connection) {
            return Err(ChannelError::NoPort { port });
        }
        Ok(self.remove(holder.domain, port))
    }

    /// Closes all ports of the connection; returns the ends that go with them.
    pub fn end_connection(&mut self, holder: Holder) -> Vec<E> {
        self.remove_all(holder.domain, |port| port.connection == holder.connection)
    }

    /// Closes all ports of the domain, and has all ports that others allocated for it dead: a later
    /// domain of the same id is another one. The ends that go with them may be held by a promise to
    /// send an event, so that the caller has to end them now.
    pub fn end_domain(&mut self, domain: DomainId) -> Vec<E> {
        let mut ended = self.remove_all(domain, |_| true);
        let severed = self.sever(|from, to| from == domain || to == domain);
        ended.extend(severed.into_iter().flat_map(|ends| [ends.allocator, ends.binder]));
        self.domains.remove(&domain);
        ended
    }

    /// Has all channels dead that a changed policy forbids: `forbidden` is asked of the allocator
    /// and the other, and, if bound, the other way round. The ends of each are to be ended now,
    /// whoever holds them.
    pub fn sever(&mut self, forbidden: impl Fn(DomainId, DomainId) -> bool) -> Vec<Ends<E>> {
        let mut ended = Vec::new();
        for (domain, number) in self.severed(forbidden) {
            let Some(port) = self.port_mut(domain, number) else { continue };
            let remote = port.remote;
            let State::Allocated { ends, bound } = core::mem::replace(&mut port.state, State::Dead)
            else {
                continue;
            };
            // The end that the binder had is a clone of one of these.
            let _ = bound.and_then(|bound| self.kill(remote, bound));
            ended.push(ends);
        }
        ended
    }

    /// The domain's end of a port, to send an event over it, even once it is closed.
    pub fn end(&self, domain: DomainId, port: u32) -> Option<E> {
        match &self.port(domain, port)?.state {
            State::Allocated { ends, .. } => Some(ends.allocator.clone()),
            State::Bound { end, .. } => Some(end.clone()),
            State::Dead => None,
        }
    }

    /// Whether the domain has allocated this port and not closed it since, and nothing has shut it.
    pub fn is_allocated(&self, domain: DomainId, port: u32) -> bool {
        let found = self.port(domain, port);
        found.is_some_and(|found| matches!(found.state, State::Allocated { .. }))
    }

    /// How many ports the domain has.
    pub fn ports(&self, domain: DomainId) -> usize {
        self.domains.get(&domain).map_or(0, Table::len)
    }

    fn add(&mut self, holder: Holder, limit: u32, port: Port<E>) -> Result<u32, ChannelError> {
        let ports = self.domains.entry(holder.domain);
        let ports = ports.or_insert_with(|| Table::with_resting(RESTING));
        if ports.len() >= limit as usize {
            return Err(ChannelError::Full { limit });
        }
        Ok(ports.insert(port))
    }

    fn unbound(
        &self,
        domain: DomainId,
        remote: DomainId,
        port: u32,
    ) -> Result<Ends<E>, ChannelError> {
        let found = self.port(remote, port).ok_or(ChannelError::NoRemotePort { remote, port })?;
        match &found.state {
            _ if found.remote != domain => Err(ChannelError::NotForYou { remote, port }),
            State::Allocated { ends, bound: None } => Ok(ends.clone()),
            State::Allocated { .. } => Err(ChannelError::Taken { remote, port }),
            State::Bound { .. } | State::Dead => Err(ChannelError::NotUnbound { remote, port }),
        }
    }

    fn remove_all(&mut self, domain: DomainId, fits: impl Fn(&Port<E>) -> bool) -> Vec<E> {
        let numbers = self.domains.get(&domain).map(|ports| ports.numbers(fits));
        let numbers = numbers.unwrap_or_default();
        numbers.into_iter().flat_map(|port| self.remove(domain, port)).collect()
    }

    fn remove(&mut self, domain: DomainId, number: u32) -> Vec<E> {
        let removed = self.domains.get_mut(&domain).and_then(|ports| ports.remove(number));
        let Some(port) = removed else { return Vec::new() };
        match port.state {
            State::Allocated { ends, bound } => {
                let peers = bound.and_then(|bound| self.kill(port.remote, bound));
                [ends.allocator, ends.binder].into_iter().chain(peers).collect()
            }
            State::Bound { end, to } => {
                if let Some(bound) = self.binding(port.remote, to) {
                    *bound = None;
                }
                Vec::from([end])
            }
            State::Dead => Vec::new(),
        }
    }

    /// Has a bound port dead; returns the end that it had.
    fn kill(&mut self, domain: DomainId, number: u32) -> Option<E> {
        let port = self.port_mut(domain, number)?;
        match core::mem::replace(&mut port.state, State::Dead) {
            State::Bound { end, .. } => Some(end),
            State::Allocated { .. } | State::Dead => None,
        }
    }

    fn severed(&self, forbidden: impl Fn(DomainId, DomainId) -> bool) -> Vec<(DomainId, u32)> {
        let mut severed = Vec::new();
        for (domain, ports) in &self.domains {
            let numbers = ports.numbers(|port| match port.state {
                State::Allocated { bound: None, .. } => forbidden(*domain, port.remote),
                State::Allocated { bound: Some(_), .. } => {
                    forbidden(*domain, port.remote) || forbidden(port.remote, *domain)
                }
                State::Bound { .. } | State::Dead => false,
            });
            severed.extend(numbers.into_iter().map(|number| (*domain, number)));
        }
        severed
    }

    fn binding(&mut self, domain: DomainId, port: u32) -> Option<&mut Option<u32>> {
        match &mut self.port_mut(domain, port)?.state {
            State::Allocated { bound, .. } => Some(bound),
            State::Bound { .. } | State::Dead => None,
        }
    }

    fn port(&self, domain: DomainId, port: u32) -> Option<&Port<E>> {
        self.domains.get(&domain)?.at(port)
    }

    fn port_mut(&mut self, domain: DomainId, port: u32) -> Option<&mut Port<E>> {
        self.domains.get_mut(&domain)?.at_mut(port)
    }
}
