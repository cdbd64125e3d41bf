//! Whom a notify wakes of those who wait for room, in which order, and what becomes of the rest.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to stop")]

mod support;

use std::iter;

use argo_core::abi::RingFlags;
use argo_core::claim::RingLen;
use argo_core::ring::Consumer;
use argo_core::{Errno, Port, RingName};
use argo_hypervisor::{NoSuchDomain, Question, Quotas, Waking};
use support::*;

/// Room for four messages of 32 bytes, or of 16 and less.
const LEN: u32 = 4 * 48 + 16;

/// A full ring, and the events of whoever waits for it from then on forgotten.
fn full(world: &World, clients: u16) -> (Guest, Vec<Guest>) {
    let server = world.guest_with(1, Quotas { waiters: 100, ..Quotas::default() });
    world.register(&server, from_any(), RING_PAGE, LEN).unwrap();
    let clients: Vec<_> = (2..2 + clients).map(|id| world.guest(id)).collect();
    for _ in 0..4 {
        assert_eq!(world.send(&clients[0], &server, 32), Ok(32));
    }
    (server, clients)
}

fn wait(world: &World, client: &Guest, server: &Guest, bytes: u32) {
    assert_eq!(world.send(client, server, bytes), Err(Errno::EAGAIN));
}

/// What a notify raises.
fn notify(world: &World, server: &Guest) -> Vec<Event> {
    world.events();
    world.engine.notify_owned(server).unwrap();
    world.events()
}

/// The receiver reads the next so many messages.
fn read(server: &Guest, messages: u32) {
    let view = ring_view(server, RING_PAGE, LEN);
    let mut consumer = Consumer::resume(&view, RingLen::check(LEN).unwrap());
    for _ in 0..messages {
        let message = consumer.peek(&view).unwrap().unwrap();
        consumer.consume(&view, message);
    }
}

#[test]
fn those_who_fit_together_go_in_the_order_in_which_they_began() {
    let world = World::new().waking(Waking::Fair);
    let (server, clients) = full(&world, 5);
    for client in clients.iter().rev() {
        wait(&world, client, &server, 32);
    }
    assert_eq!(notify(&world, &server), []);
    read(&server, 2);
    assert_eq!(notify(&world, &server), [Event::Virq(6), Event::Virq(5), Event::RoomKept(1)]);
    assert_eq!(notify(&world, &server), [Event::RoomKept(1)], "their room is kept");
    assert_eq!(world.waiting(&server), 3);
    for (served, then) in [(4, 4), (3, 3)] {
        assert_eq!(world.send(&clients[served], &server, 32), Ok(32));
        read(&server, 1);
        assert_eq!(notify(&world, &server)[0], Event::Virq(then));
    }
}

#[test]
fn nobody_sends_past_those_who_wait_or_were_woken() {
    let world = World::new().waking(Waking::Fair);
    let (server, clients) = full(&world, 4);
    wait(&world, &clients[0], &server, 32);
    wait(&world, &clients[1], &server, 32);
    read(&server, 1);
    let newcomer = &clients[3];
    assert_eq!(world.send(newcomer, &server, 0), Err(Errno::EAGAIN), "others wait");
    assert_eq!(notify(&world, &server), [Event::Virq(2), Event::RoomKept(1)]);
    assert_eq!(world.send(&clients[1], &server, 32), Err(Errno::EAGAIN), "not its turn");
    assert_eq!(world.send(&clients[2], &server, 0), Err(Errno::EAGAIN), "others wait");
    assert_eq!(world.send(&clients[0], &server, 32), Ok(32));
    read(&server, 4);
    assert_eq!(notify(&world, &server), [3, 5, 4].map(Event::Virq));
    assert_eq!(world.send(&clients[0], &server, 120), Err(Errno::EAGAIN), "room is kept");
    for client in [2, 3, 1] {
        assert!(world.send(&clients[client], &server, 0).is_ok());
    }
}

/// Else its turn could be the end of all others'.
#[test]
fn who_was_woken_and_never_comes_has_its_room_lent() {
    let world = World::new().waking(Waking::Fair);
    let (server, clients) = full(&world, 3);
    wait(&world, &clients[0], &server, 32);
    wait(&world, &clients[1], &server, 32);
    read(&server, 1);
    assert_eq!(notify(&world, &server), [Event::Virq(2), Event::RoomKept(1)]);
    let lend = || {
        world.engine.lend_room(domain(1)).unwrap();
        world.events()
    };
    assert_eq!(lend(), [Event::RoomKept(1)], "it has had no time");
    assert_eq!(lend(), [Event::Virq(3)]);
    assert_eq!(world.send(&clients[0], &server, 32), Err(Errno::EAGAIN), "its time is over");
    assert_eq!(world.events(), [Event::SpaceWanted(1), Event::RoomKept(1)]);
    assert_eq!(world.send(&clients[1], &server, 32), Ok(32));
    assert_eq!(world.engine.lend_room(domain(9)), Err(NoSuchDomain(domain(9))));
}

