//! Three domains that end and come back.
//!
//! What is kept here is none of the model's words: nothing is switched at it.

use std::sync::{Arc, Mutex};

use argo_core::RingName;
use argo_hypervisor::inprocess::AllowAll;
use loom_tests::{Guest, World, engine, id, ring};
use shuttle::rand::{Rng, thread_rng};

use crate::answers::{Answers, Host, about};

/// How many domains there are, from 1 on.
pub const CITIZENS: u16 = 3;

/// Rings that a domain may have, each on its own page and its own port.
pub const RINGS: u32 = 3;

/// How domains end.
#[derive(Clone, Copy)]
pub enum How {
    /// As they should.
    Destroyed,
    /// Their calls go on: known to be wrong.
    StrippedOfTheirRings,
}

/// A domain of a town.
pub type Domain = Guest<AllowAll, Answers>;

/// A domain as it is now.
#[derive(Clone)]
pub struct Citizen {
    pub guest: Arc<Domain>,
    /// Moves whenever its waits may have gone.
    pub lives: u32,
}

/// The domains of one engine.
pub struct Town {
    pub engine: Arc<argo_hypervisor::Engine<World<AllowAll, Answers>>>,
    citizens: Mutex<Vec<Citizen>>,
    /// Domains that have ended, each with how often its rings had been written by then.
    dead: Mutex<Vec<(Arc<Domain>, usize)>>,
    how: How,
}

/// The domain so many places behind this one, in a circle.
pub fn after(number: u16, places: u16) -> u16 {
    (number - 1 + places) % CITIZENS + 1
}

/// The ring on a page: on the first for everybody, on the others for one neighbour each.
pub fn name(owner: u16, page: u32) -> RingName {
    ring(page, (page > 0).then(|| id(after(owner, page as u16))))
}

impl Town {
    pub fn new(how: How, host: Host) -> Arc<Self> {
        let engine = engine(AllowAll, Answers::new(host));
        let citizen = |number| {
            let guest = Arc::new(Guest::new(&engine, id(number), 1, RINGS));
            Citizen { guest, lives: 0 }
        };
        let citizens = Mutex::new((1..=CITIZENS).map(citizen).collect());
        Arc::new(Self { engine, citizens, dead: Mutex::default(), how })
    }

    pub fn citizen(&self, number: u16) -> Citizen {
        self.change(number, |citizen| citizen.clone())
    }

    fn change<T>(&self, number: u16, how: impl FnOnce(&mut Citizen) -> T) -> T {
        how(&mut self.citizens.lock().unwrap()[usize::from(number) - 1])
    }

    /// What may have ended waits of a domain for rings of an owner so far.
    pub fn answers(&self, waiter: u16, owner: u16) -> usize {
        self.engine.events().count(waiter, owner)
    }

    /// A domain is reset, or ends and comes back. Called by one thread only.
    pub fn renew(&self, number: u16) {
        let guest = self.citizen(number).guest;
        self.change(number, |citizen| citizen.lives += 1);
        about(number, || match thread_rng().gen_range(0..3) {
            0 => self.engine.soft_reset(id(number)).unwrap(),
            1 => {
                self.engine.deactivate(&guest.caller.domain);
                self.engine.activate(&guest.caller.domain);
            }
            _ => self.replace(&guest),
        });
        self.change(number, |citizen| citizen.lives += 1);
    }

    /// A domain ends, and another one gets its id.
    fn replace(&self, guest: &Arc<Domain>) {
        match self.how {
            How::Destroyed => self.engine.destroy_domain(guest.id()).unwrap(),
            How::StrippedOfTheirRings => {
                self.engine.withdraw_rings(&guest.caller.domain, |_| true);
            }
        }
        self.bury(guest);
        if matches!(self.how, How::Destroyed) {
            let heir = Arc::new(Guest::new(&self.engine, guest.id(), 1, RINGS));
            self.change(guest.id().raw(), |citizen| citizen.guest = heir);
        }
    }

    /// Its rings are not written any more. A call of its may still hold one that it is about to drop.
    fn bury(&self, guest: &Arc<Domain>) {
        self.dead.lock().unwrap().push((guest.clone(), guest.caller.memory.writes()));
    }

    /// All domains end; nothing is left of any that ever was.
    pub fn end(&self) {
        for number in 1..=CITIZENS {
            self.engine.destroy_domain(id(number)).unwrap();
            self.bury(&self.citizen(number).guest);
        }
        for (guest, writes) in self.dead.lock().unwrap().iter() {
            let memory = &guest.caller.memory;
            assert_eq!((memory.rings(), memory.writes()), (0, *writes), "the dead are written to");
        }
        assert!(self.engine.domains().is_empty());
    }
}
