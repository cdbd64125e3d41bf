//! The extended wire: how it is agreed on, and what its messages mean.
#![forbid(unsafe_code)]

mod support;

use argo_core::abi::PAYLOAD_MAX;
use argo_stream::wire::{self, Acceptance, Flags};
use argo_stream::{Connection, Endpoint, Kind, Mode, Verdict};

use support::*;

const FIN: Verdict = Verdict::Finished { skip: wire::HEAD_EXTENDED };

fn own_port() -> Endpoint {
    endpoint(1, OWN_PORT)
}

#[test]
fn an_acceptance_moves_the_connection_to_its_port() {
    let connection = connected_extended(Kind::Stream);
    assert_eq!(connection.mode(), Some(Mode::Extended { epoch: EPOCH }));
    assert_eq!(connection.peer(), own_port());
    assert_eq!(connection.max_message(), Some(wire::MESSAGE_GUARANTEED));
    let (head, len) = connection.head(Flags::FIN);
    assert_eq!(head[..len], wire::head_extended(Flags::FIN, CONID, EPOCH));
}

#[test]
fn acceptances_at_their_bounds() {
    let sound = sound_acceptance();
    let fit = [
        Acceptance { max_message: PAYLOAD_MAX, ..sound },
        Acceptance { port: 0, epoch: 0, ..sound },
        Acceptance { port: u32::MAX, epoch: u64::MAX, ..sound },
        Acceptance { port: peer().port.0, ..sound },
    ];
    for acceptance in fit {
        let verdict = connecting().receive(&extended_ack(acceptance).arrival());
        assert_eq!(verdict, Verdict::Connected, "{acceptance:?}");
    }
    let unfit = [
        Acceptance { version: 0, ..sound },
        Acceptance { version: 2, ..sound },
        Acceptance { pad: 1, ..sound },
        Acceptance { max_message: 0, ..sound },
        Acceptance { max_message: wire::HEAD_EXTENDED - 1, ..sound },
        Acceptance { max_message: wire::MESSAGE_GUARANTEED - 1, ..sound },
        Acceptance { max_message: PAYLOAD_MAX + 1, ..sound },
        Acceptance { max_message: u32::MAX, ..sound },
    ];
    for acceptance in unfit {
        refused(&extended_ack(acceptance), &format!("{acceptance:?}"));
    }
}

#[test]
fn an_acceptance_has_one_length() {
    let whole = extended_ack(sound_acceptance());
    for by in 1..24 {
        refused(&whole.clone().shorter(by), &format!("{by} shorter"));
    }
    refused(&whole.longer(1), "longer");
}

fn refused(ack: &Message, name: &str) {
    let mut connection = connecting();
    assert_eq!(connection.receive(&ack.arrival()), Verdict::Violation, "{name}");
    assert_eq!((connection.mode(), connection.peer()), (None, peer()), "{name}");
    assert_eq!(connection.receive(&data().arrival()), Verdict::Ignored, "{name}");
}

#[test]
fn a_bare_ack_is_the_plain_wire_whatever_its_bits() {
    for bits in [2, 2 | Flags::EXTENDED.bits()] {
        let mut connection = connecting();
        assert_eq!(connection.receive(&bare(bits, CONID).arrival()), Verdict::Connected);
        assert_eq!(connection.mode(), Some(Mode::Plain));
        assert_eq!((connection.peer(), connection.max_message()), (peer(), None));
    }
}

#[test]
fn messages_with_boundaries_are_not_granted_by_a_plain_peer() {
    let connecting = || Connection::connecting(peer(), CONID, Kind::Seqpacket);
    assert_eq!(connecting().receive(&ack().arrival()), Verdict::Violation);
    assert_eq!(connecting().receive(&data().arrival()), Verdict::Violation);
    assert_eq!(connecting().receive(&bare(6, CONID).arrival()), Verdict::Refused, "with RST");
}

/// What came early was taken for plain, so the ACK may not say anything else.
#[test]
fn data_before_the_ack_excludes_the_extension() {
    let mut connection = connecting();
    let early = data().longer(9);
    assert_eq!(connection.receive(&early.arrival()), DATA);
    let ack = extended_ack(sound_acceptance());
    assert_eq!(connection.receive(&ack.arrival()), Verdict::Violation);
    assert_eq!(connection.payload(&early.arrival()), Some(8));
}

