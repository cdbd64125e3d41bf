//! Listening for connections.

use alloc::sync::Arc;
use core::marker::PhantomData;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;

use argo_core::platform::Gone;
use argo_stream::Kind;

use super::Owner;
use super::error::AcceptError;
use super::options::ListenOptions;
use super::port::ListenPort;
use super::socket::Stream;
use super::waiting::{NotNow, Waiter, until};
use crate::address::Address;
use crate::datagram::BindError;
use crate::domain::{Background, Domain, Inner, Patience};
use crate::lock::Mutex;

/// Whoever listens, for either kind of connection.
pub(super) struct Listening {
    domain: Domain,
    port: Arc<ListenPort>,
    waiter: Mutex<Waiter>,
    /// Requests are answered even while nobody waits for them.
    _standby: Background<Inner>,
}

impl Listening {
    pub(super) async fn bind(
        domain: &Domain,
        kind: Kind,
        how: ListenOptions,
    ) -> Result<Self, BindError> {
        let port = ListenPort::bind(domain.inner(), kind, how).await?;
        let standby = domain.inner().background();
        Ok(Self { domain: domain.clone(), port, waiter: Mutex::default(), _standby: standby })
    }

    pub(super) fn local_addr(&self) -> Address {
        self.port.local()
    }

    pub(super) fn domain(&self) -> &Domain {
        &self.domain
    }

    pub(super) fn try_accept(&self) -> Result<(Owner, Address), AcceptError> {
        // Asked first: who had come before is accepted.
        let gone = self.domain.is_gone();
        let cut = self.port.cut();
        if let Some(conn) = self.port.accept() {
            let peer = conn.peer;
            return Ok((Owner::new(self.domain.clone(), conn), peer));
        }
        match (self.port.corrupt(), cut) {
            (Some(corrupt), _) => Err(corrupt.into()),
            _ if gone => Err(Gone.into()),
            (None, Some(cause)) => Err(AcceptError::Cut { cause }),
            (None, None) => Err(AcceptError::WouldBlock),
        }
    }

    pub(super) async fn accept(&self) -> Result<(Owner, Address), AcceptError> {
        self.domain.inner().driven(self.next(Patience::ENDLESS)).await
    }

    pub(super) fn accept_blocking(
        &self,
        timeout: Option<Duration>,
    ) -> Result<(Owner, Address), AcceptError> {
        let inner = self.domain.inner();
        let patience = timeout.map_or(Patience::ENDLESS, |after| Patience::new(inner, after));
        inner.block_on(self.next(patience))
    }

    pub(super) fn poll_accept(
        &self,
        context: &mut Context<'_>,
    ) -> Poll<Result<(Owner, Address), AcceptError>> {
        let event = &self.port.acceptable;
        self.waiter.lock().poll(context, self.domain.inner(), event, || self.try_accept())
    }

    async fn next(&self, patience: Patience) -> Result<(Owner, Address), AcceptError> {
        let event = &self.port.acceptable;
        until(self.domain.inner(), event, patience, || self.try_accept()).await
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.port.close();
    }
}

impl NotNow for AcceptError {
    fn is_not_now(&self) -> bool {
        *self == Self::WouldBlock
    }
}

/// A socket that is accepted on a port: a stream, or one that keeps message boundaries.
pub trait Accepted {
    /// What peers have to ask for.
    #[doc(hidden)]
    const KIND: Kind;

    /// The socket of a connection.
    #[doc(hidden)]
    fn of(owner: Owner) -> Self;
}

/// A port on which connections are accepted: [`StreamListener`], or
/// [`SeqpacketListener`](super::seqpacket::SeqpacketListener).
///
/// Peers of ours are answered as soon as they ask: to them the connection exists, and they may
/// write, before it is accepted, as with the system's own sockets. Peers on the plain wire are
/// answered when it is accepted, which should be within 5 s, for they wait no longer.
///
/// Each domain has its own ring and its own part of the backlog ([`ListenOptions`]): what one does
/// never keeps another from connecting. Requests beyond the limits are refused.
///
/// Dropping it refuses whoever was not accepted; accepted streams live on. While one of them is on
/// the plain wire, its peer's ring on the port remains: a new listener can be bound, and refuses
/// that domain until the last such stream has ended.
pub struct Listener<S> {
    listening: Listening,
    accepts: PhantomData<fn() -> S>,
}

