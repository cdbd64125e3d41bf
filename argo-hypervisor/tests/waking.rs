//! Whom a notify wakes of those who wait for room, in which order, and what becomes of the rest.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to stop")]

mod support;

use std::iter;

use argo_core::{Errno, Port, RingName};
use argo_hypervisor::{Quotas, Waking};
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

/// The receiver says that it has read the first so many messages of 32 bytes.
fn read(server: &Guest, messages: u32) {
    poke(server, RING_PAGE * PAGE, &(48 * messages).to_le_bytes());
}

#[test]
fn those_who_fit_together_go_in_the_order_in_which_they_began_and_the_rest_is_asked_for() {
    let world = World::new().waking(Waking::Fair);
    let (server, clients) = full(&world, 5);
    for client in clients.iter().rev() {
        wait(&world, client, &server, 32);
    }
    assert_eq!(notify(&world, &server), []);
    read(&server, 2);
    let rest = Event::SpaceWanted(1);
    assert_eq!(notify(&world, &server), [Event::Virq(6), Event::Virq(5), rest]);
    assert_eq!(notify(&world, &server), [Event::Virq(4), Event::Virq(3), rest], "nobody sent");
    assert_eq!(notify(&world, &server), [Event::Virq(2)]);
    assert_eq!(notify(&world, &server), []);
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

#[test]
fn who_needs_more_than_there_is_keeps_nobody_waiting_and_its_place() {
    let world = World::new().waking(Waking::Fair);
    let (server, clients) = full(&world, 3);
    for (client, bytes) in iter::zip(&clients, [128, 32, 32]) {
        wait(&world, client, &server, bytes);
    }
    read(&server, 1);
    assert_eq!(notify(&world, &server), [Event::Virq(3), Event::SpaceWanted(1)]);
    read(&server, 4);
    assert_eq!(notify(&world, &server), [Event::Virq(2), Event::Virq(4)]);
}

/// Otherwise small messages could overtake a large one for ever.
#[test]
fn who_fits_alone_is_not_overtaken() {
    let world = World::new().waking(Waking::Fair);
    let (server, clients) = full(&world, 3);
    for (client, bytes) in iter::zip(&clients, [32, 80, 16]) {
        wait(&world, client, &server, bytes);
    }
    read(&server, 2);
    assert_eq!(notify(&world, &server), [Event::Virq(2), Event::SpaceWanted(1)]);
    assert_eq!(notify(&world, &server), [Event::Virq(3), Event::SpaceWanted(1)]);
    assert_eq!(notify(&world, &server), [Event::Virq(4)]);
}

#[test]
fn who_waits_for_more_keeps_its_place_and_who_was_woken_has_to_queue_again() {
    let world = World::new().waking(Waking::Fair);
    let (server, clients) = full(&world, 3);
    clients.iter().for_each(|client| wait(&world, client, &server, 16));
    wait(&world, &clients[0], &server, 32);
    read(&server, 1);
    assert_eq!(notify(&world, &server), [Event::Virq(2), Event::SpaceWanted(1)]);
    assert_eq!(world.send(&clients[2], &server, 16), Ok(16));
    wait(&world, &clients[0], &server, 32);
    read(&server, 4);
    assert_eq!(notify(&world, &server), [3, 4, 2].map(Event::Virq));
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
    /// Notifies that the receiver owes.
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
    assert!(wakes < 2.0, "{wakes} wakes a message");
    assert!(least > 0.8 && most < 1.2, "shares from {least} to {most}");
    assert!(longest < 1000, "{longest} messages of others");
}
