//! A sender that is slow inside its copy into a ring holds up nobody who wants something else.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to stop")]

mod support;

use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::Duration;

use argo_core::abi::Iov;
use argo_core::claim::RingLen;
use argo_core::ring::Spans;
use argo_core::{Errno, Gfn, GuestAddr, Partner, Port, RingName};
use argo_hypervisor::{
    Argo, Caller, Config, Engine, Existing, Fault, GuestMemory, LinearMemory, MapError, ParkingLot,
    Question, Quotas, RegisterRequest, RingPages, SendRequest, Start, System, WildcardRings,
};
use argo_mem::HeapRam;
use support::{Denials, PAYLOAD, Record, domain, pages, ram};

const LEN: u32 = 64;
const BYTES: u32 = 16;
/// The ring that is held, and another of the same owner.
const HELD: Port = Port(1);
const FREE: Port = Port(2);
/// When calls that should not wait are said to wait.
const PATIENCE: Duration = Duration::from_secs(60);

enum Slow {}

impl System for Slow {
    type Memory = SlowMemory;
    type Policy = Denials;
    type Events = Record;
    type Locks = ParkingLot;
}

/// Memory out of which a copy into a ring lasts until the test has met it twice, if held.
struct SlowMemory {
    ram: LinearMemory<HeapRam>,
    held: Option<Arc<Barrier>>,
}

impl GuestMemory for SlowMemory {
    type Ring = RingPages<HeapRam>;

    fn read(&self, at: GuestAddr, out: &mut [u8]) -> Result<(), Fault> {
        self.ram.read(at, out)
    }

    fn write(&self, at: GuestAddr, bytes: &[u8]) -> Result<(), Fault> {
        self.ram.write(at, bytes)
    }

    fn map_ring(
        &self,
        pages: impl ExactSizeIterator<Item = Result<Gfn, Fault>>,
        len: RingLen,
    ) -> Result<Self::Ring, MapError> {
        self.ram.map_ring(pages, len)
    }

    fn copy_to_ring(&self, from: GuestAddr, to: &Self::Ring, spans: Spans) -> Result<(), Fault> {
        if let Some(test) = &self.held {
            test.wait();
            test.wait();
        }
        self.ram.copy_to_ring(from, to, spans)
    }
}

type Guest = Caller<Slow>;

fn guest(engine: &Engine<Slow>, id: u16, held: Option<Arc<Barrier>>) -> Guest {
    let own = engine.create_domain(domain(id), Quotas::default(), Start::Active).unwrap();
    Caller::new(own, SlowMemory { ram: ram(), held })
}

fn register(engine: &Engine<Slow>, owner: &Guest, port: Port) {
    let (name, len) = (RingName { port, partner: Partner::Any }, RingLen::check(LEN).unwrap());
    let request = RegisterRequest { name, len, existing: Existing::Replace };
    engine.register_ring(owner, &request, pages(8 + u64::from(port.0), len)).unwrap();
}

fn send(engine: &Engine<Slow>, from: &Guest, to: &Guest, port: Port) -> Result<u32, Errno> {
    let iovs = [Iov { iov_hnd: PAYLOAD, iov_len: BYTES, pad: 0 }];
    let receiver = to.domain.id();
    let request = SendRequest { source: Port(9), receiver, port, iovs: &iovs, message_type: 1 };
    engine.sendv(from, &request)
}

/// Sends to another ring of the same owner and to another domain, notify, a question, and a
/// domain that comes.
#[test]
fn a_sender_inside_its_copy_holds_up_only_its_ring() {
    let config = Config { argo: Argo::On, wildcard_rings: WildcardRings::Allowed };
    let engine = Engine::<Slow>::new(config, Denials::default(), Record::default());
    let meet = Arc::new(Barrier::new(2));
    let (server, other) = (guest(&engine, 1, None), guest(&engine, 2, None));
    let (slow, client) = (guest(&engine, 3, Some(meet.clone())), guest(&engine, 4, None));
    for (owner, port) in [(&server, HELD), (&server, FREE), (&other, FREE)] {
        register(&engine, owner, port);
    }
    let (done, all_done) = mpsc::channel();
    let unrelated = || {
        assert_eq!(send(&engine, &client, &server, FREE), Ok(BYTES));
        assert_eq!(send(&engine, &client, &other, FREE), Ok(BYTES));
        engine.notify_owned(&other).unwrap();
        let question = Question { receiver: domain(1), port: FREE, space_required: 1 };
        engine.query(&client, &question).unwrap();
        guest(&engine, 5, None);
    };
    thread::scope(|scope| {
        let held = scope.spawn(|| send(&engine, &slow, &server, HELD));
        meet.wait();
        scope.spawn(move || {
            unrelated();
            done.send(()).unwrap();
        });
        let result = all_done.recv_timeout(PATIENCE);
        meet.wait();
        assert_eq!(held.join().unwrap(), Ok(BYTES));
        assert_eq!(result, Ok(()), "they waited for a copy into another ring");
    });
}