/// A port on which streams are accepted.
pub type StreamListener = Listener<Stream>;

impl<S: Accepted> Listener<S> {
    /// Listens: `StreamListener::bind(&domain, Port(7))`.
    ///
    /// # Errors
    /// See [`BindError`].
    ///
    /// # Cancel safety
    /// Dropped before it is ready, nothing stays bound.
    pub async fn bind(domain: &Domain, how: impl Into<ListenOptions>) -> Result<Self, BindError> {
        let binding = Listening::bind(domain, S::KIND, how.into());
        Ok(Self::over(domain.inner().driven(binding).await?))
    }

    /// [`bind`](Self::bind), for callers that may block: it takes one hypercall.
    ///
    /// # Errors
    /// As for [`bind`](Self::bind).
    pub fn bind_blocking(
        domain: &Domain,
        how: impl Into<ListenOptions>,
    ) -> Result<Self, BindError> {
        let binding = Listening::bind(domain, S::KIND, how.into());
        Ok(Self::over(domain.inner().block_on(binding)?))
    }

    /// Waits for a connection; returns it and who connects.
    ///
    /// # Errors
    /// See [`AcceptError`].
    ///
    /// # Cancel safety
    /// Dropped before it is ready, no connection is lost.
    pub async fn accept(&self) -> Result<(S, Address), AcceptError> {
        self.listening.accept().await.map(accepted)
    }

    /// [`accept`](Self::accept), for callers that may block; with a timeout, if there is one.
    ///
    /// # Errors
    /// See [`AcceptError`].
    pub fn accept_blocking(&self, timeout: Option<Duration>) -> Result<(S, Address), AcceptError> {
        self.listening.accept_blocking(timeout).map(accepted)
    }

    /// [`accept`](Self::accept), if somebody wants to connect now.
    ///
    /// # Errors
    /// [`AcceptError::WouldBlock`]: nobody does. See [`AcceptError`] for the others.
    pub fn try_accept(&self) -> Result<(S, Address), AcceptError> {
        self.listening.try_accept().map(accepted)
    }

    /// [`accept`](Self::accept) as a poll. Of several tasks that poll, the one that did so last is
    /// woken.
    pub fn poll_accept(
        &self,
        context: &mut Context<'_>,
    ) -> Poll<Result<(S, Address), AcceptError>> {
        self.listening.poll_accept(context).map_ok(accepted)
    }

    /// The connections, one after the other, as a [`futures::Stream`] that does not end.
    pub fn incoming(self) -> Incoming<S> {
        Incoming { listener: self }
    }

    /// Where it listens.
    pub fn local_addr(&self) -> Address {
        self.listening.local_addr()
    }

    /// The domain that it belongs to.
    pub fn domain(&self) -> &Domain {
        self.listening.domain()
    }

    fn over(listening: Listening) -> Self {
        Self { listening, accepts: PhantomData }
    }
}

fn accepted<S: Accepted>((owner, peer): (Owner, Address)) -> (S, Address) {
    (S::of(owner), peer)
}

impl<S> core::fmt::Debug for Listener<S> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Listener").field("local_addr", &self.listening.local_addr()).finish()
    }
}

/// The connections of a listener, see [`Listener::incoming`].
#[must_use = "streams do nothing unless polled"]
pub struct Incoming<S = Stream> {
    listener: Listener<S>,
}

impl<S: Accepted> futures::Stream for Incoming<S> {
    type Item = Result<(S, Address), AcceptError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.listener.poll_accept(context).map(Some)
    }
}

impl<S> core::fmt::Debug for Incoming<S> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Incoming").field("listener", &self.listener).finish()
    }
}
