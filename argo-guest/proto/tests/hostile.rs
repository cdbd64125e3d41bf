//! Any message in any state: the promises that hold whatever the peer sends.
#![forbid(unsafe_code)]

mod support;

use argo_stream::wire::{self, Flags};
use argo_stream::{Connection, Endpoint, Kind, Knock, Verdict};
use proptest::prelude::*;

use support::*;

/// Mostly almost right, so that deep states are reached; at times just bytes.
fn message() -> impl Strategy<Value = Message> {
    let sound = prop_oneof![
        Just(extended_ack(sound_acceptance())),
        Just(ack()),
        Just(extended(Flags::empty(), EPOCH)),
        Just(extended(Flags::FIN, EPOCH)),
        Just(extended(Flags::RST, EPOCH)),
    ];
    let built = (flags(), conid(), prop_oneof![Just(EPOCH), any::<u64>()]).prop_map(
        |(flags, conid, epoch)| {
            let mut bytes = wire::head(flags, conid).to_vec();
            bytes.extend(epoch.to_le_bytes());
            of_bytes(&bytes)
        },
    );
    let raw = prop::collection::vec(any::<u8>(), 0..48).prop_map(|bytes| of_bytes(&bytes));
    let message = prop_oneof![4 => sound, 8 => built, 1 => raw];
    let message_type =
        prop_oneof![12 => Just(wire::STREAM), 1 => Just(DATAGRAM), 1 => any::<u32>()];
    (message, source(), message_type, prop::option::weighted(0.4, 0_usize..48)).prop_map(
        |(message, source, message_type, len)| {
            let mut message = message.from(source).typed(message_type);
            message.bytes.resize(len.unwrap_or(message.bytes.len()), 0);
            message
        },
    )
}

fn flags() -> impl Strategy<Value = Flags> {
    let known = prop::sample::subsequence(vec![0, 1, 2, 8, 20, 21, 22], 0..=3)
        .prop_map(|bits| bits.iter().map(|bit| 1_u32 << bit).sum());
    prop_oneof![8 => known, 1 => any::<u32>()].prop_map(Flags::from_bits_retain)
}

fn conid() -> impl Strategy<Value = u32> {
    prop_oneof![8 => Just(CONID), 1 => Just(OTHER), 1 => any::<u32>()]
}

fn source() -> impl Strategy<Value = Endpoint> {
    prop_oneof![
        6 => Just(peer()),
        6 => Just(endpoint(1, OWN_PORT)),
        1 => Just(endpoint(2, 0x5000)),
        1 => any::<u32>().prop_map(|port| endpoint(1, port)),
    ]
}

fn state() -> impl Strategy<Value = Connection> {
    let states: [fn() -> Connection; 7] = [
        connecting,
        connected,
        accepted,
        || Connection::connecting(peer(), CONID, Kind::Seqpacket),
        || connected_extended(Kind::Stream),
        || connected_extended(Kind::Seqpacket),
        || accepted_extended(Kind::Stream),
    ];
    prop::sample::select(states.to_vec()).prop_map(|state| state())
}

fn has_rst(message: &Message) -> bool {
    let flags = message.bytes.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
    flags & Flags::RST.bits() != 0
}

fn skip(verdict: Verdict) -> Option<u32> {
    match verdict {
        Verdict::Data { skip } | Verdict::Finished { skip } => Some(skip),
        _ => None,
    }
}

fn is_end(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Refused | Verdict::Reset | Verdict::Violation)
}

proptest! {
    #![proptest_config(seeded())]

    fn messages_in_states(
        mut connection in state(),
        messages in prop::collection::vec(message(), 1..24),
    ) {
        let (mut over, mut finished) = (false, false);
        let mut judged = Vec::new();
        for message in &messages {
            let granted = connection.mode();
            let verdict = connection.receive(&message.arrival());
            let answered = matches!(verdict, Verdict::Stray { .. } | Verdict::Violation);
            prop_assert!(!(answered && has_rst(message)), "{message:?} is answered");
            prop_assert!(skip(verdict).is_none_or(|skip| skip as usize <= message.bytes.len()));
            prop_assert!(!(finished && skip(verdict).is_some()), "data after its end");
            let quiet = matches!(verdict, Verdict::Ignored | Verdict::Stray { .. });
            prop_assert!(!over || quiet, "{verdict:?} after the end");
            prop_assert_eq!(verdict == Verdict::Connected, connection.mode() != granted);
            prop_assert!(granted.is_none() || connection.mode() == granted, "the wire changed");
            over |= is_end(verdict);
            finished |= matches!(verdict, Verdict::Finished { .. });
            judged.push((message, verdict));
        }
        // Who left everything in the ring finds the same payload there.
        for (message, verdict) in judged.iter().filter(|(_, verdict)| skip(*verdict).is_some()) {
            prop_assert_eq!(connection.payload(&message.arrival()), skip(*verdict));
        }
    }

    fn messages_to_listeners(message in message()) {
        match Knock::of(&message.arrival()) {
            Knock::Request(request) => {
                prop_assert_eq!(request.key.peer, message.source);
                prop_assert_eq!((message.message_type, message.bytes.len()), (wire::STREAM, 8));
                prop_assert!(!has_rst(&message));
            }
            Knock::Withdrawal(key) => {
                prop_assert_eq!(key.peer, message.source);
                prop_assert!(has_rst(&message));
            }
            Knock::Other(Verdict::Stray { .. }) => prop_assert!(!has_rst(&message)),
            Knock::Other(other) => prop_assert_eq!(other, Verdict::Ignored),
        }
    }
}

#[test]
fn every_message_in_every_state() {
    messages_in_states();
    held("runs of any messages to a connection");
}

#[test]
fn every_message_to_a_listener() {
    messages_to_listeners();
    held("messages of any kind to a listener");
}

/// Two of the driver's connectors would go on like this for ever.
#[test]
fn two_connectors_on_one_pair_of_ports_fall_silent() {
    let (left, right) = (endpoint(1, 7), endpoint(2, 9));
    let mut ends = [
        Connection::connecting(right, 1, Kind::Stream),
        Connection::connecting(left, 2, Kind::Stream),
    ];
    let mut message = bare(0, 3).from(left);
    let mut sent = 1;
    for turn in 1.. {
        let receiver = &mut ends[turn % 2];
        let Verdict::Stray { conid } = receiver.receive(&message.arrival()) else { break };
        let from = if turn % 2 == 0 { left } else { right };
        message = of_bytes(&wire::head(Flags::RST, conid)).from(from);
        sent += 1;
        assert!(sent < 10, "no end");
    }
    assert_eq!(sent, 2, "data of neither, and its answer");
}