/// Three quarters of a ring are kept at most, so some of it is always left.
#[test]
fn those_who_never_come_leave_some_of_the_ring() {
    let world = World::new().waking(Waking::Fair);
    let (server, clients) = full(&world, 5);
    clients.iter().for_each(|client| wait(&world, client, &server, 32));
    read(&server, 4);
    let woken = [2, 3, 4, 5].map(Event::Virq);
    assert_eq!(notify(&world, &server), [&woken[..], &[Event::RoomKept(1)]].concat());
    assert_eq!(notify(&world, &server), [Event::Virq(6)]);
    assert_eq!(
        world.send(&clients[4], &server, 32),
        Ok(32),
        "three keep room, the fourth does not"
    );
    assert_eq!(world.send(&clients[3], &server, 32), Err(Errno::EAGAIN));
    assert_eq!(world.send(&clients[2], &server, 32), Ok(32));
}

/// A receiver that has heard a notify's answer with all its rings empty hears of those who still wait.
#[test]
fn a_message_of_one_who_waited_tells_the_owner_of_the_others() {
    let world = World::new().waking(Waking::Fair);
    let (server, clients) = full(&world, 3);
    clients.iter().for_each(|client| wait(&world, client, &server, 32));
    read(&server, 1);
    notify(&world, &server);
    assert_eq!(world.send(&clients[0], &server, 32), Ok(32));
    assert_eq!(world.events(), [Event::SpaceWanted(1), Event::Virq(1)]);
    read(&server, 1);
    notify(&world, &server);
    read(&server, 1);
    assert_eq!(notify(&world, &server), [Event::Virq(4)]);
    assert_eq!(world.send(&clients[1], &server, 32), Ok(32));
    assert_eq!(world.events(), [Event::Virq(1)], "nobody waits any more");
}

#[test]
fn who_is_told_that_there_is_room_finds_it() {
    let world = World::new().waking(Waking::Fair);
    let (server, clients) = full(&world, 3);
    wait(&world, &clients[0], &server, 32);
    wait(&world, &clients[1], &server, 32);
    read(&server, 1);
    let ask = |client: &Guest, bytes| {
        let question = Question { receiver: domain(1), port: PORT, space_required: bytes };
        world.engine.query(client, &question).unwrap().flags.contains(RingFlags::SUFFICIENT)
    };
    assert!(!ask(&clients[1], 32) && !ask(&clients[2], 0x10), "others are before them");
    assert!(ask(&clients[0], 32));
    assert_eq!(notify(&world, &server), [Event::RoomKept(1)], "who was told need not be woken");
    assert_eq!(world.send(&clients[1], &server, 32), Err(Errno::EAGAIN));
    assert_eq!(world.send(&clients[0], &server, 32), Ok(32));
}

/// Two tasks of one domain: the one sends what the other has no room for.
#[test]
fn who_sends_while_it_waits_is_woken_all_the_same() {
    let world = World::new().waking(Waking::Fair);
    let (server, clients) = full(&world, 2);
    wait(&world, &clients[0], &server, 120);
    read(&server, 1);
    assert_eq!(world.send(&clients[0], &server, 32), Ok(32));
    wait(&world, &clients[1], &server, 32);
    read(&server, 4);
    assert_eq!(notify(&world, &server), [2, 3].map(Event::Virq));
    assert_eq!(world.send(&clients[0], &server, 120), Ok(120));
}

/// Else it would be woken again and again for room that it does not find.
#[test]
fn a_large_message_waits_for_those_woken_before_it() {
    let world = World::new().waking(Waking::Fair);
    let (server, clients) = full(&world, 2);
    wait(&world, &clients[0], &server, 32);
    wait(&world, &clients[1], &server, 80);
    read(&server, 2);
    assert_eq!(notify(&world, &server), [Event::Virq(2), Event::RoomKept(1)]);
    assert_eq!(world.send(&clients[0], &server, 32), Ok(32));
    read(&server, 1);
    assert_eq!(notify(&world, &server), [Event::Virq(3)]);
    assert_eq!(world.send(&clients[1], &server, 80), Ok(80));
}

#[test]
fn large_messages_are_no_herd() {
    let world = World::new().waking(Waking::Fair);
    let (server, clients) = full(&world, 6);
    clients.iter().for_each(|client| wait(&world, client, &server, 80));
    read(&server, 4);
    assert_eq!(notify(&world, &server), [Event::Virq(2), Event::Virq(3), Event::RoomKept(1)]);
}

