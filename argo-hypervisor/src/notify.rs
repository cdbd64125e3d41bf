//! Room in rings: telling those who wait for it, and asking for it.

use argo_core::abi::RingFlags;
use argo_core::claim::PayloadLen;
use argo_core::policy::{Query, Rings};
use argo_core::ring::index;
use argo_core::{DomainId, Errno, Partner, Port};

use crate::domain::{Caller, Domain, Gate, Onlooker};
use crate::engine::{Engine, NoSuchDomain};
use crate::policy::Judge;
use crate::signals::Signals;
use crate::system::{Events, System};
use crate::table::Found;
use crate::waiters::Wait;

/// A question about the ring that the caller reaches at a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// The domain asked about.
    pub receiver: DomainId,
    /// The port there.
    pub port: Port,
    /// The payload that the caller wants to send, in bytes. 0: no check, the answer is "enough"
    /// (even where an empty message would not fit).
    pub space_required: u32,
}

/// The answer to a [`Question`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What there is. If there is neither enough room nor an error, the caller waits.
    pub flags: RingFlags,
    /// The longest payload that the ring can hold, in bytes, if there is a ring.
    pub max_payload: Option<u32>,
}

impl Answer {
    const NO_RING: Self = Self { flags: RingFlags::empty(), max_payload: None };
}

impl<S: System> Engine<S> {
    /// Interrupts each domain whose wait for room in a ring of the caller is over, once for each
    /// ring.
    ///
    /// # Errors
    /// `ENODEV`
    pub fn notify_owned(&self, caller: &Caller<S>) -> Result<(), Errno> {
        self.call(caller, |_| self.release_waiters(caller))
    }

    /// Asks for room in a ring. If it is there, a wait of the caller's is cancelled; if it could
    /// be there later, the caller waits for it.
    ///
    /// # Errors
    /// `ENODEV`, or `EACCES` (hook `send`). A ring that the port rules keep the caller from is
    /// answered like one that is not there, and room that a rate limit keeps it from using like
    /// room that is not there: it is interrupted when there is.
    pub fn query(&self, caller: &Caller<S>, question: &Question) -> Result<Answer, Errno> {
        self.call(caller, |judge| self.answer(judge, caller, question))
    }

    /// Takes room from those who were woken before the last time that this was called for the same
    /// owner and have not sent since, and interrupts whom it lets go, like a notify of the owner's.
    ///
    /// # Errors
    /// [`NoSuchDomain`]
    pub fn lend_room(&self, owner: DomainId) -> Result<(), NoSuchDomain> {
        let domain = self.domain(owner).ok_or(NoSuchDomain(owner))?;
        let mut signals = Signals::new(owner);
        let mut round = Round::default();
        while round.goes_on {
            let mut outside = Onlooker;
            round = collect(&domain, &mut outside, round, Turn::Lend, &mut signals);
            signals.raise(self.events());
        }
        self.tell_who_stays(round, owner);
        Ok(())
    }

    pub(crate) fn release_waiters(&self, caller: &Caller<S>) -> Result<(), Errno> {
        let owner = caller.domain.id();
        let mut signals = Signals::new(owner);
        let mut round = Round::default();
        while round.goes_on {
            let mut gate = caller.domain.enter()?;
            round = collect(&caller.domain, &mut gate, round, Turn::Notify, &mut signals);
            drop(gate);
            signals.raise(self.events());
        }
        self.tell_who_stays(round, owner);
        Ok(())
    }

    /// Those that were woken may leave their room unused: nobody who stays may depend on them.
    fn tell_who_stays(&self, round: Round, owner: DomainId) {
        if round.stays {
            self.events().room_kept(owner);
        }
    }

    /// Tells, with no lock held, whom it concerns that a domain waits now.
    pub(crate) fn tell_of(&self, wait: Wait, waiting: DomainId, owner: DomainId) {
        match wait {
            Wait::New => self.events().space_wanted(owner),
            Wait::Behind => {
                self.events().space_wanted(owner);
                self.events().room_kept(owner);
            }
            Wait::Over => self.events().virq(waiting),
            Wait::AsBefore | Wait::Busy => {}
        }
    }

