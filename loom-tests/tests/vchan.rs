//! vchan's wake-ups: who sleeps for data or for room is woken, and bytes arrive as they were sent.
#![cfg(argo_loom)]
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "models fail by panic")]

use std::sync::Arc;

use loom::sync::Notify;
use loom::sync::atomic::Ordering::Relaxed;
use loom::thread;
use loom_tests::{Tally, UnfencedPage, VchanPage, check};
use vchan::{
    Geometry, ReadError, Reader, Role, SharedRings, Signal, Word, WriteError, Writer, leave,
    start_client, start_server,
};

/// Bytes that cross in a model.
const COUNT: u8 = 2;

/// A page and both ends of its event channel.
struct World<M> {
    page: M,
    to_server: Notify,
    to_client: Notify,
    slept: Tally,
}

impl<M: SharedRings> World<M> {
    fn started(page: M, slept: &Tally) -> Arc<Self> {
        start_server(&page, Geometry::IN_PAGE);
        let _nobody_waits_yet = start_client(&page);
        let slept = slept.clone();
        Arc::new(Self { page, to_server: Notify::new(), to_client: Notify::new(), slept })
    }

    fn deliver(&self, to: Role, signal: Signal) {
        if signal == Signal::Needed {
            match to {
                Role::Server => self.to_server.notify(),
                Role::Client => self.to_client.notify(),
            }
        }
    }

    fn sleep(&self, role: Role) {
        self.slept.note();
        match role {
            Role::Server => self.to_server.wait(),
            Role::Client => self.to_client.wait(),
        }
    }

    /// The server writes its bytes, sleeping whenever there is no room.
    fn write(&self) {
        let mut writer = Writer::new(&self.page, Role::Server, Geometry::IN_PAGE);
        for byte in 1..=COUNT {
            loop {
                match writer.write(&[byte]) {
                    Ok(done) => break self.deliver(Role::Client, done.signal),
                    Err(WriteError::WouldBlock { .. }) => self.sleep(Role::Server),
                    Err(error) => panic!("{error}"),
                }
            }
        }
    }

    /// The client reads so many bytes, sleeping whenever there is none; or fewer, if the server
    /// has gone.
    fn read(&self, count: usize) -> Vec<u8> {
        let mut reader = Reader::new(&self.page, Role::Client, Geometry::IN_PAGE);
        let (mut all, mut byte) = (Vec::new(), [0]);
        while all.len() < count {
            match reader.read(&mut byte) {
                Ok(done) => {
                    all.push(byte[0]);
                    self.deliver(Role::Server, done.signal);
                }
                Err(ReadError::WouldBlock) => self.sleep(Role::Client),
                Err(ReadError::Closed) => break,
                Err(error) => panic!("{error}"),
            }
        }
        all
    }
}

fn data_is_awaited<M: SharedRings + Send + Sync + 'static>(page: fn() -> M, slept: &Tally) {
    let slept = slept.clone();
    check(move || {
        let world = World::started(page(), &slept);
        let writer = {
            let world = world.clone();
            thread::spawn(move || world.write())
        };
        assert_eq!(world.read(COUNT.into()), (1..=COUNT).collect::<Vec<_>>());
        writer.join().unwrap();
    });
}

fn room_is_awaited<M: SharedRings + Send + Sync + 'static>(page: fn() -> M, slept: &Tally) {
    let slept = slept.clone();
    check(move || {
        let world = World::started(page(), &slept);
        let ring = Role::Server.write_ring();
        world.page.store(Word::prod(ring), Geometry::IN_PAGE.order(ring).size(), Relaxed);
        let writer = {
            let world = world.clone();
            thread::spawn(move || world.write())
        };
        world.read(COUNT.into());
        writer.join().unwrap();
    });
}

#[test]
fn who_waits_for_data_is_woken() {
    let slept = Tally::default();
    data_is_awaited(VchanPage::zeroed, &slept);
    assert_ne!(slept.count(), 0);
}

#[test]
fn who_waits_for_room_is_woken() {
    let slept = Tally::default();
    room_is_awaited(VchanPage::zeroed, &slept);
    assert_ne!(slept.count(), 0);
}

#[test]
#[should_panic(expected = "deadlock")]
fn without_fences_a_reader_sleeps_for_ever() {
    data_is_awaited(|| UnfencedPage(VchanPage::zeroed()), &Tally::default());
}

#[test]
#[should_panic(expected = "deadlock")]
fn without_fences_a_writer_sleeps_for_ever() {
    room_is_awaited(|| UnfencedPage(VchanPage::zeroed()), &Tally::default());
}

#[test]
fn what_was_written_before_the_end_is_read_and_the_end_is_seen() {
    let slept = Tally::default();
    let tally = slept.clone();
    check(move || {
        let world = World::started(VchanPage::zeroed(), &tally);
        let server = {
            let world = world.clone();
            thread::spawn(move || {
                world.write();
                world.deliver(Role::Client, leave(&world.page, Role::Server));
            })
        };
        assert_eq!(world.read(usize::MAX), (1..=COUNT).collect::<Vec<_>>());
        server.join().unwrap();
    });
    assert_ne!(slept.count(), 0);
}
