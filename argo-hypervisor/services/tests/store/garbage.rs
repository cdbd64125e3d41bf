//! Bytes that somebody made up.

use argo_core::xenstore::Kind;
use proptest::collection::vec;
use proptest::prelude::*;

use super::support::*;

fn payload() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop_oneof![
        Just(b"data".to_vec()),
        Just(b"/".to_vec()),
        Just(b"\0".to_vec()),
        Just(b"n1\0".to_vec()),
        Just(b"@releaseDomain".to_vec()),
        Just(b"T\0".to_vec()),
        vec(any::<u8>(), 0..6),
    ];
    vec(pieces, 0..8).prop_map(|pieces| pieces.concat())
}

/// Cases of each property in a run.
const CASES: u32 = 256;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(effort::cases(CASES)))]

    fn bytes_get_an_answer(bytes in vec(any::<u8>(), 0..100)) {
        let mut world = World::with(&[1]);
        let client = world.connect(1);
        let reply = world.store.request(client.id, &anything, &bytes).reply;
        prop_assert!(said(&reply).is_err());
    }

    fn payloads_leave_the_accounts_right(
        messages in vec((0..24u32, 0..3u32, payload()), 1..60),
        id in 0..2u16,
    ) {
        let mut world = World::with(&[0, 1]);
        let client = world.connect(id);
        for (kind, transaction, payload) in messages {
            let message = message(kind, transaction, &payload);
            let reply = world.store.request(client.id, &anything, &message).reply;
            prop_assert!(reply.len() <= 16 + 4096);
            if Kind::new(kind).is_none() {
                prop_assert_eq!(said(&reply).is_err(), true);
            }
        }
        world.store.disconnect(client.id);
        let usage = world.usage(id);
        prop_assert_eq!((usage.watches, usage.transactions), (0, 0));
    }
}

#[test]
fn any_bytes_get_an_answer() {
    bytes_get_an_answer();
    effort::ran(effort::cases(CASES).into(), "messages of any bytes to the store");
}

#[test]
fn any_payloads_leave_the_accounts_right() {
    payloads_leave_the_accounts_right();
    effort::ran(effort::cases(CASES).into(), "runs of any payloads to the store");
}
