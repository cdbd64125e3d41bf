//! The seam under the guest library: what it needs of the machine it runs on.
//!
//! A platform makes hypercalls for one domain, lends that domain's RAM, and waits for interrupts.
//! In-process engines and Xen answer a call at once; `argod` takes it into a queue and answers
//! later, so that several can be in flight.

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;

use argo_mem::View;

use crate::abi::PAGE_SIZE;
use crate::{DomainId, Errno, GuestAddr};

/// One hypercall, as its registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// The operation's number.
    pub cmd: u32,
    /// The four arguments.
    pub args: [u64; 4],
    /// What becomes of this call when the one before it fails.
    pub link: Link,
}

/// Whether a call depends on the one submitted just before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// It stands alone.
    None,
    /// It belongs to the same chain as the *next* call: when this one fails, the next completes
    /// with `ECANCELED`, unexecuted, and so on to the end of the chain.
    Next,
}

/// The chains of a platform that answers each call at once. Calls that several threads make at the same
/// time are not kept apart: who links calls makes them one after the other.
#[derive(Debug, Default)]
pub struct Chains {
    /// Whether the last call failed and the next one is linked to it.
    broken: AtomicBool,
}

impl Chains {
    /// Makes a call and gives what it returned, or `ECANCELED` if the chain that it belongs to is
    /// broken.
    #[inline]
    pub fn make(&self, link: Link, call: impl FnOnce() -> i64) -> i64 {
        let broken = self.broken.load(Ordering::Acquire);
        let ret = if broken { Errno::ECANCELED.ret() } else { call() };
        self.broken.store(link == Link::Next && ret < 0, Ordering::Release);
        ret
    }
}

/// Names a call among those in flight: chosen by the submitter, returned with the answer.
pub type Tag = u64;

/// What became of a submitted call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Submission {
    /// It was executed; this is its result.
    Done(i64),
    /// It is in flight; its result comes by [`Platform::reap`]. Until then its memory belongs to
    /// the hypervisor.
    Queued,
    /// Too many calls are in flight. It was not taken: reap, then try again.
    Full,
}

/// How often each kind of event has happened, modulo 2^32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventCounts {
    /// `VIRQ_ARGO` was raised: there is data, or space that was waited for.
    pub virq: u32,
    /// A wait of this domain was dropped together with the ring it waited for. Argo itself is
    /// silent about it: who waits for space must try again.
    pub wait_lost: u32,
    /// Somebody began to wait for space in one of this domain's rings, or waits still while a message
    /// came: tell it with notify once there is some. `None` where the platform cannot tell: notify after each read that made
    /// room.
    pub space_wanted: Option<u32>,
    /// Rings that were for this domain alone (it is their exact partner) went: unregistered, or
    /// with their owner's session or domain. Counted once however many went together. `None` where
    /// the platform cannot tell: who waits for a peer has to ask with notify whether it is there.
    pub peers_gone: Option<u32>,
    /// Rings of this domain were taken away, and not by its wish: the policy that is in force now
    /// forbids them, or the domain or their exact partner was reset. `None` where the platform cannot tell.
    pub rings_cut: Option<u32>,
}

/// The hypervisor is gone (or has ended this session): no call was or will be answered any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the hypervisor ended this session")]
pub struct Gone;

/// What carries a domain's hypercalls and interrupts.
pub trait Platform: Send + Sync {
    /// The domain on whose behalf calls are made.
    fn domain(&self) -> DomainId;

    /// The domain's RAM, or what of it is lent to Argo. Whoever divides it up never uses its first
    /// page: where offset 0 is guest address 0, as with argod and in one process, that would be the
    /// null handle. Which address an offset has says [`handle`](Self::handle).
    fn ram(&self) -> View<'_>;

    /// What a hypercall calls the place at `offset` in [`ram`](Self::ram).
    fn handle(&self, offset: usize) -> GuestAddr;

    /// The number by which a registration names the page of [`ram`](Self::ram) that begins at
    /// `offset`, a multiple of the page size. Pages that lie behind each other need not have
    /// numbers that do: those of a paravirtualized Xen guest are the machine's.
    fn page(&self, offset: usize) -> u64 {
        const PAGE: u64 = PAGE_SIZE as u64;
        self.handle(offset).0 / PAGE
    }

    /// Makes a hypercall or takes it into the queue. Queued calls begin at the latest when
    /// [`flush`](Self::flush) is called.
    ///
    /// # Errors
    /// [`Gone`]
    fn submit(&self, call: &Call, tag: Tag) -> Result<Submission, Gone>;

    /// Sets the queued calls going, with one signal for all of them, if one is needed.
    ///
    /// # Errors
    /// [`Gone`]
    fn flush(&self) -> Result<(), Gone>;

    /// Hands over the results that have come: tag and result of each call.
    fn reap(&self, completed: &mut dyn FnMut(Tag, i64));

    /// How often events have happened.
    fn events(&self) -> EventCounts;

    /// The time since a fixed start of the platform's own. It never goes back, and time limits are
    /// reckoned by it: where it is virtual, so are they.
    fn now(&self) -> Duration;

    /// A number that changes with every completion and every event.
    fn sequence(&self) -> u32;

    /// Sleeps until [`sequence`](Self::sequence) is not `seen`, or the time is over. May also
    /// return for no reason. One thread at a time.
    ///
    /// # Errors
    /// [`Gone`]
    fn wait(&self, seen: u32, timeout: Option<Duration>) -> Result<(), Gone>;

    /// Makes the [`wait`](Self::wait) under way return, or the next one if there is none. For
    /// other threads whose news does not come from the hypervisor.
    fn wake(&self);

    /// Ends the session from this side: [`wait`](Self::wait) and [`submit`](Self::submit) answer
    /// [`Gone`] from now on.
    fn close(&self);
}
