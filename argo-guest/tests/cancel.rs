//! Every async operation dropped at each of its awaits.
#![allow(clippy::unwrap_used, clippy::panic, reason = "the helpers of tests may panic, too")]

mod support;

use std::future::Future;
use std::pin::{Pin, pin};

use argo_guest::{BindOptions, Datagram, Domain, Port, RecvError, SendError};
use futures::executor::block_on;
use support::{Slow, at, bound, domain, local, poll_once, system};

/// Drops what `operation` makes after each number of polls until one is ready, executing one call
/// between polls and all that are left after the drop. Returns how many drops there were.
fn drop_everywhere<'a, T>(
    slow: &Slow,
    mut operation: impl FnMut() -> Pin<Box<dyn Future<Output = T> + 'a>>,
    mut after: impl FnMut(usize),
) -> usize {
    for polls in 1.. {
        let mut future = operation();
        for _ in 0..polls {
            if poll_once(future.as_mut()).is_ready() {
                return polls - 1;
            }
            slow.step();
        }
        drop(future);
        while slow.step() {}
        after(polls);
    }
    unreachable!()
}

fn slow_domain(
    system: &argo_hypervisor::inprocess::InProcess<argo_hypervisor::inprocess::AllowAll>,
) -> (Slow, Domain) {
    let slow = Slow::new(local(system, 1), 64);
    (slow.clone(), Domain::new(slow))
}

#[test]
fn a_dropped_bind_leaves_nothing_behind() {
    let system = system();
    let (slow, near) = slow_domain(&system);
    // Rings so large that a third one would not fit.
    let how = || BindOptions::port(Port(7)).ring_len(400 * 1024);
    let bind = || -> Pin<Box<dyn Future<Output = _>>> { Box::pin(Datagram::bind(&near, how())) };
    let drops = drop_everywhere(&slow, bind, |_| {
        // Somebody has to reap: an operation that waits does.
        let _ = poll_once(pin!(Datagram::bind(&near, BindOptions::any_port().ring_len(48))));
        while slow.step() {}
    });
    assert!(drops >= 1);
}

#[test]
fn a_dropped_bind_spares_the_socket_that_has_the_port() {
    let system = system();
    let (slow, near) = slow_domain(&system);
    let holder = bound(&slow, &near, Port(7));
    let bind = || -> Pin<Box<dyn Future<Output = _>>> { Box::pin(Datagram::bind(&near, Port(7))) };
    let drops = drop_everywhere(&slow, bind, |_| {
        let _ = poll_once(pin!(holder.max_message_to(at(1, 7))));
        while slow.step() {}
    });
    assert!(drops >= 1);
    let far = Datagram::bind_blocking(&domain(&system, 2), Port(1)).unwrap();
    assert_eq!(far.try_send_to(b"still there", at(1, 7)), Ok(11));
}

#[test]
fn a_dropped_send_sends_whole_messages_or_none() {
    let system = system();
    let (slow, near) = slow_domain(&system);
    let client = bound(&slow, &near, Port(1));
    client.connect(at(2, 1));
    let server = Datagram::bind_blocking(&domain(&system, 2), Port(1)).unwrap();
    let mut received = 0;
    let message = vec![7; 3000];
    let send = || -> Pin<Box<dyn Future<Output = _>>> { Box::pin(client.send(&message)) };
    let drops = drop_everywhere(&slow, send, |_| {
        while let Ok(message) = server.try_receive() {
            assert_eq!(message.to_bytes(), vec![7; 3000]);
            received += 1;
        }
    });
    assert!(drops >= 1 && received >= 1);
}