/// An owner that reads and never notifies, as some do: the host does it for it.
#[test]
fn who_waits_behind_another_has_the_host_look() {
    let world = World::new().waking(Waking::Fair);
    let (server, clients) = full(&world, 2);
    wait(&world, &clients[0], &server, 32);
    world.events();
    wait(&world, &clients[1], &server, 32);
    assert_eq!(world.events(), [Event::SpaceWanted(1), Event::RoomKept(1)]);
    read(&server, 4);
    world.engine.lend_room(domain(1)).unwrap();
    assert_eq!(world.events(), [2, 3].map(Event::Virq));
}

#[test]
fn a_place_that_is_wanted_is_taken_from_who_was_woken() {
    let world = World::new().waking(Waking::Fair);
    let server = world.guest_with(1, Quotas { waiters: 2, ..Quotas::default() });
    world.register(&server, from_any(), RING_PAGE, LEN).unwrap();
    let clients: Vec<_> = (2..6).map(|id| world.guest(id)).collect();
    for _ in 0..4 {
        assert_eq!(world.send(&clients[0], &server, 32), Ok(32));
    }
    wait(&world, &clients[0], &server, 32);
    wait(&world, &clients[1], &server, 32);
    assert_eq!(world.send(&clients[2], &server, 32), Err(Errno::EBUSY));
    read(&server, 1);
    assert_eq!(notify(&world, &server)[0], Event::Virq(2));
    wait(&world, &clients[2], &server, 32);
    assert_eq!(world.send(&clients[3], &server, 32), Err(Errno::EBUSY));
    assert_eq!(notify(&world, &server)[0], Event::Virq(3), "nothing is kept any more");
}

#[test]
fn everybody_who_fits_alone_goes_at_once_if_all_are_to_be_woken() {
    let world = World::new();
    let (server, clients) = full(&world, 5);
    clients.iter().for_each(|client| wait(&world, client, &server, 32));
    wait(&world, &clients[4], &server, 80);
    read(&server, 1);
    assert_eq!(notify(&world, &server), [2, 3, 4, 5].map(Event::Virq));
    assert_eq!(world.waiting(&server), 1);
}

/// Otherwise small messages could overtake a large one for ever.
#[test]
fn a_large_message_is_not_overtaken() {
    let world = World::new().waking(Waking::Fair);
    let (server, clients) = full(&world, 3);
    for (client, bytes) in iter::zip(&clients, [128, 32, 16]) {
        wait(&world, client, &server, bytes);
    }
    for _ in 0..2 {
        read(&server, 1);
        assert_eq!(notify(&world, &server), [], "the first needs more");
    }
    read(&server, 2);
    assert_eq!(notify(&world, &server), [2, 3, 4].map(Event::Virq));
    assert_eq!(
        world.send(&clients[0], &server, 128),
        Ok(128),
        "those behind it keep nothing from it"
    );
    assert_eq!(world.send(&clients[1], &server, 32), Ok(32));
    assert_eq!(world.send(&clients[2], &server, 16), Err(Errno::EAGAIN));
    read(&server, 1);
    assert_eq!(notify(&world, &server), [Event::Virq(4)]);
}

#[test]
fn who_waits_for_more_keeps_its_place_and_who_was_woken_has_to_queue_again() {
    let world = World::new().waking(Waking::Fair);
    let (server, clients) = full(&world, 3);
    clients.iter().for_each(|client| wait(&world, client, &server, 16));
    wait(&world, &clients[0], &server, 32);
    read(&server, 1);
    assert_eq!(notify(&world, &server), [Event::Virq(2), Event::RoomKept(1)]);
    wait(&world, &clients[0], &server, 120);
    read(&server, 1);
    assert_eq!(notify(&world, &server), [3, 4].map(Event::Virq), "it had its call");
    assert_eq!(world.send(&clients[1], &server, 16), Ok(16));
    assert_eq!(world.send(&clients[2], &server, 16), Ok(16));
    read(&server, 4);
    assert_eq!(notify(&world, &server), [Event::Virq(2)]);
}

