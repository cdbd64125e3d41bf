//! What each message means on the plain wire: the tables of what OpenXT's driver does, as recorded
//! from it, in its places. Letters and numbers are the scenarios of the recordings; a row that says
//! "ours" differs from them on purpose, as `docs/wire.md` tells.
#![forbid(unsafe_code)]

mod support;

use argo_stream::wire::Flags;
use argo_stream::{Connection, Verdict};

use support::*;

/// A message, and what it means in the states of a table.
type Row<const STATES: usize> = (&'static str, Message, [Verdict; STATES]);

fn check<const STATES: usize>(states: [fn() -> Connection; STATES], rows: Vec<Row<STATES>>) {
    for (name, message, verdicts) in rows {
        for (column, (state, verdict)) in states.iter().zip(verdicts).enumerate() {
            let mut connection = state();
            assert_eq!(connection.receive(&message.arrival()), verdict, "{name}, state {column}");
            let over = matches!(verdict, Verdict::Refused | Verdict::Reset | Verdict::Violation);
            let next = if over { Verdict::Ignored } else { DATA };
            assert_eq!(connection.receive(&data().arrival()), next, "after {name}, {column}");
        }
    }
}

/// Section 3: connecting, connected.
#[test]
fn connector() {
    use Verdict::{Connected, Ignored, Refused, Reset, Violation};
    let elsewhere = endpoint(1, 0x6001);
    check(
        [connecting, connected],
        vec![
            ("SYN [i4, c5]", syn(), [stray(CONID); 2]),
            ("SYN of another id [i4, c5]", bare(1, OTHER), [stray(OTHER); 2]),
            ("SYN with ACK [a5]", bare(3, CONID), [stray(CONID); 2]),
            ("SYN with other bits", bare(0x8001_0301, CONID), [stray(CONID); 2]),
            ("SYN with RST [c5], ours", bare(5, CONID), [Ignored; 2]),
            ("SYN, longer [c5]", syn().longer(4), [Ignored; 2]),
            ("data of another id [c5]", bare(0, OTHER).longer(5), [stray(OTHER); 2]),
            ("ACK of another id [a3, e1]", bare(2, OTHER), [stray(OTHER); 2]),
            ("RST of another id [i4, c5], ours", bare(4, OTHER), [Ignored; 2]),
            ("ACK [a5, a3]", ack(), [Connected, Violation]),
            ("ACK with bit 16 [a5]", bare(0x10002, CONID), [Connected, Violation]),
            ("ACK with RST [a5], ours: no answer", bare(6, CONID), [Connected, Reset]),
            ("ACK, longer [a5, c5]", ack().longer(4), [Ignored; 2]),
            ("RST [e3, a2a]", rst(), [Refused, Reset]),
            ("RST with bit 16", bare(0x10004, CONID), [Refused, Reset]),
            ("RST, longer [i4, c5]", rst().longer(4), [Ignored; 2]),
            ("data [a5, a1]", data().longer(6), [DATA; 2]),
            ("empty data [c3]", data(), [DATA; 2]),
            ("PING [c3]", bare(0x100, CONID).longer(3), [DATA; 2]),
            ("PONG [c3]", bare(0x200, CONID).longer(3), [DATA; 2]),
            ("any other bits [c3]", bare(!7, CONID).longer(3), [DATA; 2]),
            ("data of the datagrams' type [c5], ours", data().typed(DATAGRAM), [Ignored; 2]),
            ("RST of type 0 [c5], ours", rst().typed(0), [Ignored; 2]),
            ("too short [z1], ours", ack().shorter(1), [Ignored; 2]),
            ("empty [z1], ours", ack().shorter(8), [Ignored; 2]),
            ("ACK of another port [a4], ours", ack().from(elsewhere), [stray(CONID); 2]),
            ("data of another port [a4], ours", data().from(elsewhere), [stray(CONID); 2]),
            ("RST of another port [a4], ours", rst().from(elsewhere), [Ignored; 2]),
            ("data of another domain", data().from(endpoint(2, 0x5000)), [stray(CONID); 2]),
        ],
    );
}

/// Section 4, the last paragraph.
#[test]
fn acceptor() {
    use Verdict::{Ignored, Reset};
    let elsewhere = endpoint(1, 0x6001);
    check(
        [accepted],
        vec![
            ("SYN again [b4]", syn(), [stray(CONID)]),
            ("ACK [b4]", ack(), [stray(CONID)]),
            ("SYN, longer [b4]", syn().longer(4), [Ignored]),
            ("ACK, longer", ack().longer(4), [Ignored]),
            ("SYN with RST (read), ours", bare(5, CONID), [Ignored]),
            ("ACK with RST (read), ours", bare(6, CONID), [Ignored]),
            ("RST [b1]", rst(), [Reset]),
            ("RST, longer [b4]", rst().longer(4), [Ignored]),
            ("data [b1]", data().longer(5), [DATA]),
            ("empty data [c3]", data(), [DATA]),
            ("PING [c3]", bare(0x100, CONID).longer(3), [DATA]),
            ("data of another port [b2]", data().longer(4).from(elsewhere), [stray(CONID)]),
            ("RST of another port [b2]", rst().from(elsewhere), [Ignored]),
            ("data of another domain", data().from(endpoint(2, 0x5000)), [stray(CONID)]),
            ("data of the datagrams' type [c7]", data().longer(5).typed(DATAGRAM), [Ignored]),
            ("RST of the datagrams' type [c7]", rst().typed(DATAGRAM), [Ignored]),
        ],
    );
}

#[test]
fn the_bits_of_the_extension_are_nothing_on_a_plain_connection() {
    let states = [connecting, connected, accepted];
    let epoch = Flags::FIN.bits() | Flags::EXTENDED.bits() | Flags::SEQPACKET.bits();
    check(
        states,
        vec![
            ("FIN is data", bare(epoch, CONID).longer(8), [DATA; 3]),
            ("RST with an epoch", bare(epoch | 4, CONID).longer(8), [Verdict::Ignored; 3]),
            ("RST with a part of one", bare(epoch | 4, CONID).longer(4), [Verdict::Ignored; 3]),
        ],
    );
}

#[test]
fn what_is_over_hears_nothing() {
    for end in [rst(), ack()] {
        let mut connection = connected();
        assert_ne!(connection.receive(&end.arrival()), DATA);
        for late in [data(), rst(), ack(), syn()] {
            assert_eq!(connection.receive(&late.arrival()), Verdict::Ignored);
        }
        assert_eq!(connection.receive(&bare(0, OTHER).arrival()), stray(OTHER));
    }
}

/// [a2a] ff., but nothing is lost here: what came before the RST can be read after it.
#[test]
fn data_before_an_rst_stays_readable() {
    let mut connection = connected();
    let message = data().longer(3);
    assert_eq!(connection.receive(&message.arrival()), DATA);
    assert_eq!(connection.receive(&rst().arrival()), Verdict::Reset);
    assert_eq!(connection.payload(&message.arrival()), Some(8));
    for other in [rst(), ack(), syn(), bare(0, OTHER), data().typed(0), data().shorter(1)] {
        assert_eq!(connection.payload(&other.arrival()), None, "{other:?}");
    }
}
