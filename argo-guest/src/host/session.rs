//! An attachment to a domain of argod, as a platform.

use alloc::borrow::ToOwned;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use argo_core::host::layout::{PEERS_GONE, RINGS_CUT, SEQUENCE, SPACE_WANTED, VIRQS, WAITS_LOST};
use argo_core::host::queue::{Completion, GuestQueue};
use argo_core::host::wake::{self, Signal};
use argo_core::host::words::{Word, Words};
use argo_core::platform::{Call, EventCounts, Gone, Platform, Submission, Tag};
use argo_core::{DomainId, GuestAddr};
use argo_mem::{Mapping, Memory, View};
use parking_lot::Mutex;

use super::doorbells::Doorbells;
use super::error::{AttachCause, AttachError, Step};
use super::handshake::{self, Attached};
use super::sleep::{Bed, Spin};

/// The environment variable that holds the path of the domain's socket.
pub const DOMAIN_VARIABLE: &str = "ARGO_DOMAIN";

/// How to attach and how to wait afterwards.
#[derive(Clone, Copy, Debug)]
pub struct AttachOptions {
    /// How long the whole attachment may take.
    pub patience: Duration,
    /// How long a wait looks for news before it sleeps, at most; less where that does not pay.
    /// Zero: never.
    pub spin: Duration,
}

impl Default for AttachOptions {
    /// 10 s, and 20 µs: somewhat more than another process takes to answer from another core, and
    /// than going to sleep and being woken costs.
    fn default() -> Self {
        Self { patience: Duration::from_secs(10), spin: Duration::from_micros(20) }
    }
}

/// A process's attachment to a domain of argod: RAM, a queue for hypercalls, and interrupts.
///
/// Any thread may submit. Dropping it ends the attachment: argod takes the rings down.
pub struct HostSession {
    bed: Bed,
    memory: Mapping,
    doorbells: Doorbells,
    domain: DomainId,
    control_bytes: usize,
    ram_pages: u32,
    spin: Spin,
    queue: Mutex<GuestQueue>,
    raw_calls: Mutex<()>,
    next_tag: AtomicU64,
    fruitless: AtomicU32,
    /// Calls were submitted since the last wait.
    submitted: AtomicBool,
    gone: AtomicBool,
    used: AtomicBool,
    began: Instant,
}

impl HostSession {
    /// Attaches to the domain whose socket lies at `path`.
    ///
    /// # Errors
    /// argod is not there, refuses, is of another version or does not answer within 10 s.
    pub fn attach(path: impl AsRef<Path>) -> Result<Self, AttachError> {
        Self::attach_with(path, &AttachOptions::default())
    }

    /// Attaches to the domain that the environment variable `ARGO_DOMAIN` names by its socket.
    ///
    /// # Errors
    /// It is not set, or as for [`attach`](Self::attach).
    pub fn from_env() -> Result<Self, AttachError> {
        let path = std::env::var_os(DOMAIN_VARIABLE)
            .ok_or(AttachError::NotSet { variable: DOMAIN_VARIABLE })?;
        Self::attach(PathBuf::from(path))
    }

    /// Attaches as the options say.
    ///
    /// # Errors
    /// As for [`attach`](Self::attach).
    pub fn attach_with(
        path: impl AsRef<Path>,
        options: &AttachOptions,
    ) -> Result<Self, AttachError> {
        let path = path.as_ref();
        let failed = |(step, cause): (Step, AttachCause)| AttachError::Failed {
            socket: path.to_owned(),
            step,
            cause,
        };
        let attached = handshake::attach(path, options.patience).map_err(failed)?;
        let Attached { socket, memory, doorbells, domain, control_bytes, ram_pages } = attached;
        let bed =
            Bed::new(socket).map_err(|errno| failed((Step::ReceivingVerdict, errno.into())))?;
        tracing::debug!(socket = %path.display(), %domain, ram_pages, "attached");
        Ok(Self {
            bed,
            memory,
            doorbells,
            domain,
            control_bytes,
            ram_pages,
            spin: Spin::new(options.spin),
            queue: Mutex::new(GuestQueue::new(0)),
            raw_calls: Mutex::new(()),
            next_tag: AtomicU64::new(0),
            fruitless: AtomicU32::new(0),
            submitted: AtomicBool::new(false),
            gone: AtomicBool::new(false),
            used: AtomicBool::new(false),
            began: Instant::now(),
        })
    }

    /// Pages of RAM, the unused first one included.
    pub fn ram_pages(&self) -> u32 {
        self.ram_pages
    }

