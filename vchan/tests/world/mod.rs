// Two domains of one hub, for the tests of channels.
#![allow(dead_code, reason = "each test file uses some of it")]

use std::time::Duration;

use vchan::inprocess::{AllowAll, Domain, Hub};
use vchan::{Channel, Client, DomainId, Geometry, Server};

/// The limit only ends a failed test.
pub const LONG: Option<Duration> = Some(Duration::from_secs(20));
/// Long enough that a wait is a wait.
pub const SHORT: Option<Duration> = Some(Duration::from_millis(20));
pub const NOW: Option<Duration> = Some(Duration::ZERO);

pub fn id(number: u16) -> DomainId {
    DomainId::new(number).unwrap()
}

pub struct World {
    pub hub: Hub,
    pub one: Domain,
    pub two: Domain,
}

impl World {
    pub fn new() -> World {
        let hub = Hub::new(AllowAll);
        let (one, two) = (hub.domain(id(1)), hub.domain(id(2)));
        World { hub, one, two }
    }

    // Domain 1 serves domain 2 at number 7.
    pub fn server(&self) -> Channel<Domain> {
        Server::new(id(2)).listen(&self.one, 7).unwrap()
    }

    pub fn client(&self) -> Channel<Domain> {
        Client::new(id(1)).connect(&self.two, 7).unwrap()
    }

    pub fn pair(&self) -> (Channel<Domain>, Channel<Domain>) {
        self.pair_of(Geometry::IN_PAGE)
    }

    pub fn pair_of(&self, rings: Geometry) -> (Channel<Domain>, Channel<Domain>) {
        let server = Server::new(id(2)).rings(rings).listen(&self.one, 7).unwrap();
        (server, self.client())
    }
}

pub fn bytes(len: usize, seed: usize) -> Vec<u8> {
    (0..len).map(|at| (at.wrapping_mul(31) ^ (at >> 8)).wrapping_add(seed) as u8).collect()
}
