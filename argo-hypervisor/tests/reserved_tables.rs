//! Reserved tables: once its domains are there, the engine never calls an allocator. (In a binary of
//! its own, for its allocator.)
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has to stop")]

mod counting;
mod support;

use std::sync::atomic::{AtomicU64, Ordering};

use argo_core::abi::Iov;
use argo_core::claim::RingLen;
use argo_core::{DomainId, Errno, Gfn, Partner, Port, RingName};
use argo_hypervisor::inprocess::AllowAll;
use argo_hypervisor::{
    Argo, Caller, Config, Engine, Events, Existing, PageLists, ParkingLot, Quotas, RegisterRequest,
    SendRequest, Start, Tables, WildcardRings,
};
use argo_mem::Memory;
use counting::allocator_calls;
use support::{PAGE, PAYLOAD, RAM_PAGES, Testbed, domain, ram};

/// What happened, by its number only.
#[derive(Default)]
struct Tally {
    interrupts: AtomicU64,
    waits_lost: AtomicU64,
    cuts: AtomicU64,
}

impl Events for Tally {
    fn virq(&self, _: DomainId) {
        self.interrupts.fetch_add(1, Ordering::Relaxed);
    }

    fn wait_lost(&self, _: DomainId) {
        self.waits_lost.fetch_add(1, Ordering::Relaxed);
    }

    fn rings_cut(&self, _: DomainId) {
        self.cuts.fetch_add(1, Ordering::Relaxed);
    }
}

enum Still {}

impl argo_hypervisor::System for Still {
    type Memory = <Testbed as argo_hypervisor::System>::Memory;
    type Policy = AllowAll;
    type Events = Tally;
    type Locks = ParkingLot;
}

type Guest = Caller<Still>;

const LEN: u32 = 64 << 10;
/// Messages of 16 bytes that such a ring holds.
const ROOM: u64 = LEN as u64 / 32 - 1;
const QUOTAS: Quotas = Quotas { rings: 8, ring_bytes: 256 << 10, waiters: 2, entries: 8 };
/// Where the ring for everybody lies, where it moves to, and the last page of the other one, whose
/// pages are in the wrong order.
const FIRST: u64 = 2;
const SECOND: u64 = 20;
const LAST: u64 = RAM_PAGES - 1;
/// The only page of small rings.
const SMALL: u64 = 40;

struct Scene {
    engine: Engine<Still>,
    server: Guest,
    clients: [Guest; 3],
}

impl Scene {
    fn new(tables: Tables) -> Self {
        let config = Config { argo: Argo::On, wildcard_rings: WildcardRings::Allowed };
        let engine = Engine::new(config, AllowAll, Tally::default()).with_tables(tables);
        let guest = |id| {
            let memory = ram().with_page_lists(PageLists::new(&QUOTAS, 1));
            Caller::new(engine.create_domain(domain(id), QUOTAS, Start::Active).unwrap(), memory)
        };
        let (server, clients) = (guest(1), [2, 3, 4].map(guest));
        Self { engine, server, clients }
    }

    fn register(&self, owner: &Guest, name: RingName, len: u32, page: impl Fn(u64) -> u64) {
        let len = RingLen::check(len).unwrap();
        let request = RegisterRequest { name, len, existing: Existing::Replace };
        let pages = (0..len.pages()).map(|number| Ok(Gfn(page(number.into()))));
        self.engine.register_ring(owner, &request, pages).unwrap();
    }

    fn send(&self, from: &Guest, to: &Guest, port: u32) -> Result<u32, Errno> {
        let iovs = [Iov { iov_hnd: PAYLOAD, iov_len: 16, pad: 0 }];
        let (receiver, port) = (to.domain.id(), Port(port));
        let request = SendRequest { source: Port(1), receiver, port, iovs: &iovs, message_type: 0 };
        self.engine.sendv(from, &request)
    }

    /// Messages that go until there is no room, and what is said then.
    fn fill(&self, from: &Guest, port: u32) -> (u64, Errno) {
        for sent in 0.. {
            if let Err(errno) = self.send(from, &self.server, port) {
                return (sent, errno);
            }
        }
        unreachable!("a ring has an end")
    }

