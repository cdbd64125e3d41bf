//! The domain handle: what all sockets of a session share.
//!
//! | module | what |
//! |---|---|
//! | [`answer`] | what a call lies in, and the wait for its answer |
//! | [`calls`] | hypercalls in flight, and who owns their memory |
//! | [`submit`] | hypercalls from submission to answer |
//! | [`events`] | what interrupts mean for sockets |
//! | [`drive`] | who waits for interrupts: a blocking caller, or the driver thread |
//! | [`driver`] | when the driver thread waits, and for whom; without `std`, that there is none |
//! | [`sleeper`] | a thread that waits for news |
//! | [`timers`] | futures that are ready at a time |
//! | [`turns`] | the same from a loop that somebody else owns |
//! | [`chance`] | numbers that others do not guess |
//! | [`session`] | what all of these need of a session |
//! | [`chores`] | work that no caller waits for |
//! | [`cut`] | rings that the hypervisor took away |
//! | [`patience`] | how long a caller waits |
//! | [`rings`] | which rings have something in them |
//! | [`room`] | whom to tell that there is room |

mod answer;
mod calls;
mod chance;
pub(crate) mod chores;
mod cut;
pub(crate) mod drive;
#[cfg(feature = "std")]
pub(crate) mod driver;
#[cfg(not(feature = "std"))]
#[path = "no_driver.rs"]
pub(crate) mod driver;
pub(crate) mod events;
mod patience;
mod rings;
mod room;
pub(crate) mod session;
mod sleeper;
mod submit;
#[cfg(test)]
mod tests;
pub(crate) mod timers;
mod turns;

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use core::time::Duration;

use argo_core::DomainId;
use argo_core::platform::{Call, EventCounts, Platform, Tag};
use event_listener::Event;

use crate::arena::{Arena, Block, OutOfMemory};
use crate::lock::{Mutex, RwLock};
use crate::registration::Registration;
use crate::stream::{Replies, Watch};
pub(crate) use answer::Chunk;
pub(crate) use calls::After;
use calls::Calls;
use chance::Chance;
use chores::Chores;
pub(crate) use chores::Urgency;
use cut::Cuts;
pub(crate) use cut::{Cut, IfCut};
use drive::Drive;
pub(crate) use driver::{Background, WaitingTask};
pub(crate) use events::{Rest, SpaceMark};
pub(crate) use patience::{Patience, TimedOut};
pub(crate) use rings::Attend;
use rings::Rings;
use room::Notify;
use room::Room;
pub(crate) use timers::race;
pub use turns::Driver;

/// A domain as its sockets use it: RAM, hypercalls and interrupts of one session.
///
/// Cheap to clone; every socket holds a clone. The session ends when the last clone is dropped, or
/// by [`close`](Self::close).
///
/// Dropping the last clone waits, at most a second, for what streams have written and is not yet
/// delivered. Don't drop it inside a waker: what it waits for may be that very thread's work.
///
/// Nothing runs in the background until the first async operation has to wait; from then on one
/// thread waits for interrupts whenever no blocking caller does. It ends with the session. Where
/// there are no threads: [`without_thread`](Self::without_thread).
#[derive(Clone)]
pub struct Domain {
    handle: Arc<Handle>,
}

impl Domain {
    /// Sockets over this platform, whose RAM is from now on divided up by the handle.
    ///
    /// Messages received "in place" are copied, since nothing is known about who else reaches the
    /// RAM; [`with_exclusive_ram`](Self::with_exclusive_ram) does without.
    #[cfg(feature = "std")]
    pub fn new(platform: impl Platform + 'static) -> Self {
        Self::over(Arc::new(platform), Lending::Copied)
    }

    #[cfg(feature = "std")]
    pub(crate) fn over(platform: Arc<dyn Platform>, lending: Lending) -> Self {
        Self::of(Inner::new(platform, lending, Chance::own()))
    }

    fn of(inner: Inner) -> Self {
        Self { handle: Arc::new(Handle { inner: Arc::new(inner) }) }
    }

    /// Which domain this is.
    pub fn id(&self) -> DomainId {
        self.inner().platform.domain()
    }

    /// Ends the session for all its sockets. Everything that waits, and every later call, answers
    /// that the hypervisor is gone; messages already received can still be read.
    pub fn close(&self) {
        self.inner().end();
    }

    /// Whether the session has ended, from either side.
    pub fn is_gone(&self) -> bool {
        self.inner().is_gone()
    }

    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.handle.inner
    }
}

impl core::fmt::Debug for Domain {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Domain").field("id", &self.id()).field("gone", &self.is_gone()).finish()
    }
}

