//! How streams and listeners are made.

use core::time::Duration;

use argo_core::claim::RingLen;
use argo_core::{DomainId, Partner, Port};
use argo_stream::wire;

use crate::datagram::{BindError, RING_LEN_MAX};
use crate::domain::Inner;

/// How a stream behaves. The defaults suit bulk transfer in a domain with RAM to spare.
#[derive(Clone, Copy, Debug)]
pub struct StreamOptions {
    pub(crate) ring_len: u32,
    pub(crate) send_buffer: usize,
    pub(crate) connect_timeout: Duration,
    pub(crate) linger: Duration,
    pub(crate) idle_check: Duration,
}

impl StreamOptions {
    /// The defaults.
    pub const fn new() -> Self {
        Self {
            ring_len: 1 << 20,
            send_buffer: 256 << 10,
            connect_timeout: Duration::from_secs(5),
            linger: Duration::from_secs(1),
            idle_check: Duration::from_secs(10),
        }
    }

    /// Bytes of the ring of a connection, which is its receive buffer: 32,800 to
    /// [`RING_LEN_MAX`], a multiple of 16. Default: 1 MiB. Where the domain's RAM has no such
    /// piece left, the longest that it has, by halves, down to 32,800.
    #[must_use]
    pub const fn ring_len(mut self, bytes: u32) -> Self {
        self.ring_len = bytes;
        self
    }

    /// Bytes that may be written and not yet lie in the peer's ring; at least one is always taken.
    /// Default: 256 KiB. They lie in the domain's RAM.
    #[must_use]
    pub const fn send_buffer(mut self, bytes: usize) -> Self {
        self.send_buffer = bytes;
        self
    }

    /// How long to wait for the answer to a connect. Default: 5 s, as the Linux driver.
    #[must_use]
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long a dropped stream towards a peer on the *plain* wire waits before it says so, once
    /// everything lies in the peer's ring: that peer throws unread data away when it hears of the
    /// end. Default: 1 s; half a second at most when the session itself ends. Between our own peers
    /// nothing is lost and nothing waits.
    #[must_use]
    pub const fn linger(mut self, time: Duration) -> Self {
        self.linger = time;
        self
    }

    /// How often to ask after the peers of connections that are idle. Default: 10 s, one hypercall
    /// for 64 of them. It bounds how long a peer's death goes unnoticed where the platform cannot
    /// tell (Xen, and peers on the plain wire, whose ring is nobody's in particular); argod tells of
    /// peers of ours at once.
    #[must_use]
    pub const fn idle_check(mut self, every: Duration) -> Self {
        self.idle_check = every;
        self
    }

    pub(crate) fn checked_len(&self) -> Result<RingLen, BindError> {
        let (len, min, max) = (self.ring_len, wire::RING_LEN_MIN, RING_LEN_MAX);
        let bad = BindError::RingLength { len, min, max };
        let checked = RingLen::check(len).map_err(|_| bad)?;
        if (min..=max).contains(&len) { Ok(checked) } else { Err(bad) }
    }
}

impl Default for StreamOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// How a listener is bound.
///
/// A [`Port`] turns into options by itself: that port, any partner, the default streams.
#[derive(Clone, Copy, Debug)]
pub struct ListenOptions {
    pub(crate) port: Port,
    pub(crate) partner: Partner,
    pub(crate) backlog: usize,
    pub(crate) connections: usize,
    peer_memory: Option<usize>,
    pub(crate) stream: StreamOptions,
}

impl ListenOptions {
    /// Listens on this port.
    pub const fn port(port: Port) -> Self {
        let stream = StreamOptions::new();
        Self {
            port,
            partner: Partner::Any,
            backlog: 16,
            connections: 1024,
            peer_memory: None,
            stream,
        }
    }

    /// Hears this domain only. (Default: any, which the policy must allow.)
    #[must_use]
    pub const fn partner(mut self, partner: DomainId) -> Self {
        self.partner = Partner::Domain(partner);
        self
    }

    /// Connections of *one* domain that may wait to be accepted; further ones are refused.
    /// Default: 16. No domain takes another's place.
    #[must_use]
    pub const fn backlog(mut self, connections: usize) -> Self {
        self.backlog = connections;
        self
    }

    /// Connections of *one* domain at a time; further ones are refused. Default: 1024.
    #[must_use]
    pub const fn connections(mut self, connections: usize) -> Self {
        self.connections = connections;
        self
    }

    /// Bytes that the rings of *one* domain's connections may take of this domain's RAM. Beyond
    /// that its connections get shorter rings, and then share the one that the domain has on the
    /// port. Default: a quarter of the RAM.
    #[must_use]
    pub const fn memory(mut self, bytes: usize) -> Self {
        self.peer_memory = Some(bytes);
        self
    }

    pub(crate) fn peer_memory(&self, inner: &Inner) -> usize {
        self.peer_memory.unwrap_or_else(|| inner.platform.ram().len() / 4)
    }

    /// How accepted streams behave. Its ring length is also that of the listener's own rings.
    #[must_use]
    pub const fn stream(mut self, options: StreamOptions) -> Self {
        self.stream = options;
        self
    }
}

impl From<Port> for ListenOptions {
    fn from(port: Port) -> Self {
        Self::port(port)
    }
}
