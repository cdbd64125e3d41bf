//! Senders that sleep while there is no room, and a receiver that sleeps while there is nothing.

use std::sync::Arc;

use argo_core::Errno;
use argo_hypervisor::Existing;
use argo_hypervisor::inprocess::AllowAll;
use loom_tests::{Guest, engine, explore, id, ring};
use shuttle::thread;

use crate::bells::Bells;

const PORT: u32 = 7;
const SENDERS: u16 = 3;
const MESSAGES: u32 = 4;

type Domain = Guest<AllowAll, Bells>;

/// What the receiver does when it has read.
#[derive(Clone, Copy)]
enum Reader {
    /// It says so.
    Notifies,
    /// It says nothing: known to be wrong.
    Keeps,
}

fn send_all(sender: &Domain) {
    for number in 0..MESSAGES {
        loop {
            let seen = sender.engine.events().rung(sender.id());
            match sender.send(id(1), PORT, number) {
                Ok(_) => break,
                Err(Errno::EAGAIN) => sender.engine.events().sleep(sender.id(), seen),
                Err(other) => panic!("{other:?}"),
            }
        }
    }
}

fn receive_all(receiver: &Domain, reader: Reader) -> Vec<(u16, u32)> {
    let mut all = Vec::new();
    while all.len() < usize::from(SENDERS) * MESSAGES as usize {
        let seen = receiver.engine.events().rung(receiver.id());
        let before = all.len();
        all.extend(std::iter::from_fn(|| receiver.receive(0)));
        if all.len() == before {
            receiver.engine.events().sleep(receiver.id(), seen);
        } else if matches!(reader, Reader::Notifies) {
            receiver.engine.notify_owned(&receiver.caller).unwrap();
        }
    }
    all
}

fn flow(reader: Reader) {
    let engine = engine(AllowAll, Bells::default());
    let receiver: Domain = Guest::new(&engine, id(1), 2, 1);
    receiver.register(ring(PORT, None), 0, Existing::Fail).unwrap();
    let senders: Vec<_> = (0..SENDERS)
        .map(|number| {
            let sender = Arc::new(Guest::new(&engine, id(2 + number), 1, 1));
            thread::spawn(move || send_all(&sender))
        })
        .collect();
    let all = receive_all(&receiver, reader);
    for sender in senders {
        sender.join().unwrap();
    }
    for number in 0..SENDERS {
        let its = all.iter().filter(|(from, _)| *from == 2 + number).map(|(_, number)| *number);
        assert!(its.eq(0..MESSAGES), "{all:?}");
    }
    receiver.engine.notify_owned(&receiver.caller).unwrap();
    assert_eq!(receiver.waiting(), 0);
}

#[test]
fn each_message_arrives_once_and_in_order_and_nobody_sleeps_for_ever() {
    explore(2000, || flow(Reader::Notifies));
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_receiver_that_does_not_notify_is_found_out() {
    explore(2000, || flow(Reader::Keeps));
}