#[test]
fn a_dropped_wait_for_room_leaves_the_next_one_intact() {
    let system = system();
    let (slow, near) = slow_domain(&system);
    let client = bound(&slow, &near, Port(1));
    let how = BindOptions::port(Port(1)).ring_len(256);
    let server = Datagram::bind_blocking(&domain(&system, 2), how).unwrap();
    let filler = Datagram::bind_blocking(server.domain(), Port(2)).unwrap();
    filler.try_send_to(&[0; 200], at(2, 1)).unwrap();
    for polls in 1..5 {
        let mut send = Box::pin(client.send_to(&[1; 200], at(2, 1)));
        for _ in 0..polls {
            assert!(poll_once(send.as_mut()).is_pending());
            slow.step();
        }
    }
    while slow.step() {}
    assert_eq!(server.try_receive().unwrap().to_bytes()[0], 0);
    slow.serve();
    assert_eq!(block_on(client.send_to(&[2; 200], at(2, 1))), Ok(200));
    assert_eq!(server.try_receive().unwrap().to_bytes()[0], 2);
}

#[test]
fn a_dropped_batch_sends_a_beginning_of_it() {
    let system = system();
    let (slow, near) = slow_domain(&system);
    let client = bound(&slow, &near, Port(1));
    let server = Datagram::bind_blocking(&domain(&system, 2), Port(1)).unwrap();
    let messages: Vec<[u8; 1]> = (0..10).map(|byte| [byte]).collect();
    let slices: Vec<&[u8]> = messages.iter().map(<[u8; 1]>::as_slice).collect();
    let to = at(2, 1);
    let send =
        || -> Pin<Box<dyn Future<Output = _>>> { Box::pin(client.send_batch_to(&slices, to)) };
    let drops = drop_everywhere(&slow, send, |_| {
        let mut expected = 0..10;
        while let Ok(message) = server.try_receive() {
            assert_eq!(Some(message.to_bytes()[0]), expected.next());
        }
    });
    assert!(drops >= 1);
}

#[test]
fn a_dropped_question_gives_its_memory_back() {
    let system = system();
    let (slow, near) = slow_domain(&system);
    let client = bound(&slow, &near, Port(1));
    let to = at(1, 1);
    let ask = || -> Pin<Box<dyn Future<Output = _>>> { Box::pin(client.max_message_to(to)) };
    assert!(drop_everywhere(&slow, ask, |_| ()) >= 1);
}

#[test]
fn dropped_receives_lose_no_message() {
    let system = system();
    let near = domain(&system, 1);
    let socket = Datagram::bind_blocking(&near, Port(1)).unwrap();
    let mut buffer = [0; 4];
    assert!(poll_once(pin!(socket.recv(&mut buffer))).is_pending());
    assert!(poll_once(pin!(socket.recv_from(&mut buffer))).is_pending());
    assert!(poll_once(pin!(socket.recv_bytes())).is_pending());
    assert!(poll_once(pin!(socket.receive())).is_pending());
    assert!(poll_once(pin!(socket.peek(&mut buffer))).is_pending());
    assert!(poll_once(pin!(socket.peek_from(&mut buffer))).is_pending());
    {
        // Woken, then dropped before it looked: the wake-up goes to the other.
        let mut first = Box::pin(socket.receive());
        let mut second = Box::pin(socket.receive());
        assert!(poll_once(first.as_mut()).is_pending());
        assert!(poll_once(second.as_mut()).is_pending());
        socket.try_send_to(b"one", at(1, 1)).unwrap();
        drop(first);
        assert_eq!(block_on(second).unwrap().to_bytes(), &b"one"[..]);
    }
    assert_eq!(socket.try_recv(&mut buffer), Err(RecvError::WouldBlock));
}

#[test]
fn a_socket_dropped_with_its_calls_in_flight_is_taken_down() {
    let system = system();
    let (slow, near) = slow_domain(&system);
    let socket = bound(&slow, &near, Port(5));
    assert!(poll_once(pin!(socket.send_to(b"x", at(1, 5)))).is_pending());
    drop(socket);
    while slow.step() {}
    let far = Datagram::bind_blocking(&domain(&system, 2), Port(1)).unwrap();
    let to = at(1, 5);
    assert_eq!(far.try_send_to(b"x", to), Err(SendError::ConnectionRefused { to }));
}