    /// Both rings of the server are filled, one is read, moved, and filled again.
    fn converse(&self, port: u32) -> u64 {
        let Self { engine, server, clients } = self;
        [FIRST, SECOND, LAST].into_iter().for_each(|page| self.read_all(page));
        self.register(server, name(port, Partner::Any), LEN, |number| FIRST + number);
        let exact = name(port + 1, Partner::Domain(domain(2)));
        self.register(server, exact, LEN, |number| LAST - number);
        let (mut sent, why) = self.fill(&clients[0], port + 1);
        assert_eq!((sent, why), (ROOM, Errno::EAGAIN));
        for (client, errno) in clients.iter().zip([Errno::EAGAIN, Errno::EAGAIN, Errno::EBUSY]) {
            let (more, why) = self.fill(client, port);
            assert_eq!(why, errno);
            sent += more;
        }
        self.read_all(FIRST);
        engine.notify_owned(server).unwrap();
        self.register(server, name(port, Partner::Any), LEN, |number| SECOND + number);
        let (more, why) = self.fill(&clients[2], port);
        assert_eq!((more, why), (ROOM, Errno::EAGAIN));
        sent + more
    }

    /// The server has read what is in its ring at this page.
    fn read_all(&self, page: u64) {
        let view = self.server.memory.memory().view();
        let at = (page * PAGE) as usize;
        let tx = view.load_u32(at + 4, Ordering::Acquire).unwrap();
        view.store_u32(at, tx, Ordering::Release).unwrap();
    }

    /// As many rings as may be, and one more.
    fn use_up(&self, port: u32) {
        let Self { engine, server, .. } = self;
        (2..QUOTAS.rings).for_each(|more| {
            self.register(server, name(port + more, Partner::Any), 64, |_| SMALL);
        });
        let len = RingLen::check(64).unwrap();
        let name = name(port + QUOTAS.rings, Partner::Any);
        let request = RegisterRequest { name, len, existing: Existing::Fail };
        let one_more = engine.register_ring(server, &request, [Ok(Gfn(SMALL))].into_iter());
        assert_eq!(one_more, Err(Errno::ENOSPC));
    }

    /// Everything of the server goes, in one of the ways there are.
    fn end(&self, round: u32) {
        let Self { engine, server, clients } = self;
        match round % 4 {
            0 => engine.withdraw_rings(&server.domain, |_| true),
            1 => {
                engine.deactivate(&server.domain);
                assert_eq!(self.send(&clients[0], server, 0), Err(Errno::ECONNREFUSED));
                engine.activate(&server.domain);
            }
            2 => {
                self.register(&clients[1], name(9, Partner::Domain(domain(1))), 64, |_| SMALL);
                engine.soft_reset(domain(1)).unwrap();
                assert_eq!(self.send(server, &clients[1], 9), Err(Errno::ECONNREFUSED));
            }
            _ => {
                // Who waits goes first.
                engine.deactivate(&clients[2].domain);
                engine.activate(&clients[2].domain);
                let ports = round * 10..round * 10 + QUOTAS.rings;
                let partner = |port| match port {
                    port if port == round * 10 + 1 => Partner::Domain(domain(2)),
                    _ => Partner::Any,
                };
                ports.for_each(|port| {
                    engine.unregister_ring(server, name(port, partner(port))).unwrap();
                });
            }
        }
    }

    /// Rounds of all that until so many messages were sent; how many, and in how many rounds.
    fn run(&self, messages: u64) -> (u64, u32) {
        let mut sent = 0;
        for round in 0.. {
            if sent >= messages {
                return (sent, round);
            }
            sent += self.converse(round * 10);
            self.use_up(round * 10);
            self.end(round);
        }
        unreachable!("there are enough rounds")
    }
}

fn name(port: u32, partner: Partner) -> RingName {
    RingName { port: Port(port), partner }
}

#[test]
fn a_million_messages_of_domains_that_come_and_go_call_no_allocator() {
    let scene = Scene::new(Tables::Reserved);
    let mut run = (0, 0);
    let calls = allocator_calls(|| run = scene.run(1_000_000));
    let (sent, rounds) = run;
    assert_eq!(calls, 0, "in {rounds} rounds");
    assert!(sent >= 1_000_000 && rounds > 100, "{sent} messages in {rounds} rounds");
    let tally = scene.engine.events();
    let releases = tally.interrupts.load(Ordering::Relaxed) - sent;
    assert_eq!(releases, 2 * u64::from(rounds), "two waited for the ring that was read");
    assert!(tally.waits_lost.load(Ordering::Relaxed) > 0 && tally.cuts.load(Ordering::Relaxed) > 0);
    assert_eq!(scene.engine.stat(domain(1)).unwrap().rings, []);
}

#[test]
fn growing_tables_do_the_same_and_call_it() {
    let scene = Scene::new(Tables::Growing);
    let mut run = (0, 0);
    assert!(allocator_calls(|| run = scene.run(20_000)) > 0, "the counter counts");
    assert!(run.0 >= 20_000);
}
