//! Room in rings: telling those who wait for it, and asking for it.

use argo_core::abi::RingFlags;
use argo_core::claim::PayloadLen;
use argo_core::policy::{Query, Rings};
use argo_core::{DomainId, Errno, Partner, Port};

use crate::config::Waking;
use crate::domain::{Caller, Domain};
use crate::engine::Engine;
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

    pub(crate) fn release_waiters(&self, caller: &Caller<S>) -> Result<(), Errno> {
        let mut signals = Signals::new(caller.domain.id());
        let mut round = Round { next: Some(0), stays: false };
        while let Some(slot) = round.next {
            let Round { next, stays } = collect(caller, slot, self.waking, &mut signals)?;
            round = Round { next, stays: round.stays | stays };
            signals.raise(self.events());
        }
        if round.stays {
            // Those that go may leave the room unused: nobody who stays may depend on them.
            self.events().space_wanted(caller.domain.id());
        }
        Ok(())
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
        match wait {
            Some(Wait::New) => self.events().space_wanted(receiver.id()),
            Some(Wait::Over) => self.events().virq(from),
            Some(Wait::AsBefore | Wait::Busy) | None => {}
        }
        Ok(answer)
    }
}

/// How far a notify has come.
struct Round {
    /// The slot to go on at, if it is not over.
    next: Option<usize>,
    /// Whether somebody stays who would find room alone.
    stays: bool,
}

/// Collects who has room now in the caller's rings from a slot on, until a ring's waiters might
/// not find place in `signals`; then gives that ring's slot. Each ring is looked at once, however
/// often the locks are let go.
fn collect<S: System>(
    caller: &Caller<S>,
    from: usize,
    waking: Waking,
    signals: &mut Signals,
) -> Result<Round, Errno> {
    let mut gate = caller.domain.enter()?;
    let table = caller.domain.rings(&mut gate);
    table.search_waited();
    let mut round = Round { next: Some(from), stays: false };
    while let Some((slot, ring)) = round.next.and_then(|from| table.next_waited(from)) {
        let mut ring = ring.lock();
        if ring.waiters.len() > signals.room() {
            return Ok(Round { next: Some(slot), ..round });
        }
        round.stays |= ring.release(waking, |domain| signals.push(domain));
        if ring.waiters.len() == 0 {
            table.clear_waited(slot);
        }
        round.next = slot.checked_add(1);
    }
    Ok(Round { next: None, ..round })
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
        Ok(payload) if wanted <= max => {
            if wanted == 0 || argo_core::ring::index::fits(payload, free) {
                state.waiters.cancel(asker);
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
