//! Domains do everything at random while they are reset, end and come back.

use std::collections::BTreeSet;
use std::sync::Arc;

use argo_core::Errno;
use argo_hypervisor::Existing;
use loom_tests::{Tally, explore, id};
use shuttle::rand::{Rng, thread_rng};
use shuttle::thread;

use crate::answers::{Host, about};
use crate::town::{CITIZENS, Citizen, Domain, How, RINGS, Town, after, name};

/// Calls of each domain, and ends of domains.
const CALLS: u32 = 8;
const ENDS: u32 = 4;

/// A message: where to, on which port, and its number, which no other has.
type Sent = (u16, u32, u32);

/// A wait for room, and what its domain had been told before about that owner's rings.
struct Wait {
    to: u16,
    port: u32,
    lives: u32,
    answers: usize,
}

/// What a domain knows of its life.
struct Diary {
    town: Arc<Town>,
    number: u16,
    sent: Vec<Sent>,
    waits: Vec<Wait>,
    /// From whom, and which number, for each of its rings.
    received: [Vec<(u16, u32)>; RINGS as usize],
}

impl Diary {
    fn new(town: &Arc<Town>, number: u16) -> Self {
        let received = Default::default();
        Self { town: town.clone(), number, sent: Vec::new(), waits: Vec::new(), received }
    }

    fn live(mut self) -> Self {
        let born = self.town.citizen(self.number).guest;
        for page in 0..RINGS {
            let _ = born.register(name(self.number, page), page.into(), Existing::Fail);
        }
        for call in 0..CALLS {
            let mut choice = thread_rng();
            let (what, page) = (choice.gen_range(0..9), choice.gen_range(0..RINGS));
            let to = after(self.number, choice.gen_range(1..CITIZENS));
            let citizen = self.town.citizen(self.number);
            let guest = &citizen.guest;
            let name = name(self.number, page);
            match what {
                0 | 1 => self.own(|| guest.register(name, page.into(), Existing::Replace)),
                2 => self.own(|| guest.engine.unregister_ring(&guest.caller, name)),
                3 => self.query(guest, to, page),
                4 | 5 => self.receive(guest, page),
                _ => self.send(&citizen, (to, page, u32::from(self.number) << 8 | call)),
            }
        }
        self
    }

    /// A call about its own rings, whatever is the answer.
    fn own(&self, call: impl FnOnce() -> Result<(), Errno>) {
        let _ = about(self.number, call);
    }

    fn query(&mut self, guest: &Domain, to: u16, port: u32) {
        if guest.query(id(to), port) == Ok(true) {
            // There is room: nothing is waited for any more.
            self.waits.retain(|wait| (wait.to, wait.port) != (to, port));
        }
    }

    fn send(&mut self, citizen: &Citizen, sent: Sent) {
        let (to, port, number) = sent;
        let answers = self.town.answers(self.number, to);
        // A sender that a notify may have missed is told within its own call.
        match about(to, || citizen.guest.send(id(to), port, number)) {
            Ok(_) => self.sent.push(sent),
            Err(Errno::EAGAIN) => {
                self.waits.push(Wait { to, port, lives: citizen.lives, answers });
            }
            Err(Errno::EBUSY | Errno::ECONNREFUSED | Errno::ENODEV | Errno::ESRCH) => {}
            Err(other) => panic!("{other:?}"),
        }
    }

    /// Reads what lies in a ring, and says so.
    fn receive(&mut self, guest: &Domain, page: u32) {
        let messages = std::iter::from_fn(|| guest.receive(page.into()));
        self.received[page as usize].extend(messages);
        self.own(|| guest.engine.notify_owned(&guest.caller));
    }

    /// Everything has come to rest: the rings are read.
    fn rest(&mut self) {
        let guest = self.town.citizen(self.number).guest;
        for page in 0..RINGS {
            self.receive(&guest, page);
        }
        assert_eq!(guest.waiting(), 0, "somebody waits for room that is there");
    }

    /// Who waits now has been told since, unless it has ended itself. Whether there is one.
    fn check_waits(&self) -> bool {
        let lives = self.town.citizen(self.number).lives;
        let mut pending = self.waits.iter().filter(|wait| wait.lives == lives).peekable();
        let waits = pending.peek().is_some();
        let answered = |wait: &Wait| wait.answers < self.town.answers(self.number, wait.to);
        assert!(pending.all(answered), "who waits is forgotten");
        waits
    }
}

/// Each message that arrived was sent there, arrived once, and after what was sent before it.
fn check_messages(diaries: &[Diary]) {
    let sent: BTreeSet<Sent> = diaries.iter().flat_map(|diary| diary.sent.clone()).collect();
    for diary in diaries {
        for (port, messages) in (0..).zip(&diary.received) {
            for (from, number) in messages {
                assert!(sent.contains(&(diary.number, port, *number)), "nobody sent {number}");
                assert_eq!(u32::from(*from), number >> 8, "not by who is named");
            }
            for from in 1..=CITIZENS {
                let its = messages.iter().filter(|(source, _)| *source == from);
                assert!(its.is_sorted_by(|one, next| one.1 < next.1), "{messages:?}");
            }
        }
    }
}

fn life(how: How, host: Host, waits: &Tally, arrivals: &Tally) {
    let town = Town::new(how, host);
    let citizens: Vec<_> = (1..=CITIZENS)
        .map(|number| {
            let diary = Diary::new(&town, number);
            thread::spawn(move || diary.live())
        })
        .collect();
    for _ in 0..ENDS {
        town.renew(thread_rng().gen_range(1..=CITIZENS));
    }
    let lives = citizens.into_iter().map(|citizen| citizen.join().unwrap());
    let mut diaries: Vec<Diary> = lives.collect();
    diaries.iter_mut().for_each(Diary::rest);
    diaries.iter().filter(|diary| diary.check_waits()).for_each(|_| waits.note());
    diaries.iter().flat_map(|diary| diary.received.iter().flatten()).for_each(|_| arrivals.note());
    check_messages(&diaries);
    town.end();
}

fn lives(how: How, host: Host) {
    let (waits, arrivals) = (Tally::default(), Tally::default());
    let (waited, arrived) = (waits.clone(), arrivals.clone());
    explore(4000, move || life(how, host, &waits, &arrivals));
    assert!(waited.count() > 0 && arrived.count() > 0);
}

#[test]
fn nothing_is_left_of_the_dead_and_the_living_are_served() {
    lives(How::Destroyed, Host::Tells);
}

#[test]
#[should_panic(expected = "the dead are written to")]
fn an_end_while_calls_go_on_is_found_out() {
    lives(How::StrippedOfTheirRings, Host::Tells);
}

#[test]
#[should_panic(expected = "who waits is forgotten")]
fn a_host_that_tells_nobody_of_rings_that_went_is_found_out() {
    lives(How::Destroyed, Host::KeepsSilent);
}
