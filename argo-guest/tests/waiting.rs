//! Waiting: for messages, for room, for the end; blocking and async.
#![allow(clippy::unwrap_used, clippy::panic, reason = "the helpers of tests may panic, too")]

mod support;

use std::pin::pin;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use argo_guest::{BindOptions, Datagram, Domain, Gone, Port, RecvError, SendError};
use argo_hypervisor::Quotas;
use futures::executor::block_on;
use futures::future::join_all;
use support::{PATIENCE, RAM_PAGES, Slow, at, bound, domain, id, local, pair, poll_once, system};

/// A small ring on port 1 of a domain.
fn small(domain: &Domain) -> Datagram {
    Datagram::bind_blocking(domain, BindOptions::port(Port(1)).ring_len(256)).unwrap()
}

#[test]
fn blocking_receive_sleeps_until_a_message_comes() {
    let (client, server) = pair();
    thread::scope(|scope| {
        let receiver = scope.spawn(|| {
            let mut buffer = [0; 8];
            server.blocking_for(PATIENCE).recv_from(&mut buffer)
        });
        client.blocking().send_to(b"wake", at(2, 1)).unwrap();
        assert_eq!(receiver.join().unwrap(), Ok((4, at(1, 1))));
    });
}

#[test]
fn timeouts_end_waits_and_nothing_was_sent() {
    let system = system();
    let server = small(&domain(&system, 2));
    let client = Datagram::bind_blocking(&domain(&system, 1), Port(1)).unwrap();
    let after = Duration::from_millis(20);
    let short = client.blocking_for(after);
    assert_eq!(short.recv(&mut []), Err(RecvError::TimedOut { after }));
    short.send_to(&[1; 200], at(2, 1)).unwrap();
    assert_eq!(short.send_to(&[2; 200], at(2, 1)), Err(SendError::TimedOut { after }));
    assert_eq!(server.blocking().recv_bytes().unwrap().0[0], 1);
    assert_eq!(server.try_recv(&mut []), Err(RecvError::WouldBlock));
}

fn transfer(client: &Datagram, server: &Datagram, send: impl Fn(&[u8]) + Sync) {
    const MESSAGES: u32 = 3000;
    assert_eq!(client.partner(), argo_guest::Partner::Any);
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..MESSAGES {
                send(&[number.to_le_bytes(); 20].concat()[..4 + number as usize % 70]);
            }
        });
        for number in 0..MESSAGES {
            let (bytes, _) = server.blocking_for(PATIENCE).recv_bytes().unwrap();
            assert_eq!(bytes[..4], number.to_le_bytes());
            assert_eq!(bytes.len(), 4 + number as usize % 70);
        }
    });
}

#[test]
fn a_full_ring_is_waited_out_blocking() {
    let system = system();
    let server = small(&domain(&system, 2));
    let client = Datagram::bind_blocking(&domain(&system, 1), Port(1)).unwrap();
    transfer(&client, &server, |message| {
        client.blocking_for(PATIENCE).send_to(message, at(2, 1)).map(|_| ()).unwrap();
    });
}

#[test]
fn a_full_ring_is_waited_out_async() {
    let system = system();
    let server = small(&domain(&system, 2));
    let client = Datagram::bind_blocking(&domain(&system, 1), Port(1)).unwrap();
    transfer(&client, &server, |message| {
        block_on(client.send_to(message, at(2, 1))).map(|_| ()).unwrap();
    });
}

#[test]
fn a_full_ring_is_waited_out_over_a_queue() {
    let system = system();
    let slow = |raw| {
        let platform = Slow::new(local(&system, raw), 8);
        platform.serve();
        Domain::new(platform)
    };
    let (near, far) = (slow(1), slow(2));
    let server = small(&far);
    let client = Datagram::bind_blocking(&near, Port(1)).unwrap();
    transfer(&client, &server, |message| {
        client.blocking_for(PATIENCE).send_to(message, at(2, 1)).map(|_| ()).unwrap();
    });
    let many: Vec<Vec<u8>> = (0..200u8).map(|byte| vec![byte; 30]).collect();
    let slices: Vec<&[u8]> = many.iter().map(Vec::as_slice).collect();
    thread::scope(|scope| {
        scope.spawn(|| client.blocking_for(PATIENCE).send_batch_to(&slices, at(2, 1)).unwrap());
        for message in &many {
            let (bytes, _) = server.blocking_for(PATIENCE).recv_bytes().unwrap();
            assert_eq!(&bytes[..], &message[..]);
        }
    });
}

