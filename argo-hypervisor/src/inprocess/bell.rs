//! What one domain hears: counted events, and a place to sleep until the next.

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use core::time::Duration;

use argo_core::platform::{EventCounts, Gone};
use parking_lot::{Condvar, Mutex};

/// The events of one domain.
#[derive(Default)]
pub(super) struct Bell {
    virq: AtomicU32,
    wait_lost: AtomicU32,
    space_wanted: AtomicU32,
    peers_gone: AtomicU32,
    rings_cut: AtomicU32,
    /// Moves after each count.
    sequence: AtomicU32,
    closed: AtomicBool,
    /// Whether a wait must return for other news than events.
    nudged: AtomicBool,
    /// Whether somebody sleeps, or is about to.
    armed: AtomicBool,
    bed: Mutex<()>,
    rung: Condvar,
}

impl Bell {
    pub fn virq(&self) {
        self.ring(&self.virq);
    }

    pub fn wait_lost(&self) {
        self.ring(&self.wait_lost);
    }

    pub fn space_wanted(&self) {
        self.ring(&self.space_wanted);
    }

    pub fn peer_gone(&self) {
        self.ring(&self.peers_gone);
    }

    pub fn rings_cut(&self) {
        self.ring(&self.rings_cut);
    }

    pub fn counts(&self) -> EventCounts {
        EventCounts {
            virq: self.virq.load(Ordering::Acquire),
            wait_lost: self.wait_lost.load(Ordering::Acquire),
            space_wanted: Some(self.space_wanted.load(Ordering::Acquire)),
            peers_gone: Some(self.peers_gone.load(Ordering::Acquire)),
            rings_cut: Some(self.rings_cut.load(Ordering::Acquire)),
        }
    }

    pub fn sequence(&self) -> u32 {
        self.sequence.load(Ordering::SeqCst)
    }

    /// Ends the session, for who sleeps as well. Returns whether this call did.
    pub fn close(&self) -> bool {
        let first = !self.closed.swap(true, Ordering::SeqCst);
        self.wake();
        first
    }

    /// Makes the wait under way return, or the next one.
    pub fn nudge(&self) {
        self.nudged.store(true, Ordering::SeqCst);
        self.wake();
    }

    pub fn check_open(&self) -> Result<(), Gone> {
        if self.closed.load(Ordering::SeqCst) { Err(Gone) } else { Ok(()) }
    }

    /// Sleeps until the sequence is not `seen`, once at the most.
    pub fn wait(&self, seen: u32, timeout: Option<Duration>) -> Result<(), Gone> {
        let mut bed = self.bed.lock();
        self.armed.store(true, Ordering::SeqCst);
        // SeqCst, as in `wake`: of "armed" here and the news there, at least one is seen by the
        // other side. Who sees "armed" takes the bed's lock, which we hold until we sleep.
        let quiet = self.sequence() == seen && !self.nudged.load(Ordering::SeqCst);
        if quiet && self.check_open().is_ok() {
            match timeout {
                Some(timeout) => drop(self.rung.wait_for(&mut bed, timeout)),
                None => self.rung.wait(&mut bed),
            }
        }
        self.armed.store(false, Ordering::SeqCst);
        self.nudged.store(false, Ordering::SeqCst);
        self.check_open()
    }

    fn ring(&self, count: &AtomicU32) {
        count.fetch_add(1, Ordering::Release);
        self.wake();
    }

    fn wake(&self) {
        self.sequence.fetch_add(1, Ordering::SeqCst);
        if self.armed.load(Ordering::SeqCst) {
            drop(self.bed.lock());
            self.rung.notify_all();
        }
    }
}
