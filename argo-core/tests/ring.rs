//! Producer and consumer of a ring: every place, every length, every lie.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use argo_core::abi::{Addr, MessageHeader, RING_HEADER, SLOT};
use argo_core::claim::{PayloadLen, RingLen};
use argo_core::ring::{Consumer, NoRoom, Producer, RingMem, Span, index};
use argo_mem::{HeapRam, Memory, View};

const LEN: u32 = 96;
const CANARY: u8 = 0xA5;
/// Indexes as a guest may write them.
const LIES: [u32; 9] = [1, 15, 17, LEN - 1, LEN, LEN + 16, 1 << 31, 0xFFFF_FFF5, u32::MAX];

fn ring_len() -> RingLen {
    RingLen::check(LEN).unwrap()
}

/// A ring whose indexes stand at these places, with nothing but canaries in its data.
fn ring_at<'m>(ram: &'m HeapRam, rx: u32, tx: u32) -> View<'m> {
    let view = ram.view().part(0, (RING_HEADER + LEN) as usize).unwrap();
    RingMem::write(&view, 0, &[CANARY; LEN as usize]);
    view.store_rx(rx);
    view.store_tx(tx);
    view
}

fn deliver(producer: &mut Producer, mem: &impl RingMem, payload: &[u8]) -> Result<(), NoRoom> {
    let len = PayloadLen::check(payload.len() as u32).unwrap();
    let room = producer.reserve(mem, len)?;
    let source = Addr { aport: 9, domain_id: 3, pad: 0 };
    room.write_header(mem, &MessageHeader { len: SLOT + len.bytes(), source, message_type: 5 });
    let spans = room.payload(0, len.bytes());
    for (Span { at, len }, from) in [(spans.first, 0), (spans.second, spans.first.len as usize)] {
        mem.write(at, &payload[from..from + len as usize]);
    }
    producer.publish(mem, room);
    Ok(())
}

#[test]
fn a_message_of_any_length_at_any_place_arrives_and_touches_nothing_else() {
    for start in (0..LEN).step_by(SLOT as usize) {
        for len in 0..=ring_len().max_payload() {
            let ram = HeapRam::zeroed(4096);
            let mem = ring_at(&ram, start, start);
            let payload: Vec<u8> = (0..len as u8).collect();
            let mut producer = Producer::adopt(&mem, ring_len());
            deliver(&mut producer, &mem, &payload).unwrap();

            let mut consumer = Consumer::resume(&mem, ring_len());
            let message = consumer.peek(&mem).unwrap().unwrap();
            let mut got = vec![0; len as usize];
            assert_eq!(message.copy_to(&mem, &mut got), len as usize);
            assert_eq!((got, message.header().source.domain_id), (payload, 3), "at {start}");
            let mut data = [0; LEN as usize];
            RingMem::read(&mem, 0, &mut data);
            let used = SLOT + len;
            let free = (used..LEN).map(|at| data[((start + at) % LEN) as usize]);
            assert!(free.into_iter().all(|byte| byte == CANARY), "{len} bytes at {start}");
            consumer.consume(&mem, message);
            assert_eq!((mem.load_rx(), consumer.peek(&mem)), (mem.load_tx(), Ok(None)));
        }
    }
}

#[test]
fn what_can_never_fit_is_told_before_what_does_not_fit_now() {
    let ram = HeapRam::zeroed(4096);
    let mem = ring_at(&ram, 0, 0);
    let mut producer = Producer::adopt(&mem, ring_len());
    deliver(&mut producer, &mem, &[1; 32]).unwrap();
    let max = ring_len().max_payload();
    assert_eq!(deliver(&mut producer, &mem, &[1; 65]), Err(NoRoom::TooBig { max }));
    assert_eq!(deliver(&mut producer, &mem, &[1; 64]), Err(NoRoom::Full { free: 48 }));
    assert_eq!(deliver(&mut producer, &mem, &[1; 17]), Err(NoRoom::Full { free: 48 }));
    assert_eq!(deliver(&mut producer, &mem, &[1; 16]), Ok(()), "one slot is left over");
    assert_eq!(deliver(&mut producer, &mem, &[]), Err(NoRoom::Full { free: SLOT }));
}

#[test]
fn a_reservation_that_is_dropped_leaves_the_ring_as_it_was() {
    let ram = HeapRam::zeroed(4096);
    let mem = ring_at(&ram, 16, 16);
    let producer = Producer::adopt(&mem, ring_len());
    drop(producer.reserve(&mem, PayloadLen::check(8).unwrap()).unwrap());
    assert_eq!((mem.load_tx(), producer.free(&mem)), (16, LEN));
}

#[test]
fn a_producer_believes_no_index() {
    let ram = HeapRam::zeroed(4096);
    for lie in LIES {
        let mem = ring_at(&ram, lie, 32);
        let producer = Producer::adopt(&mem, ring_len());
        let free = producer.free(&mem);
        assert!((SLOT..=LEN).contains(&free) && free.is_multiple_of(SLOT), "rx {lie:#x}: {free}");

        let mem = ring_at(&ram, 48, lie);
        let producer = Producer::adopt(&mem, ring_len());
        assert_eq!((mem.load_tx(), producer.free(&mem)), (48, LEN), "tx {lie:#x}");
        mem.store_tx(64);
        assert_eq!(producer.free(&mem), LEN, "tx_ptr is read once only");
    }
}

#[test]
fn a_ring_that_breaks_the_rules_is_corrupt_and_never_empty() {
    let ram = HeapRam::zeroed(4096);
    for lie in LIES {
        let mem = ring_at(&ram, 0, lie);
        let corrupt = Consumer::new(ring_len()).peek(&mem).unwrap_err();
        assert_eq!((corrupt.tx, corrupt.message), (lie, None));
    }
    for lie in [0, 15, 33, 1 << 31, u32::MAX] {
        let mem = ring_at(&ram, 0, 32);
        RingMem::write(&mem, 0, &lie.to_le_bytes());
        let corrupt = Consumer::new(ring_len()).peek(&mem).unwrap_err();
        assert_eq!((corrupt.tx, corrupt.message), (32, Some(lie)));
    }
}

#[test]
fn rounding_wraps_as_xens_does() {
    let rounded = [0, 1, 16, 17, 0xFFFF_FFF0, 0xFFFF_FFF5].map(index::round_up);
    assert_eq!(rounded, [0, 16, 16, 32, 0xFFFF_FFF0, 0]);
}