/// Out of order, a chain that met a full ring would seem to have failed with ECANCELED.
#[test]
fn answers_of_a_chain_are_recorded_in_order_whoever_takes_them() {
    let system = system();
    let slow = Slow::new(local(&system, 1), 256);
    let near = Domain::new(slow.clone());
    let client = bound(&slow, &near, Port(1));
    let server = small(&domain(&system, 2));
    let first = Datagram::bind_blocking(&domain(&system, 3), Port(1)).unwrap();
    first.try_send_to(&[0; 200], at(2, 1)).unwrap();
    // Two chains are as many calls as may be in flight.
    let messages: [&[u8]; 128] = [&[1; 200]; 128];
    let mut chain = pin!(client.send_batch_to(&messages, at(2, 1)));
    let mut other = pin!(client.send_batch_to(&messages, at(1, 1)));
    assert!(poll_once(chain.as_mut()).is_pending() && poll_once(other.as_mut()).is_pending());
    slow.hold_next_answer();
    assert!(slow.step() && slow.step(), "EAGAIN and ECANCELED");
    // The thread that drives the domain for tasks.
    while !slow.is_holding() {
        thread::yield_now();
    }
    // Finds no vacancy, so takes what answers there are.
    let _ = poll_once(pin!(client.max_message_to(at(2, 1))));
    slow.serve();
    thread::scope(|scope| {
        scope.spawn(|| {
            (0..129).for_each(|_| drop(server.blocking_for(PATIENCE).receive().unwrap()))
        });
        assert_eq!(block_on(chain), Ok(()));
    });
}

#[test]
fn a_sender_learns_that_the_ring_it_waits_for_went() {
    let system = system();
    let far = domain(&system, 2);
    let server = small(&far);
    let client = Datagram::bind_blocking(&domain(&system, 1), Port(1)).unwrap();
    client.try_send_to(&[0; 200], at(2, 1)).unwrap();
    thread::scope(|scope| {
        let sender = scope.spawn(|| client.blocking_for(PATIENCE).send_to(&[0; 200], at(2, 1)));
        // The engine knows when the wait is queued.
        while system.engine().stat(id(2)).unwrap().rings[0].waiting == 0 {
            thread::yield_now();
        }
        drop(server);
        let refused = SendError::ConnectionRefused { to: at(2, 1) };
        assert_eq!(sender.join().unwrap(), Err(refused));
    });
}

/// One notify wakes nobody if the room that it was for is taken again at once.
#[test]
fn a_receiver_that_never_runs_dry_goes_on_notifying() {
    let system = system();
    let slow = Slow::new(local(&system, 2), 8);
    let far = Domain::new(slow.clone());
    let server = bound(&slow, &far, BindOptions::port(Port(1)).ring_len(1024));
    let bind = |raw| Datagram::bind_blocking(&domain(&system, raw), Port(1)).unwrap();
    let (flooder, waiter) = (bind(1), bind(3));
    // Three of these fill the ring.
    let flood = || flooder.try_send_to(&[1; 300], at(2, 1)).unwrap();
    let take = || drop(server.try_receive().unwrap());
    for _ in 0..3 {
        flood();
    }
    thread::scope(|scope| {
        let waits = scope.spawn(|| waiter.blocking_for(PATIENCE).send_to(&[2; 300], at(2, 1)));
        while system.engine().stat(id(2)).unwrap().rings[0].waiting == 0 {
            thread::yield_now();
        }
        take();
        flood();
        assert!(slow.step(), "a notify was submitted");
        take();
        assert!(slow.step(), "and another, once it was answered");
        assert_eq!(waits.join().unwrap(), Ok(300));
    });
}

#[test]
fn senders_that_may_not_wait_get_a_second_chance() {
    let system = system();
    let quotas = Quotas { waiters: 1, ..Quotas::default() };
    let platform = system.domain_with(id(9), RAM_PAGES, quotas).unwrap();
    let server = small(&Domain::new(platform));
    let senders: Vec<_> = (1..5)
        .map(|raw| Datagram::bind_blocking(&domain(&system, raw), Port(1)).unwrap())
        .collect();
    senders[0].try_send_to(&[0; 200], at(9, 1)).unwrap();
    let would_block = senders[0].try_send_to(&[0; 200], at(9, 1));
    assert_eq!(would_block, Err(SendError::WouldBlock { to: at(9, 1) }));
    let busy = senders[1].try_send_to(&[0; 200], at(9, 1));
    assert_eq!(busy, Err(SendError::Busy { to: at(9, 1) }));
    thread::scope(|scope| {
        for sender in &senders[..2] {
            scope.spawn(|| sender.blocking_for(PATIENCE).send_to(&[1; 200], at(9, 1)).unwrap());
        }
        for sender in &senders[2..] {
            scope.spawn(|| block_on(sender.send_to(&[1; 200], at(9, 1))).unwrap());
        }
        for _ in 0..5 {
            assert_eq!(server.blocking_for(PATIENCE).recv_bytes().unwrap().0.len(), 200);
        }
    });
}

