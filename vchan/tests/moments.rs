//! What a peer does at the worst moment: it signals, reads or goes just then.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test")]

mod hooked;
mod world;

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake as TaskWake, Waker};

use argo_core::policy::Query;
use hooked::{Hooked, Moment};
use vchan::inprocess::{Domain, Hub, Policy, StoreAccess};
use vchan::platform::{EventChannel, Wake};
use vchan::{Channel, Client, DomainId, Presence, ReadHalf, Server, WriteAllError, WriteError};
use world::{NOW, World, id};

/// A server on a hooked platform, and its client, which knows it only by the shared page.
fn pair() -> (Hooked, Channel<Hooked>, Channel<Domain>) {
    let world = World::new();
    let hooked = Hooked::new(&world.one);
    let (server, meeting) = Server::new(id(2)).share(&hooked).unwrap();
    (hooked, server, Client::new(id(1)).join(&world.two, meeting).unwrap())
}

#[derive(Default)]
struct Wakes(AtomicU32);

impl TaskWake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_peer_that_signals_without_end_does_not_hold_the_executor() {
    let (hooked, mut server, client) = pair();
    let mut events = 0;
    hooked.set(move |moment| {
        if moment == Moment::Polled {
            events += 1;
            assert!(events < 100, "one poll goes on for ever");
            client.event_channel().notify().unwrap();
        }
    });
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(Arc::clone(&wakes));
    let polled = pin!(server.recv_async(&mut [0])).poll(&mut Context::from_waker(&waker));
    assert!(polled.is_pending());
    assert_eq!(wakes.0.load(Ordering::Relaxed), 1, "it goes on later");
}

#[test]
fn a_peer_that_reads_without_end_does_not_hold_a_writer_past_its_time() {
    let (hooked, mut server, mut client) = pair();
    hooked.set(move |moment| {
        if moment == Moment::Notified {
            while client.try_read(&mut [0; 4096]).is_ok() {}
        }
    });
    let error = WriteError::TimedOut { size: 2048 };
    assert_eq!(server.write_all(&[0; 10_000], NOW), Err(WriteAllError { written: 2048, error }));
    assert_eq!(server.write_all(&[0; 2048], NOW), Ok(()));
}

#[test]
fn an_event_that_comes_when_the_time_is_just_over_is_told_the_next_time() {
    let (hooked, server, client) = pair();
    while server.wait(NOW) == Ok(Wake::Event) {}
    hooked.set(move |moment| {
        if moment == Moment::TimedOut {
            client.event_channel().notify().unwrap();
        }
    });
    assert_eq!(server.wait(NOW), Ok(Wake::TimedOut));
    assert_eq!(server.wait(NOW), Ok(Wake::Event));
}

/// What a client saw of its server each time that the store was asked.
type Seen = Arc<Mutex<Option<(ReadHalf<Domain>, Vec<Presence>)>>>;

struct Witness(Seen);

impl Policy for Witness {
    fn allows(&self, _query: Query) -> bool {
        true
    }

    fn allows_path(&self, _domain: DomainId, _path: &str, _access: StoreAccess) -> bool {
        if let Some((client, seen)) = &mut *self.0.lock().unwrap() {
            seen.push(client.peer());
        }
        true
    }
}

#[test]
fn the_peer_hears_of_a_drop_before_the_store_does() {
    let seen = Seen::default();
    let hub = Hub::new(Witness(Arc::clone(&seen)));
    let (one, two) = (hub.domain(id(1)), hub.domain(id(2)));
    let server = Server::new(id(2)).listen(&one, 7).unwrap();
    let client = Client::new(id(1)).connect(&two, 7).unwrap();
    *seen.lock().unwrap() = Some((client.into_split().0, Vec::new()));
    drop(server);
    let (_client, seen) = seen.lock().unwrap().take().unwrap();
    assert!(!seen.is_empty() && seen.iter().all(|seen| *seen == Presence::Gone), "{seen:?}");
}
