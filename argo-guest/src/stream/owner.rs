//! The user's hold on a connection, and the two ways through it.

use alloc::sync::Arc;
use core::pin::pin;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll};
use core::time::Duration;

use argo_stream::Kind;
use event_listener::Event;
use futures::future::select;

use super::conn::Conn;
use super::connect::{connect, pair};
use super::error::{ConnectError, StreamError};
use super::farewell;
use super::options::StreamOptions;
use super::waiting::{Waiter, until};
use crate::address::Address;
use crate::domain::{Domain, Inner, Patience};
use crate::io;
use crate::lock::Mutex;
use crate::readiness::{Interest, Ready};

/// The user's hold on a connection: dropping it closes the connection.
pub struct Owner {
    pub(super) conn: Arc<Conn>,
    /// After the connection: the last handle waits for what is to be delivered.
    pub(super) domain: Domain,
    error_taken: AtomicBool,
}

impl Owner {
    pub(super) fn new(domain: Domain, conn: Arc<Conn>) -> Self {
        Self { conn, domain, error_taken: AtomicBool::new(false) }
    }

    pub(super) async fn connect(
        domain: &Domain,
        to: Address,
        options: &StreamOptions,
        kind: Kind,
    ) -> Result<Self, ConnectError> {
        domain.inner().driven(connect(domain, to, options, kind)).await
    }

    pub(super) fn connect_blocking(
        domain: &Domain,
        to: Address,
        options: &StreamOptions,
        kind: Kind,
    ) -> Result<Self, ConnectError> {
        domain.inner().block_on(connect(domain, to, options, kind))
    }

    pub(super) fn pair(domain: &Domain, kind: Kind) -> Result<(Self, Self), ConnectError> {
        domain.inner().block_on(pair(domain, &StreamOptions::new(), kind))
    }

    pub(super) fn inner(&self) -> &Arc<Inner> {
        self.domain.inner()
    }

    pub(super) fn take_error(&self) -> Option<io::Error> {
        let error = self.conn.failure()?;
        let taken = self.error_taken.swap(true, Ordering::Relaxed);
        (!taken).then(|| error.into())
    }

    /// Waits until the connection is ready for something of interest.
    pub(super) async fn ready(&self, interest: Interest) -> Ready {
        loop {
            let ready = self.conn.readiness().of_interest(interest);
            if !ready.is_empty() || interest.is_empty() {
                return ready;
            }
            let readable = pin!(self.until(Way::In, || self.conn.readable_now()));
            let writable = pin!(self.until(Way::Out, || self.conn.writable_now()));
            // That it is over counts as being ready.
            let _ = match (
                interest.contains(Interest::READABLE),
                interest.contains(Interest::WRITABLE),
            ) {
                (true, false) => readable.await,
                (false, _) => writable.await,
                (true, true) => select(readable, writable).await.factor_first().0,
            };
        }
    }

    async fn until<T>(
        &self,
        way: Way,
        attempt: impl FnMut() -> Result<T, StreamError>,
    ) -> Result<T, StreamError> {
        let inner = self.inner();
        inner.driven(until(inner, way.event(&self.conn), Patience::ENDLESS, attempt)).await
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        farewell::close(&self.conn);
    }
}

/// From the peer, or to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    In,
    Out,
}

impl Way {
    fn event(self, conn: &Conn) -> &Event {
        match self {
            Self::In => &conn.readable,
            Self::Out => &conn.writable,
        }
    }
}

/// One way through a connection: attempts become futures, polls and blocking calls.
pub(super) struct Side {
    pub(super) owner: Arc<Owner>,
    way: Way,
    waiter: Mutex<Waiter>,
}

impl Side {
    /// The way in, and the way out.
    pub(super) fn both(owner: Owner) -> (Self, Self) {
        let owner = Arc::new(owner);
        let side = |owner, way| Self { owner, way, waiter: Mutex::default() };
        (side(owner.clone(), Way::In), side(owner, Way::Out))
    }

    pub(super) fn conn(&self) -> &Arc<Conn> {
        &self.owner.conn
    }

    pub(super) async fn until<T>(
        &self,
        attempt: impl FnMut() -> Result<T, StreamError>,
    ) -> io::Result<T> {
        Ok(self.owner.until(self.way, attempt).await?)
    }

    pub(super) fn block_on<T>(
        &self,
        timeout: Option<Duration>,
        mut attempt: impl FnMut() -> Result<T, StreamError>,
    ) -> io::Result<T> {
        // Most attempts have nothing to wait for, and need nothing that waiting takes.
        match attempt() {
            Err(StreamError::WouldBlock) => {}
            answer => return Ok(answer?),
        }
        let inner = self.owner.inner();
        let patience = timeout.map_or(Patience::ENDLESS, |after| Patience::new(inner, after));
        let event = self.way.event(self.conn());
        Ok(inner.block_on(until(inner, event, patience, attempt))?)
    }

    pub(super) fn poll<T>(
        &self,
        context: &mut Context<'_>,
        attempt: impl FnMut() -> Result<T, StreamError>,
    ) -> Poll<io::Result<T>> {
        let event = self.way.event(self.conn());
        let polled = self.waiter.lock().poll(context, self.owner.inner(), event, attempt);
        polled.map_err(Into::into)
    }
}