    pub(crate) fn answer(
        &self,
        judge: &impl Judge,
        caller: &Caller<S>,
        question: &Question,
    ) -> Result<Answer, Errno> {
        let from = caller.domain.id();
        let receiver = self.registry.find(from, question.receiver);
        let Some(receiver) = receiver.filter(|receiver| receiver.is_active()) else {
            return caller.domain.enter().and(Ok(Answer::NO_RING));
        };
        self.ask(judge, &caller.domain, Query::Send { from, to: receiver.id() })?;
        let Some(passage) = self.any_way(judge, caller, receiver.id(), question.port) else {
            return caller.domain.enter().and(Ok(Answer::NO_RING));
        };
        let (mut answer, wait) = look(caller, &receiver, question, passage.query.rings)?;
        if question.space_required > 0
            && answer.flags.contains(RingFlags::SUFFICIENT)
            && judge.throttles(&passage)
        {
            answer.flags.remove(RingFlags::SUFFICIENT);
        }
        if let Some(wait) = wait {
            self.tell_of(wait, from, receiver.id());
        }
        Ok(answer)
    }
}

/// Why waiters are looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// The owner may have read.
    Notify,
    /// Those who were woken may not come.
    Lend,
}

/// How far such a look has come.
#[derive(Clone, Copy)]
struct Round {
    goes_on: bool,
    /// The slot to go on at.
    next: usize,
    /// Whether somebody stays who would find room, were none kept for others.
    stays: bool,
}

impl Default for Round {
    fn default() -> Self {
        Self { goes_on: true, next: 0, stays: false }
    }
}

/// Collects who has room now in the rings of an owner, until a ring's waiters might not find place in
/// `signals`; that ring is the next one then. Each ring is looked at once, however often the locks
/// are let go.
fn collect<S: System>(
    owner: &Domain<S>,
    gate: &mut impl Gate,
    mut round: Round,
    turn: Turn,
    signals: &mut Signals,
) -> Round {
    let table = owner.rings(gate);
    table.search_waited();
    while let Some((slot, ring)) = table.next_waited(round.next) {
        let mut ring = ring.lock();
        if ring.waiters.len() > signals.room() {
            return Round { next: slot, ..round };
        }
        if turn == Turn::Lend {
            ring.waiters.lend();
        }
        round.stays |= ring.release(|domain| signals.push(domain));
        if ring.waiters.len() == 0 {
            table.clear_waited(slot);
        }
        round.next = slot.saturating_add(1);
    }
    Round { goes_on: false, ..round }
}

/// The part of a question under locks.
fn look<S: System>(
    caller: &Caller<S>,
    receiver: &Domain<S>,
    question: &Question,
    rings: Rings,
) -> Result<(Answer, Option<Wait>), Errno> {
    let mut gate = caller.domain.enter()?;
    let table = receiver.rings(&mut gate);
    match table.find_for(caller.domain.id(), question.port) {
        Some(found) if !found.ring.is_among(rings) => Ok((Answer::NO_RING, None)),
        Some(found) => Ok(look_at(&found, caller.domain.id(), question.space_required)),
        None => Ok((Answer::NO_RING, None)),
    }
}

fn look_at<S: System>(
    found: &Found<'_, S>,
    asker: DomainId,
    wanted: u32,
) -> (Answer, Option<Wait>) {
    let ring = found.ring;
    let mut state = ring.lock();
    let free = state.free();
    let max = ring.len().max_payload();
    let mut flags = RingFlags::EXISTS;
    flags.set(RingFlags::SHARED, ring.name().partner == Partner::Any);
    flags.set(RingFlags::EMPTY, free == ring.len().bytes());
    let wait = match PayloadLen::check(wanted) {
        Ok(_) if wanted == 0 => {
            state.waiters.cancel(asker);
            flags |= RingFlags::SUFFICIENT;
            None
        }
        Ok(payload) if wanted <= max => {
            if index::fits(payload, state.waiters.room_for(asker, free)) {
                state.waiters.told(asker);
                flags |= RingFlags::SUFFICIENT;
                None
            } else {
                Some(found.wait(&mut state, asker, payload))
            }
        }
        _ => {
            flags |= RingFlags::EMSGSIZE;
            None
        }
    };
    flags.set(RingFlags::EBUSY, wait == Some(Wait::Busy));
    (Answer { flags, max_payload: Some(max) }, wait)
}
