//! What a listener makes of each message: section 4 of what OpenXT's driver does, with its
//! scenarios; "ours" marks what differs on purpose.
#![forbid(unsafe_code)]

mod support;

use argo_stream::wire::Flags;
use argo_stream::{Connection, Key, Kind, Knock, Offer, Request, Verdict};

use support::*;

fn key(conid: u32) -> Key {
    Key { peer: peer(), conid }
}

fn plain(conid: u32) -> Knock {
    Knock::Request(Request { key: key(conid), kind: Kind::Stream, wire: Offer::Plain })
}

#[test]
fn every_message_without_a_connection() {
    let withdrawal = Knock::Withdrawal(key(CONID));
    let answered = Knock::Other(stray(CONID));
    let ignored = Knock::Other(Verdict::Ignored);
    let rows = [
        ("SYN [b1]", syn(), plain(CONID)),
        ("id 0 [i4]", bare(1, 0), plain(0)),
        ("bit 3 [c2]", bare(1 | 1 << 3, CONID), plain(CONID)),
        ("bit 8 [c2]", bare(1 | 1 << 8, CONID), plain(CONID)),
        ("bit 9 [c2]", bare(1 | 1 << 9, CONID), plain(CONID)),
        ("bit 16 [c2]", bare(1 | 1 << 16, CONID), plain(CONID)),
        ("bit 31 [c2]", bare(1 | 1 << 31, CONID), plain(CONID)),
        ("SYN with ACK [c2]", bare(3, CONID), plain(CONID)),
        ("SYN with RST [c2]", bare(5, CONID), withdrawal),
        ("SYN, longer [c1]", syn().longer(1), ignored),
        ("SYN, shorter [c1]", syn().shorter(1), ignored),
        ("SYN of the datagrams' type [c7]", syn().typed(DATAGRAM), ignored),
        ("SYN of type 0 [c7]", syn().typed(0), ignored),
        ("data [b3, c4]", data().longer(5), answered),
        ("empty data [c4]", data(), answered),
        ("PING [c4]", bare(0x100, CONID), answered),
        ("PONG [c4]", bare(0x200, CONID).longer(5), answered),
        ("bit 16 alone [c4]", bare(0x10000, CONID), answered),
        ("ACK [c4]", ack(), answered),
        ("ACK, longer [c4]", ack().longer(5), answered),
        ("RST [b3, c4]", rst(), withdrawal),
        ("RST, longer [b3, c4]", rst().longer(4), withdrawal),
        ("ACK with RST [c4]", bare(6, CONID), withdrawal),
        ("ACK with RST, longer [c4]", bare(6, CONID).longer(5), withdrawal),
        ("data of an extended connection", extended(Flags::FIN, EPOCH).from(peer()), answered),
        ("RST of an extended connection", extended(Flags::RST, EPOCH).from(peer()), ignored),
    ];
    for (name, message, knock) in rows {
        assert_eq!(Knock::of(&message.arrival()), knock, "{name}");
    }
}

/// [b3] evicts by the id alone, ours by the whole key.
#[test]
fn a_withdrawal_names_its_sender() {
    let elsewhere = endpoint(1, 0x6002);
    let expected = Key { peer: elsewhere, conid: CONID };
    assert_eq!(Knock::of(&rst().from(elsewhere).arrival()), Knock::Withdrawal(expected));
}

#[test]
fn what_our_syn_offers_is_understood() {
    for kind in [Kind::Stream, Kind::Seqpacket] {
        let syn = of_bytes(&Connection::connecting(peer(), CONID, kind).syn());
        let expected = Request { key: key(CONID), kind, wire: Offer::Extended };
        assert_eq!(Knock::of(&syn.arrival()), Knock::Request(expected));
    }
}

#[test]
fn messages_with_boundaries_need_the_extension() {
    let syn = bare((Flags::SYN | Flags::SEQPACKET).bits(), CONID);
    assert_eq!(Knock::of(&syn.arrival()), plain(CONID));
}