    /// Makes one hypercall and waits for its result. Calls of several threads go one after the
    /// other. Not to be mixed with calls in flight by [`Platform::submit`], whose results would be
    /// lost.
    ///
    /// # Errors
    /// [`Gone`]
    pub fn call(&self, call: &Call) -> Result<i64, Gone> {
        let _alone = self.raw_calls.lock();
        let tag = self.next_tag.fetch_add(1, Ordering::Relaxed);
        let mut result = None;
        loop {
            let seen = self.sequence();
            match self.submit(call, tag)? {
                Submission::Done(ret) => return Ok(ret),
                Submission::Queued => break,
                Submission::Full => self.wait(seen, None)?,
            }
            self.reap(&mut |_, _| {});
        }
        let mut alive = self.flush();
        loop {
            let seen = self.sequence();
            self.reap(&mut |completed, ret| {
                if completed == tag {
                    result = Some(ret);
                }
            });
            if let Some(ret) = result {
                return Ok(ret);
            }
            // Only now: the answer may have come just before the end.
            alive?;
            alive = self.wait(seen, None);
        }
    }

    /// Whether no call was ever made: nothing is registered in the RAM.
    pub(crate) fn is_fresh(&self) -> bool {
        !self.used.load(Ordering::Relaxed)
    }

    /// The control area: session page and queues, both of which argod reads and writes. For tools
    /// that inspect or disturb a session; it is laid out as [`layout`](argo_core::host::layout)
    /// says. What is written there may end the session, or make its calls wait for ever.
    pub fn control(&self) -> View<'_> {
        self.part(0, self.control_bytes)
    }

    fn part(&self, offset: usize, len: usize) -> View<'_> {
        let whole = self.memory.view();
        // The attachment checked the sizes, so the part always exists.
        whole.part(offset, len).unwrap_or(whole)
    }

    fn count(&self, word: Word) -> u32 {
        self.control().load(word, Ordering::Acquire)
    }

    fn still_there(&self) -> Result<(), Gone> {
        if self.gone.load(Ordering::Relaxed) { Err(Gone) } else { Ok(()) }
    }

    fn note<T>(&self, answer: Result<T, Gone>) -> Result<T, Gone> {
        if answer.is_err() && !self.gone.swap(true, Ordering::Relaxed) {
            tracing::debug!(domain = %self.domain, "argod ended the session");
        }
        answer
    }

    /// Counts steps without progress of somebody who never sleeps, and looks after argod now and
    /// then: its death shows only at the socket.
    fn suspect(&self) {
        const PATIENCE: u32 = 256;
        if self.fruitless.fetch_add(1, Ordering::Relaxed) % PATIENCE == PATIENCE - 1 {
            let _ = self.note(self.bed.check());
        }
    }
}

impl Platform for HostSession {
    fn domain(&self) -> DomainId {
        self.domain
    }

    fn ram(&self) -> View<'_> {
        self.part(self.control_bytes, self.memory.view().len() - self.control_bytes)
    }

    fn handle(&self, offset: usize) -> GuestAddr {
        GuestAddr(offset as u64)
    }

    fn submit(&self, call: &Call, tag: Tag) -> Result<Submission, Gone> {
        self.still_there()?;
        self.used.store(true, Ordering::Relaxed);
        if self.queue.lock().submit(&self.control(), call, tag) {
            return Ok(Submission::Queued);
        }
        self.suspect();
        Ok(Submission::Full)
    }

    fn flush(&self) -> Result<(), Gone> {
        self.still_there()?;
        self.submitted.store(true, Ordering::Relaxed);
        if wake::doorbell(&self.control()) == Signal::Unneeded {
            return Ok(());
        }
        self.doorbells.ring();
        Ok(())
    }

    fn reap(&self, completed: &mut dyn FnMut(Tag, i64)) {
        let mut any = false;
        let (mut queue, control) = (self.queue.lock(), self.control());
        while let Some(Completion { tag, ret }) = queue.reap(&control) {
            any = true;
            completed(tag, ret);
        }
        drop(queue);
        if !any {
            self.suspect();
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
        self.began.elapsed()
    }

    fn sequence(&self) -> u32 {
        self.count(SEQUENCE)
    }

    fn wait(&self, seen: u32, timeout: Option<Duration>) -> Result<(), Gone> {
        self.still_there()?;
        let news = || self.sequence() != seen || self.bed.is_roused();
        if self.submitted.swap(false, Ordering::Relaxed) && !news() {
            // The worker that serves us stays on this processor: mostly it has answered when we
            // run again, and need not wake us.
            rustix::thread::sched_yield();
        }
        if self.spin.until(news) {
            if self.bed.is_roused() {
                self.bed.rise();
            }
            return Ok(());
        }
        let control = self.control();
        if !wake::arm(&control, seen) {
            return Ok(());
        }
        let woken = self.bed.sleep(timeout);
        wake::disarm(&control);
        self.note(woken)
    }

    fn wake(&self) {
        self.bed.wake();
    }

    fn close(&self) {
        self.gone.store(true, Ordering::Relaxed);
        self.bed.shut();
    }
}