#[test]
fn a_notify_finds_the_waits_of_all_rings_wherever_they_are() {
    let world = World::new().waking(Waking::Fair);
    let (server, client) = (world.guest(1), world.guest(2));
    let ports = [0, 1, 63, 64, 100, 127];
    for port in 0..128 {
        let name = RingName { port: Port(port), ..from_any() };
        world.register(&server, name, RING_PAGE + u64::from(port) % 40, 64).unwrap();
    }
    // Rings of the same page have the same receiver: all are filled by its own hand.
    for page in 0..40 {
        poke(&server, (RING_PAGE + page) * PAGE, &16u32.to_le_bytes());
    }
    for port in ports {
        let sent = world.send_to(&client, &server, Port(port), 32);
        assert_eq!(sent, Err(Errno::EAGAIN), "port {port}");
    }
    assert_eq!(notify(&world, &server), []);
    for page in 0..40 {
        poke(&server, (RING_PAGE + page) * PAGE, &0u32.to_le_bytes());
    }
    assert_eq!(notify(&world, &server), ports.map(|_| Event::Virq(2)));
}

/// 64 domains that send as fast as they can to one ring, of which one runs at a time, by chance,
/// and the receiver as often as each of them.
struct Crowd {
    world: World,
    server: Guest,
    clients: Vec<Guest>,
    /// Whether each runs, or waits to be woken.
    runs: Vec<bool>,
    /// Messages that each got through.
    sent: Vec<u64>,
    /// Messages of all when each got its last one through.
    last: Vec<u64>,
    /// The most messages of others between two of one domain.
    longest: u64,
    wakes: u64,
    /// Whether the receiver owes a notify.
    wanted: bool,
}

const CROWD: u16 = 64;

/// A generator of numbers that look random (Knuth's).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) as usize % limit
    }
}

impl Crowd {
    fn new(waking: Waking) -> Self {
        let world = World::new().waking(waking);
        let (server, clients) = full(&world, CROWD);
        drain(&server, RING_PAGE, LEN);
        let each = clients.len();
        Self {
            world,
            server,
            clients,
            runs: vec![true; each],
            sent: vec![0; each],
            last: vec![0; each],
            longest: 0,
            wakes: 0,
            wanted: false,
        }
    }

    fn step(&mut self, chance: &mut Chance) {
        let running = (0..self.clients.len()).filter(|at| self.runs[*at]);
        let running: Vec<_> = running.collect();
        match running.get(chance.below(running.len() + 1)) {
            Some(at) => self.send(*at),
            None => self.receive(),
        }
        self.hear();
    }

    fn send(&mut self, at: usize) {
        match self.world.send(&self.clients[at], &self.server, 32) {
            Ok(_) => {
                let all = self.sent.iter().sum::<u64>();
                self.longest = self.longest.max(all - self.last[at]);
                self.sent[at] += 1;
                self.last[at] = all + 1;
            }
            Err(errno) => {
                assert_eq!(errno, Errno::EAGAIN);
                self.runs[at] = false;
            }
        }
    }

    /// Takes what is there. Then, or if somebody wants room, it notifies.
    fn receive(&mut self) {
        let taken = drain(&self.server, RING_PAGE, LEN).len();
        if taken > 0 || self.wanted {
            self.wanted = false;
            self.world.engine.notify_owned(&self.server).unwrap();
        }
    }

    fn hear(&mut self) {
        for event in self.world.events() {
            match event {
                Event::Virq(1) => {}
                Event::Virq(id) => {
                    self.runs[usize::from(id) - 2] = true;
                    self.wakes += 1;
                }
                Event::SpaceWanted(1) => self.wanted = true,
                // All come: no room need be lent.
                Event::RoomKept(1) => {}
                other => unreachable!("{other:?}"),
            }
        }
    }
}

/// Wakes for each message, the smallest and the largest share of the mean, the longest wait.
fn crowd(waking: Waking, messages: u64) -> (f64, f64, f64, u64) {
    let (mut crowd, mut chance) = (Crowd::new(waking), Chance(7));
    while crowd.sent.iter().sum::<u64>() < messages {
        crowd.step(&mut chance);
    }
    let mean = messages as f64 / f64::from(CROWD);
    let share = |sent: Option<&u64>| *sent.unwrap() as f64 / mean;
    let (least, most) = (share(crowd.sent.iter().min()), share(crowd.sent.iter().max()));
    (crowd.wakes as f64 / messages as f64, least, most, crowd.longest)
}

#[test]
fn of_64_that_flood_a_ring_each_gets_its_share_soon_and_without_a_herd() {
    let all = crowd(Waking::All, 64_000);
    let fair = crowd(Waking::Fair, 64_000);
    println!("{all:?} {fair:?}");
    let (wakes, least, most, longest) = fair;
    assert!(wakes < 1.5, "{wakes} wakes a message");
    assert!(least > 0.9 && most < 1.1, "shares from {least} to {most}");
    // All others once, and who was called when it began to wait.
    assert!(longest <= 2 * u64::from(CROWD), "{longest} messages of others");
}
