//! Messages as a test writes them.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use std::hash::{BuildHasher, RandomState};

use argo_core::{DomainId, Port};
use argo_stream::wire::{self, Acceptance, Flags};
use argo_stream::{Arrival, Connection, Endpoint, HEAD_MAX, Kind, Mode, Verdict};
use proptest::test_runner::{Config as ProptestConfig, RngSeed};

/// The message type of datagrams.
pub const DATAGRAM: u32 = 0x6447_724D;
/// The id of the connection under test.
pub const CONID: u32 = 0xD1;
/// Another.
pub const OTHER: u32 = 0x21;
/// The epoch of the extended connections under test.
pub const EPOCH: u64 = 0x0123_4567_89AB_CDEF;
/// The port that an acceptance under test names.
pub const OWN_PORT: u32 = 0x8000_0001;

/// Cases of a property in a run.
const CASES: u32 = 256;

/// Another seed each time, printed if the test fails: `PROPTEST_RNG_SEED` repeats it.
pub fn seeded() -> ProptestConfig {
    let mut config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    config.cases = effort::cases(CASES);
    if config.rng_seed == RngSeed::Random {
        config.rng_seed = RngSeed::Fixed(RandomState::new().hash_one(()));
    }
    println!("seed: {:?}", config.rng_seed);
    config
}

/// Says how many cases of a [`seeded`] property held.
pub fn held(what: &str) {
    effort::ran(effort::cases(CASES).into(), what);
}

/// What a message means that a plain RST with this id answers.
pub const fn stray(conid: u32) -> Verdict {
    Verdict::Stray { conid }
}

/// Payload behind a plain head.
pub const DATA: Verdict = Verdict::Data { skip: wire::HEAD };
/// Payload behind an extended head.
pub const DATA_EXTENDED: Verdict = Verdict::Data { skip: wire::HEAD_EXTENDED };

/// A port of a domain.
pub fn endpoint(domain: u16, port: u32) -> Endpoint {
    Endpoint { domain: DomainId::new(domain).unwrap(), port: Port(port) }
}

/// The peer of the connection under test.
pub fn peer() -> Endpoint {
    endpoint(1, 0x5000)
}

/// A message whole.
#[derive(Clone, Debug)]
pub struct Message {
    pub source: Endpoint,
    pub message_type: u32,
    pub bytes: Vec<u8>,
}

impl Message {
    pub fn arrival(&self) -> Arrival<'_> {
        let len = self.bytes.len();
        Arrival {
            source: self.source,
            message_type: self.message_type,
            len: u32::try_from(len).unwrap(),
            head: &self.bytes[..len.min(HEAD_MAX)],
        }
    }

    pub fn from(self, source: Endpoint) -> Self {
        Self { source, ..self }
    }

    pub fn typed(self, message_type: u32) -> Self {
        Self { message_type, ..self }
    }

    /// The same with this many bytes behind it.
    pub fn longer(mut self, by: usize) -> Self {
        self.bytes.resize(self.bytes.len() + by, 0xA5);
        self
    }

    /// The same without its last bytes.
    pub fn shorter(mut self, by: usize) -> Self {
        self.bytes.truncate(self.bytes.len() - by);
        self
    }
}

/// A message of the peer that consists of these bytes.
pub fn of_bytes(bytes: &[u8]) -> Message {
    Message { source: peer(), message_type: wire::STREAM, bytes: bytes.to_vec() }
}

/// A bare message of the peer, with any bits.
pub fn bare(flags: u32, conid: u32) -> Message {
    of_bytes(&wire::head(Flags::from_bits_retain(flags), conid))
}

pub fn syn() -> Message {
    bare(1, CONID)
}

pub fn ack() -> Message {
    bare(2, CONID)
}

pub fn rst() -> Message {
    bare(4, CONID)
}

/// An empty data message.
pub fn data() -> Message {
    bare(0, CONID)
}

/// A message of an extended connection, from the port that the acceptance names.
pub fn extended(flags: Flags, epoch: u64) -> Message {
    of_bytes(&wire::head_extended(flags, CONID, epoch)).from(endpoint(1, OWN_PORT))
}

/// What an acceptor of ours says.
pub fn sound_acceptance() -> Acceptance {
    Acceptance {
        version: wire::VERSION,
        port: OWN_PORT,
        max_message: wire::MESSAGE_GUARANTEED,
        pad: 0,
        epoch: EPOCH,
    }
}

/// The ACK that confirms the extension.
pub fn extended_ack(acceptance: Acceptance) -> Message {
    of_bytes(&wire::acceptance(CONID, acceptance))
}

pub fn connecting() -> Connection {
    Connection::connecting(peer(), CONID, Kind::Stream)
}

pub fn connected() -> Connection {
    let mut connection = connecting();
    assert_eq!(connection.receive(&ack().arrival()), Verdict::Connected);
    connection
}

pub fn connected_extended(kind: Kind) -> Connection {
    let mut connection = Connection::connecting(peer(), CONID, kind);
    let ack = extended_ack(sound_acceptance());
    assert_eq!(connection.receive(&ack.arrival()), Verdict::Connected);
    connection
}

pub fn accepted() -> Connection {
    Connection::accepted(peer(), CONID, Kind::Stream, Mode::Plain)
}

pub fn accepted_extended(kind: Kind) -> Connection {
    Connection::accepted(endpoint(1, OWN_PORT), CONID, kind, Mode::Extended { epoch: EPOCH })
}
