//! What a call costs when there are many others: domains with idle rings, rings of one's own.

use std::time::{Duration, Instant};

use argo_core::abi::RING_LEN_MIN;
use argo_core::claim::RingLen;

use super::in_place::Inbox;
use super::world::{Guest, Rate, SMALL, World, pages_for_inbox};
use super::{TIME, first_to_second};
use crate::case::{Case, Contestant, Failure, Plan};

/// The port of the rings that are used; idle ones have those after it.
const PORT: u32 = 7;
const SENDER: u16 = 1;
const RECEIVER: u16 = 2;
const IDLE_PAGES: usize = SMALL.end as usize;

/// Domains, each with so many idle rings.
#[derive(Clone, Copy, Debug)]
pub struct Crowd {
    /// How many, the two that talk included.
    pub domains: u16,
    /// Rings of each, beside the one that the two use.
    pub rings: u32,
}

/// Sends of 64 bytes between two of a crowd.
pub struct Sends {
    name: &'static str,
    crowd: Vec<Guest>,
    sender: Guest,
    receiver: Inbox,
}

impl Sends {
    /// Registers all rings.
    ///
    /// # Errors
    /// The engine's.
    pub fn new(name: &'static str, crowd: Crowd) -> Result<Self, Failure> {
        let world = World::new(crowd.domains, Rate::Free)?;
        let ring = RingLen::check(1 << 20)?;
        let others = RECEIVER + 1..=crowd.domains;
        let others = others.map(|id| idle(&world, id, IDLE_PAGES, crowd.rings));
        let others = others.collect::<Result<_, _>>()?;
        let sender = idle(&world, SENDER, pages_for_inbox(ring), crowd.rings)?;
        let receiver = idle(&world, RECEIVER, pages_for_inbox(ring), crowd.rings)?;
        let receiver = Inbox::open(receiver, PORT, ring)?;
        sender.aim(RECEIVER, PORT, 64)?;
        Ok(Self { name, crowd: others, sender, receiver })
    }

    /// Nanoseconds of a send, over so many blocks of them.
    ///
    /// # Errors
    /// The engine's.
    pub fn time(&mut self, blocks: u32) -> Result<f64, Failure> {
        /// The ring has room for them.
        const BLOCK: u32 = 1000;
        let mut took = Duration::ZERO;
        for _ in 0..blocks {
            let begun = Instant::now();
            for _ in 0..BLOCK {
                self.sender.send()?;
            }
            took += begun.elapsed();
            for _ in 0..BLOCK {
                self.receiver.skip()?;
            }
        }
        Ok(took.as_nanos() as f64 / f64::from(blocks * BLOCK))
    }

    /// Bytes of all domains' RAM.
    pub fn ram(&self) -> u64 {
        let guests = self.crowd.iter().chain([&self.sender, self.receiver.guest()]);
        guests.map(|guest| guest.ram().len() as u64).sum()
    }
}

fn idle(world: &World, id: u16, pages: usize, rings: u32) -> Result<Guest, Failure> {
    let guest = world.guest(id, pages)?;
    for port in 0..rings {
        guest.register(PORT + 1 + port, SMALL.start)?;
    }
    Ok(guest)
}

impl Contestant for Sends {
    fn name(&self) -> &'static str {
        self.name
    }

    fn run(&mut self, plan: &Plan) -> Result<Vec<f64>, Failure> {
        Ok(vec![self.time(scaled(40, plan))?])
    }
}

/// Notifies of owners that have so many rings, for one of which somebody waits.
pub struct Notifies {
    name: &'static str,
    waiter: Guest,
    owners: Vec<Inbox>,
}

/// Owners of rings: each notifies once in a row of calls.
const OWNERS: u16 = 64;
/// A message that leaves no room for another one in the smallest ring.
const FILLING: u32 = 16;

impl Notifies {
    /// Registers all rings, so many for each owner.
    ///
    /// # Errors
    /// The engine's.
    pub fn new(name: &'static str, rings: u32) -> Result<Self, Failure> {
        let world = World::new(1 + OWNERS, Rate::Free)?;
        let ring = RingLen::check(RING_LEN_MIN)?;
        let waiter = world.guest(SENDER, pages_for_inbox(ring))?;
        let owner = |id| {
            // The one that somebody waits for is the last one.
            let guest = idle(&world, id, pages_for_inbox(ring), rings - 1)?;
            Inbox::open(guest, PORT, ring)
        };
        let owners = (RECEIVER..RECEIVER + OWNERS).map(owner).collect::<Result<_, _>>()?;
        Ok(Self { name, waiter, owners })
    }

    /// Nanoseconds of a notify, over so many rows of one for each owner.
    ///
    /// # Errors
    /// The engine's.
    pub fn time(&mut self, rows: u32) -> Result<f64, Failure> {
        let mut took = Duration::ZERO;
        for _ in 0..rows {
            self.make_wait()?;
            took += self.notify_all()?;
        }
        Ok(took.as_nanos() as f64 / f64::from(rows * u32::from(OWNERS)))
    }

    /// The waiter waits for room in a ring of each owner, and then there is.
    fn make_wait(&mut self) -> Result<(), Failure> {
        for owner in &mut self.owners {
            let id = owner.guest().id();
            self.waiter.aim(id, PORT, FILLING)?;
            self.waiter.send()?;
            self.waiter.ask(id, PORT, FILLING)?;
            owner.skip()?;
        }
        Ok(())
    }

    fn notify_all(&self) -> Result<Duration, Failure> {
        let begun = Instant::now();
        self.owners.iter().try_for_each(|owner| owner.guest().notify())?;
        Ok(begun.elapsed())
    }
}

impl Contestant for Notifies {
    fn name(&self) -> &'static str {
        self.name
    }

    fn run(&mut self, plan: &Plan) -> Result<Vec<f64>, Failure> {
        Ok(vec![self.time(scaled(100, plan))?])
    }
}

fn scaled(count: u32, plan: &Plan) -> u32 {
    ((f64::from(count) * plan.effort) as u32).max(1)
}

/// Row 10.
///
/// # Errors
/// They cannot be set up.
pub fn cases(_plan: &Plan) -> Result<Vec<Case>, Failure> {
    let many = Sends::new("of 1,000 domains × 32 rings", Crowd { domains: 1000, rings: 32 })?;
    let two = Sends::new("of 2 domains", Crowd { domains: 2, rings: 0 })?;
    let sends: Vec<Box<dyn Contestant>> = vec![Box::new(many), Box::new(two)];
    let of_128 = Notifies::new("1 of 128 rings", 128)?;
    let of_1 = Notifies::new("1 of 1 ring", 1)?;
    let notifies: Vec<Box<dyn Contestant>> = vec![Box::new(of_128), Box::new(of_1)];
    Ok(vec![
        first_to_second("a send of 64 bytes", TIME, sends, "growth_sendv_1000x32"),
        first_to_second("a notify, somebody waiting", TIME, notifies, "growth_notify_128"),
    ])
}
