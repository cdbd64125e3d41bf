//! One attachment of a process to a domain: its memory, its queues, and how they are served.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use argo_core::host::layout::QUEUES_MAX;
use argo_core::host::queue::BadIndex;
use argo_core::host::turn::Turn;
use argo_core::host::wake::Event;
use argo_hypervisor::Caller;
use argo_mem::{Mapping, Memory};
use parking_lot::Mutex;

use super::bell::Bell;
use super::burial::Buried;
use super::calls::{Budget, Calls, Meter, Queue};
use super::capture::CaptureFeed;
use super::domain::HostDomain;
use super::interrupts::Hold;
pub use super::peer::Peer;
use super::system::{Engine, HostSystem};

/// Doorbells in a row with nothing behind them before a session is not listened to for a while.
const IDLE_RINGS: u32 = 8;

/// Names a session for as long as argod runs.
pub type SessionKey = u64;

/// A doorbell: an eventfd that one worker watches and the guest writes.
pub struct Doorbell {
    /// The worker, by its number.
    pub worker: usize,
    /// The eventfd. It is never read.
    pub fd: OwnedFd,
}

/// What a visit left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visit {
    /// Calls that were executed.
    pub calls: u32,
    /// Whether more wait.
    pub more: bool,
}

/// A process attached to a domain.
pub struct Session {
    /// Its name.
    pub key: SessionKey,
    /// Its domain.
    pub domain: Arc<HostDomain>,
    /// Its process.
    pub peer: Peer,
    /// Wakes it.
    pub bell: Arc<Bell>,
    /// The socket it attached over: for interrupts, and to see it hang up.
    pub socket: Arc<OwnedFd>,
    /// Its process, if this kernel can name it.
    pub pidfd: Option<OwnedFd>,
    /// Its doorbells.
    pub doorbells: Vec<Doorbell>,
    /// Control area and RAM.
    pub ram: Arc<Mapping>,
    /// Tells, once the session is over, whether its RAM is still held.
    pub grave: Mutex<Option<Buried>>,
    /// The domain, with this session's RAM as its memory.
    pub caller: Caller<HostSystem>,
    /// Those who capture what it sends.
    pub capture: Arc<CaptureFeed>,
    /// How its calls are served.
    pub service: Service,
}

/// What changes while a session is served.
pub struct Service {
    queues: Mutex<Queues>,
    /// Which queue the next visit begins with, modulo their number: a queue that uses up each
    /// visit's budget must not keep the others of its session from being served.
    first: AtomicUsize,
    turn: Turn<AtomicU32>,
    idle_rings: AtomicU32,
    over: AtomicBool,
}

struct Queues {
    list: Vec<Queue>,
    /// Completions were posted of which the guest was not told.
    untold: bool,
}

impl Service {
    /// The service of a session with so many queues that nobody watches yet: its doorbell is
    /// armed, so its guest rings.
    pub fn new(queues: u32) -> Self {
        let list = (0..queues.min(QUEUES_MAX)).map(Queue::new).collect();
        Self {
            queues: Mutex::new(Queues { list, untold: false }),
            first: AtomicUsize::new(0),
            turn: Turn::default(),
            idle_rings: AtomicU32::new(0),
            over: AtomicBool::new(false),
        }
    }
}

impl Session {
    /// Takes a resting session into service. `false`: a worker has it already.
    pub fn claim(&self) -> bool {
        self.service.turn.claim(&self.ram.view())
    }

    /// Counts a doorbell that found the session resting; `true` after too many in a row with no
    /// call behind them.
    pub fn has_rung_idly_too_often(&self) -> bool {
        let often = self.service.idle_rings.fetch_add(1, Ordering::Relaxed) >= IDLE_RINGS;
        if often {
            self.service.idle_rings.store(0, Ordering::Relaxed);
        }
        often
    }

    /// Executes what waits in the queues, within the budget, and wakes the guest if a call or a
    /// chain of calls is answered: not in the middle of a chain, for whose end the guest waits.
    ///
    /// # Errors
    /// The guest broke the queue protocol: the session is to be ended.
    pub fn serve(&self, engine: &Engine, budget: Budget) -> Result<Visit, BadIndex> {
        let mut queues = self.service.queues.lock();
        if self.is_over() {
            return Ok(Visit { calls: 0, more: false });
        }
        let hold = engine.events().hold();
        let calls = self.calls(engine, &hold);
        let mut meter = Meter::new(budget);
        let served = self.serve_queues(&calls, &mut queues.list, &mut meter);
        drop(hold);
        queues.untold |= meter.calls() > 0;
        let told = queues.untold && (meter.ended() || served != Ok(true));
        queues.untold &= !told;
        drop(queues);
        if meter.calls() > 0 {
            self.service.idle_rings.store(0, Ordering::Relaxed);
        }
        if told {
            self.bell.raise(Event::Completion);
        }
        served.map(|more| Visit { calls: meter.calls(), more })
    }

    /// Stops watching the session. `true`: it rests, or another worker has it by now; `false`: more
    /// calls came and the caller still has it.
    pub fn rest(&self) -> bool {
        let mut taken = [0; QUEUES_MAX as usize];
        let queues = self.service.queues.lock();
        let used = queues.list.len();
        for (index, queue) in taken.iter_mut().zip(&queues.list) {
            *index = queue.taken();
        }
        drop(queues);
        self.service.turn.rest(&self.ram.view(), &taken[..used])
    }

    /// Marks the session as over. `true` for the first who does. When this returns no call of the
    /// session is being executed, and none will be.
    pub fn end(&self) -> bool {
        let first = !self.service.over.swap(true, Ordering::SeqCst);
        drop(self.service.queues.lock());
        first
    }

    /// Whether the session is over.
    pub fn is_over(&self) -> bool {
        self.service.over.load(Ordering::SeqCst)
    }

    /// What is left of the session once it is over: the question whether its RAM is held.
    pub fn bury(&self) -> Option<Buried> {
        self.grave.lock().take()
    }

    fn calls<'s>(&'s self, engine: &'s Engine, hold: &'s Hold<'s>) -> Calls<'s> {
        let Self { ram, caller, capture, .. } = self;
        Calls { engine, memory: ram.view(), caller, capture, hold }
    }

    /// Whether more waits in any of them. All are served, even if one is broken.
    fn serve_queues(
        &self,
        calls: &Calls<'_>,
        queues: &mut [Queue],
        meter: &mut Meter,
    ) -> Result<bool, BadIndex> {
        let first = self.service.first.fetch_add(1, Ordering::Relaxed) % queues.len().max(1);
        let (before, from) = queues.split_at_mut(first);
        let mut all = Ok(false);
        for queue in from.iter_mut().chain(before) {
            let more = calls.serve(queue, meter);
            all = all.and_then(|any| more.map(|more| any || more));
        }
        all
    }
}
