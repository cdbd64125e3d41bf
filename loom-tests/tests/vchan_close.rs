//! A thread waits in a call on a vchan while another closes it: the real channel, halves and bell.
//!
//! The page is plain memory, which loom does not see: the peer does nothing here, and what the two
//! threads tell each other is how the channel stands, and the bell.
#![cfg(argo_loom)]
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "models fail by panic")]

use std::time::Duration;

use argo_mem::HeapRam;
use loom::thread;
use loom_tests::{Tally, check, id};
use vchan::platform::{
    Access, Bell, EventChannel, Fault, GrantRef, Platform, Port, UnmapNotify, Wake,
};
use vchan::{Cause, DomainId, ReadError, ReadHalf, Server, WriteError, WriteHalf};

/// What an interrupt of one's own port does.
#[derive(Clone, Copy)]
enum Interrupt {
    Rings,
    /// Known to be wrong.
    IsLost,
}

/// A platform whose other domain never comes.
#[derive(Clone)]
struct Lonely {
    interrupt: Interrupt,
    sleeps: Tally,
}

/// A port with a real bell.
struct LonelyPort {
    bell: Bell,
    platform: Lonely,
}

impl EventChannel for LonelyPort {
    fn port(&self) -> Port {
        Port(1)
    }

    fn notify(&self) -> Result<(), Fault> {
        Ok(())
    }

    fn seen(&self) -> u32 {
        self.bell.seen()
    }

    fn wait(&self, seen: u32, timeout: Option<Duration>) -> Result<Wake, Fault> {
        self.platform.sleeps.note();
        self.bell.wait(seen, timeout)
    }

    fn interrupt(&self) {
        if matches!(self.platform.interrupt, Interrupt::Rings) {
            self.bell.ring();
        }
    }
}

fn nobody() -> Fault {
    Fault::new(Cause::NotThere, "there is no other domain")
}

impl Platform for Lonely {
    type Pages = HeapRam;
    type ReadPages = HeapRam;
    type Channel = LonelyPort;

    fn share(
        &self,
        _: DomainId,
        _: Access,
        references: &mut [GrantRef],
        _: Option<UnmapNotify>,
    ) -> Result<HeapRam, Fault> {
        Ok(HeapRam::zeroed(references.len() * 4096))
    }

    fn map(&self, _: DomainId, _: &[GrantRef], _: Option<UnmapNotify>) -> Result<HeapRam, Fault> {
        Err(nobody())
    }

    fn map_to_read(&self, _: DomainId, _: &[GrantRef]) -> Result<HeapRam, Fault> {
        Err(nobody())
    }

    fn alloc_unbound(&self, _: DomainId) -> Result<LonelyPort, Fault> {
        Ok(LonelyPort { bell: Bell::default(), platform: self.clone() })
    }

    fn bind_interdomain(&self, _: DomainId, _: Port) -> Result<LonelyPort, Fault> {
        Err(nobody())
    }

    fn now(&self) -> Duration {
        Duration::ZERO
    }
}

/// Runs one half's call against the other half's close; says whether anybody ever had to sleep.
fn closed_during<Waits, Closes>(
    interrupt: Interrupt,
    halves: fn(ReadHalf<Lonely>, WriteHalf<Lonely>) -> (Waits, Closes),
    waits: fn(&mut Waits),
    closes: fn(&Closes),
) -> bool
where
    Waits: Send + 'static,
    Closes: 'static,
{
    let tally = Tally::default();
    let sleeps = tally.clone();
    check(move || {
        let platform = Lonely { interrupt, sleeps: sleeps.clone() };
        let (channel, _) = Server::new(id(2)).share(&platform).unwrap();
        let (reader, writer) = channel.into_split();
        let (mut waiting, closing) = halves(reader, writer);
        let waiting = thread::spawn(move || waits(&mut waiting));
        closes(&closing);
        waiting.join().unwrap();
    });
    tally.count() > 0
}

fn read(reader: &mut ReadHalf<Lonely>) {
    assert_eq!(reader.read(&mut [0], None), Err(ReadError::Closed));
}

fn write(writer: &mut WriteHalf<Lonely>) {
    let all = writer.write_all(&[0; 4096], None);
    assert_eq!(all.unwrap_err().error, WriteError::Closed);
}

#[test]
fn who_reads_or_writes_while_another_thread_closes_is_told() {
    let rings = Interrupt::Rings;
    assert!(closed_during(rings, |reader, writer| (reader, writer), read, WriteHalf::close));
    assert!(closed_during(rings, |reader, writer| (writer, reader), write, ReadHalf::close));
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_close_that_wakes_nobody_is_found_out() {
    closed_during(Interrupt::IsLost, |reader, writer| (reader, writer), read, WriteHalf::close);
}
