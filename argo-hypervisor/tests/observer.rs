//! Who watches sends sees what was claimed, delivered and answered, and nothing twice.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has to stop")]

mod support;

use argo_core::Errno;
use argo_core::abi::{Addr, DOMID_ANY, Iov, Op, SendAddr};
use argo_core::policy::Query;
use argo_core::ring::RingMem;
use argo_hypervisor::{Copied, Observer, Sent};
use support::*;
use zerocopy::IntoBytes;

const ADDRESSES: u64 = 0x4000;
const LIST: u64 = 0x5000;
const RING_LEN: u32 = 256;

/// What was seen, in order.
#[derive(Default)]
struct Seen {
    copied: Vec<Vec<u8>>,
    sent: Vec<(SendAddr, u32, u32, Result<u32, Errno>)>,
}

impl Observer for Seen {
    fn copied(&mut self, payload: &Copied<'_, impl RingMem>) {
        let mut bytes = [0xaa; 150];
        let read = payload.read(&mut bytes);
        assert_eq!(read, payload.len().min(150));
        assert!(bytes[read..].iter().all(|byte| *byte == 0xaa), "nothing beyond it");
        self.copied.push(bytes[..read].to_vec());
    }

    fn sent(&mut self, sent: &Sent<'_>, result: Result<u32, Errno>) {
        let bytes = sent.iovs.iter().map(|iov| iov.iov_len).sum();
        self.sent.push((sent.addresses, bytes, sent.message_type, result));
    }
}

/// One send of `payload` that says it comes from `source`.
fn send(world: &World, from: &Guest, source: u16, to: u16, payload: &[u8]) -> (i64, Seen) {
    let src = Addr { aport: 9, domain_id: source, pad: 0 };
    let dst = Addr { aport: PORT.0, domain_id: to, pad: 0 };
    let iov = Iov { iov_hnd: PAYLOAD, iov_len: payload.len() as u32, pad: 0 };
    poke(from, ADDRESSES, SendAddr { src, dst }.as_bytes());
    poke(from, LIST, iov.as_bytes());
    poke(from, PAYLOAD, payload);
    let mut seen = Seen::default();
    let args = [ADDRESSES, LIST, 1, 77];
    let ret = world.engine.argo_op_observed(from, Op::Sendv as u32, args, &mut seen);
    (ret, seen)
}

#[test]
fn a_delivered_message_is_seen_as_it_lies_in_the_ring_also_around_its_end() {
    let world = World::new();
    let (server, client) = (world.guest(1), world.guest(2));
    world.register(&server, from_any(), RING_PAGE, RING_LEN).unwrap();
    // 16 bytes of header and 112 of payload: every other one wraps.
    for round in 0..5u8 {
        let payload: Vec<u8> = (0..100).map(|at| at ^ round).collect();
        let (ret, seen) = send(&world, &client, DOMID_ANY, 1, &payload);
        assert_eq!(ret, 100);
        assert_eq!(seen.copied, std::slice::from_ref(&payload));
        let [(addresses, bytes, message_type, result)] = seen.sent[..] else { panic!("not one") };
        assert_eq!((addresses.src.domain_id, addresses.src.aport), (DOMID_ANY, 9));
        assert_eq!((addresses.dst.domain_id, addresses.dst.aport), (1, PORT.0));
        assert_eq!((bytes, message_type, result), (100, 77, Ok(100)));
        assert_eq!(drain(&server, RING_PAGE, RING_LEN), [payload]);
    }
}

#[test]
fn of_a_long_payload_only_the_start_is_copied() {
    let world = World::new();
    let (server, client) = (world.guest(1), world.guest(2));
    world.register(&server, from_any(), RING_PAGE, RING_LEN).unwrap();
    let payload: Vec<u8> = (0..200).collect();
    let (ret, seen) = send(&world, &client, 2, 1, &payload);
    assert_eq!((ret, &seen.copied[0][..]), (200, &payload[..150]));
    let (ret, seen) = send(&world, &client, 2, 1, &payload);
    assert_eq!((ret, seen.copied.len()), (Errno::EAGAIN.ret(), 0));
    assert_eq!(seen.sent[0].3, Err(Errno::EAGAIN));
}

#[test]
fn what_is_refused_is_seen_with_its_claims_and_without_a_payload() {
    let world = World::new();
    let (server, client) = (world.guest(1), world.guest(2));
    world.register(&server, from_any(), RING_PAGE, RING_LEN).unwrap();
    let refusals = [(3, 1, Errno::EPERM), (2, 9, Errno::ESRCH), (2, 0x7ff4, Errno::ESRCH)];
    for (source, to, errno) in refusals {
        let (ret, seen) = send(&world, &client, source, to, b"x");
        assert_eq!(ret, errno.ret());
        let [(addresses, 1, 77, Err(told))] = seen.sent[..] else { panic!("not one") };
        assert_eq!((addresses.src.domain_id, addresses.dst.domain_id), (source, to));
        assert_eq!((told, seen.copied.len()), (errno, 0));
    }
    world.deny(Query::Send { from: domain(2), to: domain(1) });
    let (_, seen) = send(&world, &client, 2, 1, b"x");
    assert_eq!((seen.sent[0].3, seen.copied.len()), (Err(Errno::EACCES), 0));
    assert!(drain(&server, RING_PAGE, RING_LEN).is_empty());
}

#[test]
fn other_calls_and_arguments_that_are_not_there_are_not_seen() {
    let world = World::new();
    let client = world.guest(2);
    let mut seen = Seen::default();
    let calls = [
        (Op::Sendv, [u64::MAX, LIST, 1, 0], Errno::EFAULT),
        (Op::Sendv, [ADDRESSES, u64::MAX - 7, 1, 0], Errno::EFAULT),
        (Op::Sendv, [ADDRESSES, LIST, 9, 0], Errno::EINVAL),
        (Op::Notify, [u64::MAX, 0, 0, 0], Errno::EFAULT),
    ];
    for (op, args, errno) in calls {
        let ret = world.engine.argo_op_observed(&client, op as u32, args, &mut seen);
        assert_eq!(ret, errno.ret());
    }
    assert!(seen.sent.is_empty() && seen.copied.is_empty());
}
