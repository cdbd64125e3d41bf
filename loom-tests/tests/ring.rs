//! The ring: a message is seen whole or not at all, and its space is reused only once it was read.
#![cfg(argo_loom)]
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "models fail by panic")]

use std::sync::Arc;

use argo_core::abi::{Addr, MessageHeader, SLOT};
use argo_core::claim::{PayloadLen, RingLen};
use argo_core::ring::{Consumer, Producer, RingMem, Span};

use loom::thread;
use loom_tests::{BarrierAfterStore, RingMemory, Tally, check};

/// Four slots: one message of ours, and the slot that stays free.
const LEN: u32 = 64;
const PAYLOAD: u32 = 32;

fn ring_len() -> RingLen {
    RingLen::check(LEN).unwrap()
}

/// Sends a message in which everything that can tell says `mark`. `false`: no room now.
fn send(producer: &mut Producer, mem: &impl RingMem, mark: u8) -> bool {
    let Ok(space) = producer.reserve(mem, PayloadLen::check(PAYLOAD).unwrap()) else {
        return false;
    };
    let header =
        MessageHeader { len: SLOT + PAYLOAD, source: Addr::default(), message_type: mark.into() };
    space.write_header(mem, &header);
    let spans = space.payload(0, PAYLOAD);
    for Span { at, len } in [spans.first, spans.second] {
        mem.write(at, &[mark; PAYLOAD as usize][..len as usize]);
    }
    producer.publish(mem, space);
    true
}

/// Receives a message, checks that all of it says the same, and returns its mark.
fn receive(consumer: &mut Consumer, mem: &impl RingMem) -> Option<u8> {
    let message = consumer.peek(mem).expect("torn message")?;
    let mut payload = [0; PAYLOAD as usize];
    message.copy_to(mem, &mut payload);
    consumer.consume(mem, message);
    let mark = message.header().message_type as u8;
    assert_eq!(payload, [mark; PAYLOAD as usize], "torn message");
    Some(mark)
}

fn publish_last<M: RingMem + Send + Sync + 'static>(memory: fn(RingLen) -> M, received: &Tally) {
    let received = received.clone();
    check(move || {
        let mem = Arc::new(memory(ring_len()));
        let mut producer = Producer::adopt(&*mem, ring_len());
        let sender = {
            let mem = mem.clone();
            thread::spawn(move || assert!(send(&mut producer, &*mem, 1)))
        };
        if receive(&mut Consumer::new(ring_len()), &*mem) == Some(1) {
            received.note();
        }
        sender.join().unwrap();
    });
}

#[test]
fn a_published_message_is_whole() {
    let received = Tally::default();
    publish_last(RingMemory::zeroed, &received);
    assert_ne!(received.count(), 0);
}

#[test]
#[should_panic(expected = "torn message")]
fn a_barrier_after_the_store_of_tx_ptr_is_found_out() {
    publish_last(|len| BarrierAfterStore(RingMemory::zeroed(len)), &Tally::default());
}

/// A second message wraps into the space of the first while that is received by `receive_first`.
fn reuse(
    receive_first: fn(&mut Consumer, &RingMemory) -> Option<u8>,
    refused: &Tally,
    both_received: &Tally,
) {
    let (refused, both_received) = (refused.clone(), both_received.clone());
    check(move || {
        let mem = Arc::new(RingMemory::zeroed(ring_len()));
        let mut producer = Producer::adopt(&*mem, ring_len());
        assert!(send(&mut producer, &*mem, 1));
        let sender = {
            let mem = mem.clone();
            thread::spawn(move || send(&mut producer, &*mem, 2))
        };
        let mut consumer = Consumer::new(ring_len());
        assert_eq!(receive_first(&mut consumer, &mem), Some(1));
        match receive(&mut consumer, &*mem) {
            None => {}
            Some(2) => both_received.note(),
            Some(other) => panic!("received {other}"),
        }
        if !sender.join().unwrap() {
            refused.note();
        }
    });
}

#[test]
fn space_is_reused_only_after_it_was_read() {
    let (refused, both_received) = (Tally::default(), Tally::default());
    reuse(receive, &refused, &both_received);
    assert_ne!(refused.count(), 0);
    assert_ne!(both_received.count(), 0);
}

#[test]
#[should_panic(expected = "overwritten")]
fn giving_space_back_before_reading_it_is_found_out() {
    let careless = |consumer: &mut Consumer, mem: &RingMemory| {
        let message = consumer.peek(mem).unwrap()?;
        consumer.consume(mem, message);
        let mut payload = [0; PAYLOAD as usize];
        message.copy_to(mem, &mut payload);
        assert_eq!(payload, [1; PAYLOAD as usize], "overwritten");
        Some(1)
    };
    reuse(careless, &Tally::default(), &Tally::default());
}
