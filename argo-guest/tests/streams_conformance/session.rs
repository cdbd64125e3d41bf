//! The session of our library, in either place.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use argo_core::{DomainId, Port};
use argo_guest::stream::StreamOptions;
use argo_guest::{Address, Datagram, Domain};
use argo_hypervisor::inprocess::{AllowAll, InProcess};

use super::trace::pattern;
use super::waiting::poll_once;
use super::watched::Watched;

/// Longer than any scenario.
pub const NO_LIMIT: Duration = Duration::from_secs(1_000_000);
/// Room for the longest ring, and more.
const RAM_PAGES: usize = 5120;
/// The driver's default.
pub const RING_LEN: u32 = 130_992;
/// What one non-blocking write of the driver takes at most.
const SEND_BUFFER: usize = 32_748;
/// The port on which nothing comes: see [`Session::new`].
const QUIET_PORT: Port = Port(0x7FFF);

pub struct Session {
    pub domain: Domain,
    pub watched: Watched,
    _leader: Pin<Box<dyn Future<Output = ()>>>,
}

impl Session {
    /// A session with one task that waits for ever, so that somebody always deals with events.
    pub fn new(system: &InProcess<AllowAll>, id: u16) -> Self {
        let watched = Watched::new(system.domain(DomainId::new(id).unwrap(), RAM_PAGES).unwrap());
        let domain = Domain::new(watched.clone());
        let quiet = Datagram::bind_blocking(&domain, QUIET_PORT).unwrap();
        let mut leader: Pin<Box<dyn Future<Output = ()>>> =
            Box::pin(async move { quiet.recv(&mut [0]).await.map_or((), |_| ()) });
        assert!(poll_once(&mut leader).is_none());
        Self { domain, watched, _leader: leader }
    }
}

/// Streams that are as much like the driver's as ours can be.
pub fn options() -> StreamOptions {
    StreamOptions::new()
        .ring_len(RING_LEN)
        .send_buffer(SEND_BUFFER)
        .connect_timeout(NO_LIMIT)
        .linger(Duration::ZERO)
}

/// An address, unless the domain's number is one that stands for others.
pub fn address(domain: u16, port: u32) -> Option<Address> {
    Some(Address::new(DomainId::new(domain)?, Port(port)))
}

pub fn patterned(len: usize) -> Vec<u8> {
    (0..len).map(pattern).collect()
}