/// How long the last handle waits, when dropped, for what streams have written and the hypervisor
/// has not yet delivered. Enough for any peer that reads; one that does not holds up nobody longer.
const FAREWELL: Duration = Duration::from_secs(1);

/// Ends the session when the last clone of a [`Domain`] goes. The driver thread holds the inside
/// only, so it does not keep the session alive.
struct Handle {
    inner: Arc<Inner>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.inner.settle(FAREWELL);
        self.inner.end();
    }
}

/// Whether a message may be lent in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lending {
    /// Nobody else in this process writes the RAM.
    InPlace,
    /// Unknown: lend a copy.
    Copied,
}

/// What sockets, calls in flight and the driver thread share.
pub(crate) struct Inner {
    pub(crate) platform: Arc<dyn Platform>,
    pub(crate) lending: Lending,
    pub(crate) drive: Drive,
    arena: Mutex<Arena>,
    calls: Mutex<Calls>,
    /// Written for a chain of linked calls, which must follow one another in the queue.
    order: RwLock<()>,
    /// Calls for which nobody waits and for which there was no room: at most one a ring, and one.
    backlog: Mutex<VecDeque<(Call, Tag)>>,
    rings: Rings,
    cuts: Cuts,
    /// Rings that have not done with what came to them.
    unfinished: Mutex<Vec<Arc<dyn Attend>>>,
    chores: Chores<Self>,
    chance: Chance,
    pub(crate) replies: Mutex<Replies>,
    pub(crate) watch: Watch,
    room: Room,
    /// The events that were dealt with.
    seen: Mutex<EventCounts>,
    /// Calls were completed: there is room for more.
    vacancy: Event,
    /// A wait for room in somebody's ring may be over.
    space: Event,
    /// Counts the notifications of `space`.
    space_turns: AtomicU32,
    gone: AtomicBool,
}

impl Inner {
    fn new(platform: Arc<dyn Platform>, lending: Lending, chance: Chance) -> Self {
        let events = platform.events();
        Self {
            arena: Mutex::new(Arena::new(platform.ram().len())),
            room: Room::new(events.space_wanted),
            seen: Mutex::new(events),
            lending,
            platform,
            drive: Drive::default(),
            calls: Mutex::default(),
            order: RwLock::new(()),
            backlog: Mutex::default(),
            rings: Rings::default(),
            cuts: Cuts::new(events.rings_cut),
            unfinished: Mutex::default(),
            chores: Chores::default(),
            chance,
            replies: Mutex::default(),
            watch: Watch::default(),
            vacancy: Event::new(),
            space: Event::new(),
            space_turns: AtomicU32::new(0),
            gone: AtomicBool::new(false),
        }
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    /// A number that others do not guess.
    pub(crate) fn draw(&self) -> u64 {
        self.chance.draw()
    }

    /// A buffer of at least `len` bytes, given back when dropped.
    pub(crate) fn chunk(self: &Arc<Self>, len: usize) -> Result<Chunk, OutOfMemory> {
        let block = self.arena.lock().buffer(len)?;
        Ok(Chunk::of(self, Some(block)))
    }

    /// Whole pages, given back when dropped.
    pub(crate) fn pages(self: &Arc<Self>, len: usize) -> Result<Chunk, OutOfMemory> {
        let block = self.arena.lock().pages(len)?;
        Ok(Chunk::of(self, Some(block)))
    }

    pub(crate) fn release(&self, block: Option<Block>) {
        if let Some(block) = block {
            self.arena.lock().release(block);
        }
    }

    fn release_all(&self, blocks: Vec<Block>) {
        let mut arena = self.arena.lock();
        blocks.into_iter().for_each(|block| arena.release(block));
    }

    /// Looks after this ring from now on.
    pub(crate) fn add_ring(&self, ring: Arc<dyn Attend>, registration: &Registration) {
        self.rings.add(ring, registration);
        self.doubt_since(registration.cuts());
    }

    pub(crate) fn remove_ring(&self, ring: &dyn Attend) {
        self.rings.remove(ring);
    }

    /// Ends the session from this side.
    fn end(&self) {
        self.platform.close();
        self.fail();
        // Each has learnt that the session is over, and ends.
        self.finish_chores();
        self.drive.end();
    }

    /// The hypervisor is gone: everybody who waits learns it.
    fn fail(&self) {
        self.gone.store(true, Ordering::Release);
        let wakers = self.calls.lock().wakers();
        wakers.into_iter().for_each(core::task::Waker::wake);
        self.vacancy.notify(usize::MAX);
        self.wake_senders();
        self.watch.rings_went.notify(usize::MAX);
        self.cuts.end();
        self.rings.end();
        self.drive.timers.end();
    }
}