#[test]
fn every_message_of_an_extended_connection() {
    use Verdict::{Ignored, Reset};
    let message = |flags| extended(flags, EPOCH);
    let stale = |flags| extended(flags, EPOCH ^ 1);
    let plain = |flags, by| bare(flags, CONID).longer(by).from(own_port());
    let none = Flags::empty();
    let extended_bit = Flags::EXTENDED.bits();
    let rows = [
        ("data", message(none).longer(3), DATA_EXTENDED),
        ("empty data", message(none), DATA_EXTENDED),
        ("PING", message(Flags::from_bits_retain(0x100)), DATA_EXTENDED),
        ("FIN", message(Flags::FIN), FIN),
        ("FIN with data", message(Flags::FIN).longer(3), FIN),
        ("data of another epoch", stale(none).longer(3), stray(CONID)),
        ("FIN of another epoch", stale(Flags::FIN), stray(CONID)),
        ("RST", message(Flags::RST), Reset),
        ("RST, longer", message(Flags::RST).longer(1), Ignored),
        ("RST of another epoch", stale(Flags::RST), Ignored),
        ("RST with a part of an epoch", message(Flags::RST).shorter(1), Ignored),
        ("plain RST of a peer that knows nothing", plain(4, 0), Reset),
        ("plain RST, longer", plain(4, 8), Ignored),
        ("plain data", plain(0, 20), stray(CONID)),
        ("a part of an epoch", plain(extended_bit, 7), stray(CONID)),
        ("SYN", plain(1, 0), stray(CONID)),
        ("SYN, longer", plain(1, 8), Ignored),
        ("other id", bare(0, OTHER).from(own_port()), stray(OTHER)),
    ];
    for (name, message, verdict) in rows {
        for kind in [Kind::Stream, Kind::Seqpacket] {
            for mut connection in [connected_extended(kind), accepted_extended(kind)] {
                assert_eq!(connection.receive(&message.arrival()), verdict, "{name}");
                let payload = match verdict {
                    Verdict::Data { skip } | Verdict::Finished { skip } => Some(skip),
                    _ => None,
                };
                assert_eq!(connection.payload(&message.arrival()), payload, "{name}");
            }
        }
    }
}

#[test]
fn nothing_is_granted_twice() {
    let again = extended_ack(sound_acceptance()).from(own_port());
    for second in [ack().from(own_port()), again.clone()] {
        let mut connector = connected_extended(Kind::Stream);
        assert_eq!(connector.receive(&second.arrival()), Verdict::Violation, "{second:?}");
    }
    assert_eq!(connected().receive(&again.clone().from(peer()).arrival()), Verdict::Violation);
    let mut acceptor = accepted_extended(Kind::Stream);
    assert_eq!(acceptor.receive(&ack().from(own_port()).arrival()), stray(CONID));
    assert_eq!(acceptor.receive(&again.arrival()), Verdict::Ignored);
    assert_eq!(acceptor.mode(), Some(Mode::Extended { epoch: EPOCH }));
}

#[test]
fn after_the_end_of_its_data_a_peer_may_only_reset() {
    for late in [extended(Flags::empty(), EPOCH).longer(1), extended(Flags::FIN, EPOCH)] {
        let mut connection = accepted_extended(Kind::Stream);
        assert_eq!(connection.receive(&extended(Flags::FIN, EPOCH).arrival()), FIN);
        assert_eq!(connection.receive(&late.arrival()), Verdict::Violation);
    }
    let mut connection = accepted_extended(Kind::Stream);
    assert_eq!(connection.receive(&extended(Flags::FIN, EPOCH).arrival()), FIN);
    let stale = extended(Flags::empty(), EPOCH + 1);
    assert_eq!(connection.receive(&stale.arrival()), stray(CONID));
    assert_eq!(connection.receive(&extended(Flags::RST, EPOCH).arrival()), Verdict::Reset);
}

#[test]
fn bytes_are_as_documented() {
    let syn = Connection::connecting(peer(), 0x0403_0201, Kind::Seqpacket).syn();
    assert_eq!(syn, [0x01, 0, 0x50, 0, 1, 2, 3, 4]);
    let acceptance = Acceptance {
        version: wire::VERSION,
        port: 0x8000_0007,
        max_message: 0x0000_8000,
        pad: 0,
        epoch: 0x0807_0605_0403_0201,
    };
    let expected = [
        [0x02, 0, 0x10, 0, 1, 2, 3, 4],
        [1, 0, 0, 0, 7, 0, 0, 0x80],
        [0, 0x80, 0, 0, 0, 0, 0, 0],
        [1, 2, 3, 4, 5, 6, 7, 8],
    ];
    assert_eq!(wire::acceptance(0x0403_0201, acceptance), *expected.as_flattened());
    let head = wire::head_extended(Flags::FIN, 0x0403_0201, 0x0807_0605_0403_0201);
    assert_eq!(head, [0, 0, 0x30, 0, 1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8]);
}