#[test]
fn one_interrupt_serves_many_sockets_and_threads() {
    const SOCKETS: u32 = 24;
    const EACH: usize = 50;
    let system = system();
    let far = domain(&system, 2);
    let how = |port| BindOptions::port(Port(port)).ring_len(1024);
    let sockets: Vec<_> =
        (0..SOCKETS).map(|port| Datagram::bind_blocking(&far, how(port)).unwrap()).collect();
    let client = Datagram::bind_blocking(&domain(&system, 1), Port(1)).unwrap();
    thread::scope(|scope| {
        let (blocking, tasks) = sockets.split_at(SOCKETS as usize / 2);
        for socket in blocking {
            scope.spawn(|| {
                for _ in 0..EACH {
                    socket.blocking_for(PATIENCE).recv(&mut [0; 8]).unwrap();
                }
            });
        }
        scope.spawn(|| {
            let receive = |socket: &'static str, of| async move {
                let of: &Datagram = of;
                for _ in 0..EACH {
                    of.recv(&mut [0; 8]).await.expect(socket);
                }
            };
            block_on(join_all(tasks.iter().map(|socket| receive("a task's socket", socket))))
        });
        for _ in 0..EACH {
            for port in 0..SOCKETS {
                client.blocking_for(PATIENCE).send_to(b"12345678", at(2, port)).unwrap();
            }
        }
    });
}

#[test]
fn several_readers_of_one_socket_share_its_messages() {
    const MESSAGES: usize = 400;
    let (client, server) = pair();
    let (sum, sums) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..4 {
            let sum = sum.clone();
            let server = &server;
            scope.spawn(move || {
                let mut got = 0;
                while server.blocking_for(PATIENCE).recv_bytes().unwrap().0[0] == 1 {
                    got += 1;
                }
                sum.send(got).unwrap();
            });
        }
        for _ in 0..MESSAGES {
            client.blocking_for(PATIENCE).send_to(&[1], at(2, 1)).unwrap();
        }
        for _ in 0..4 {
            client.blocking_for(PATIENCE).send_to(&[0], at(2, 1)).unwrap();
        }
    });
    drop(sum);
    assert_eq!(sums.iter().sum::<usize>(), MESSAGES);
}

#[test]
fn the_end_of_a_session_ends_all_its_waits() {
    let system = system();
    let far = domain(&system, 2);
    let server = small(&far);
    let near = Slow::new(local(&system, 1), 8);
    let stuck = Domain::new(near.clone());
    thread::scope(|scope| {
        let receiver = scope.spawn(|| server.blocking().recv(&mut []));
        let task = scope.spawn(|| block_on(server.recv(&mut [])));
        let binding = scope.spawn(|| Datagram::bind_blocking(&stuck, Port(1)).map(|_| ()));
        while near.queued() == 0 {
            thread::yield_now();
        }
        far.close();
        stuck.close();
        assert_eq!(receiver.join().unwrap(), Err(RecvError::Gone(Gone)));
        assert_eq!(task.join().unwrap(), Err(RecvError::Gone(Gone)));
        assert_eq!(binding.join().unwrap(), Err(argo_guest::BindError::Gone(Gone)));
    });
    assert_eq!(server.try_recv(&mut []), Err(RecvError::Gone(Gone)));
    assert_eq!(server.try_send_to(b"x", at(1, 1)), Err(SendError::Gone(Gone)));
    assert!(far.is_gone());
}

#[test]
fn messages_that_came_before_the_end_are_still_read() {
    let (client, server) = pair();
    client.try_send_to(b"last words", at(2, 1)).unwrap();
    server.domain().close();
    assert_eq!(&server.blocking().recv_bytes().unwrap().0[..], b"last words");
    assert_eq!(server.blocking().recv(&mut []), Err(RecvError::Gone(Gone)));
}
