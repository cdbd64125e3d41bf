//! A guest of argod, as the guest library sees its machine.

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use core::time::Duration;

use argo_core::abi::Op;
use argo_core::host::layout::{
    PEERS_GONE, QueueLayout, RINGS_CUT, SEQUENCE, SPACE_WANTED, VIRQS, WAITS_LOST,
};
use argo_core::host::queue::GuestQueue;
use argo_core::host::words::{Word, Words as _};
use argo_core::platform::{Call, EventCounts, Gone, Link, Platform, Submission, Tag};
use argo_core::{DomainId, GuestAddr};
use argo_mem::View;
use spin::Mutex;

use super::{Argod, Clock, Machine};
use crate::guard;
use crate::ram::LentRam;

/// The queue that all calls go through, and whose patience all waits have: one vCPU makes them.
const QUEUE: u32 = 0;
/// A call that is answered with `EFAULT`, whatever the guest has.
const NOWHERE: [u64; 4] = [0, 0, 1, 0];

/// When argod is asked to execute calls. Each time costs an exit from the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calls {
    /// For each at once: all are answered at once.
    Each,
    /// For a chain together, once it is flushed; for a call alone at once.
    Together,
}

/// This guest's session with argod.
pub struct KvmDomain {
    argod: Argod,
    id: DomainId,
    control: View<'static>,
    ram: LentRam,
    clock: Clock,
    calls: Calls,
    lane: Mutex<Lane>,
    /// How often it was woken by itself: a part of the sequence.
    nudges: AtomicU32,
    closed: AtomicBool,
}

struct Lane {
    queue: GuestQueue,
    /// There are calls of which argod does not know.
    unrung: bool,
}

impl KvmDomain {
    /// Takes the machine's RAM and its first queue.
    pub fn new(machine: Machine, calls: Calls) -> Self {
        let Machine { argod, domain, control, ram, clock, .. } = machine;
        Self {
            argod,
            id: domain,
            control,
            ram,
            clock,
            calls,
            lane: Mutex::new(Lane { queue: GuestQueue::new(QUEUE), unrung: false }),
            nudges: AtomicU32::new(0),
            closed: AtomicBool::new(false),
        }
    }

    /// The guest's connection to argod itself.
    pub fn argod(&self) -> Argod {
        self.argod
    }

    /// Makes an Argo hypercall whatever it names: for programs that ask what is answered.
    ///
    /// # Safety
    /// What the call has argod write is memory that nobody else uses: the answers of a notify, and the
    /// pages of a ring for as long as it is registered.
    pub unsafe fn argo_op(&self, cmd: u32, args: [u64; 4]) -> Option<i64> {
        let mut lane = self.lane.lock();
        let _room = lane.queue.submit(&self.control, &Call { cmd, args, link: Link::None }, 0);
        // SAFETY: the caller's promise.
        unsafe { self.argod.call(QUEUE) };
        lane.queue.reap(&self.control).map(|completion| completion.ret)
    }

    /// What the guard lets pass, or else a call that fails.
    fn guarded(&self, call: &Call) -> Call {
        match guard::check(call, &self.ram) {
            Ok(()) => *call,
            Err(_) => Call { cmd: Op::Sendv as u32, args: NOWHERE, link: call.link },
        }
    }

    fn ring(&self, lane: &mut Lane) {
        lane.unrung = false;
        // SAFETY: of the calls in the queue only the last can have argod write something, and that has
        // passed the guard a moment ago: it lies in the RAM, which everybody reaches through views only.
        // Nothing changes what the guard has seen before argod does: one vCPU makes calls, and nothing
        // interrupts it.
        unsafe { self.argod.call(QUEUE) };
    }

    fn count(&self, word: Word) -> u32 {
        self.control.load(word, Ordering::Acquire)
    }

    fn check_open(&self) -> Result<(), Gone> {
        if self.closed.load(Ordering::Acquire) { Err(Gone) } else { Ok(()) }
    }
}

impl Platform for KvmDomain {
    fn domain(&self) -> DomainId {
        self.id
    }

    fn ram(&self) -> View<'_> {
        self.ram.view()
    }

    fn handle(&self, offset: usize) -> GuestAddr {
        self.ram.address(offset)
    }

    fn page(&self, offset: usize) -> u64 {
        self.ram.page(offset)
    }

    fn submit(&self, call: &Call, tag: Tag) -> Result<Submission, Gone> {
        self.check_open()?;
        let mut lane = self.lane.lock();
        let first = lane.queue.in_flight() == 0;
        if !lane.queue.submit(&self.control, &self.guarded(call), tag) {
            return Ok(Submission::Full);
        }
        let chained = !first || call.link == Link::Next;
        if self.calls == Calls::Together && chained && is_harmless(call) {
            lane.unrung = true;
            return Ok(Submission::Queued);
        }
        self.ring(&mut lane);
        let answer = if first { lane.queue.reap(&self.control) } else { None };
        Ok(answer.map_or(Submission::Queued, |completion| Submission::Done(completion.ret)))
    }

    fn flush(&self) -> Result<(), Gone> {
        let mut lane = self.lane.lock();
        if lane.unrung {
            self.ring(&mut lane);
        }
        self.check_open()
    }

    fn reap(&self, completed: &mut dyn FnMut(Tag, i64)) {
        // Not locked while it is told: it may make a call.
        let next = || self.lane.lock().queue.reap(&self.control);
        while let Some(completion) = next() {
            completed(completion.tag, completion.ret);
        }
    }

    fn events(&self) -> EventCounts {
        EventCounts {
            virq: self.count(VIRQS),
            wait_lost: self.count(WAITS_LOST),
            space_wanted: Some(self.count(SPACE_WANTED)),
            peers_gone: Some(self.count(PEERS_GONE)),
            rings_cut: Some(self.count(RINGS_CUT)),
        }
    }

    fn now(&self) -> Duration {
        self.clock.now()
    }

    fn sequence(&self) -> u32 {
        self.count(SEQUENCE).wrapping_add(self.nudges.load(Ordering::Acquire))
    }

    fn wait(&self, seen: u32, timeout: Option<Duration>) -> Result<(), Gone> {
        self.check_open()?;
        let argods = seen.wrapping_sub(self.nudges.load(Ordering::Acquire));
        if self.count(SEQUENCE) == argods {
            self.control.store(
                QueueLayout::new(QUEUE).patience(),
                micros(timeout),
                Ordering::Relaxed,
            );
            self.argod.wait(argods);
        }
        self.check_open()
    }

    /// The one vCPU that could wait is the one that calls this, so that nobody sleeps.
    fn wake(&self) {
        self.nudges.fetch_add(1, Ordering::AcqRel);
    }

    fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }
}

/// Whether argod only reads what the call names: it can wait in the queue, whatever is changed
/// meanwhile.
fn is_harmless(call: &Call) -> bool {
    matches!(Op::from_number(call.cmd), Some(Op::Sendv | Op::UnregisterRing) | None)
}

/// As argod understands it: 0 is no limit. What is longer than can be said is cut: a wait may return
/// for no reason.
fn micros(timeout: Option<Duration>) -> u32 {
    let micros = |timeout: Duration| u32::try_from(timeout.as_micros()).unwrap_or(u32::MAX);
    timeout.map_or(0, |timeout| micros(timeout).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_time_is_not_no_limit() {
        assert_eq!(micros(None), 0);
        assert_eq!(micros(Some(Duration::ZERO)), 1);
        assert_eq!(micros(Some(Duration::from_millis(2))), 2000);
        assert_eq!(micros(Some(Duration::MAX)), u32::MAX);
    }
}
