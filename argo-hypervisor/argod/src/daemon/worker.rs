//! A worker: one thread a core that serves the sessions whose guests run there.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use rustix::event::{EventfdFlags, Timespec, epoll, eventfd};
use rustix::thread::{CpuSet, sched_setaffinity};

use super::host::{EndReason, Host};
use super::kicking::time_kicking;
use super::pulse::Pulse;
use super::run_queue::{Ledger, RunQueue};
use super::session::{Session, SessionKey, Visit};
use super::spin::Spin;
use super::tab::Tab;

/// What a doorbell costs its guest beside the calls: waking a worker takes about this long.
const DOORBELL_COST: Duration = Duration::from_micros(2);
/// For how long.
const MUTED: Duration = Duration::from_millis(1);
/// How long sessions may be served before the doorbells are looked at again.
const LISTEN_EVERY: Duration = Duration::from_micros(50);
/// Stands for the wake-up of the worker itself among the keys of sessions.
const WAKE: SessionKey = SessionKey::MAX;

/// What others need of a worker.
pub struct WorkerPort {
    epoll: OwnedFd,
    wake: OwnedFd,
    pulse: Pulse,
}

impl WorkerPort {
    /// The port of a worker that is about to start.
    pub fn new() -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        epoll::add(&epoll, &wake, epoll::EventData::new_u64(WAKE), epoll::EventFlags::IN)?;
        Ok(Self { epoll, wake, pulse: Pulse::default() })
    }

    /// Begins to listen to a doorbell. Edge-triggered: it is never read, so that no guest can make
    /// a read block by draining it.
    pub fn listen(&self, doorbell: &OwnedFd, key: SessionKey) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, doorbell, epoll::EventData::new_u64(key), ring_events())?)
    }

    /// Listens no more. The guest may hold the doorbell open for ever.
    pub fn forget(&self, doorbell: &OwnedFd) {
        // An error means that it was not listened to.
        let _ = epoll::delete(&self.epoll, doorbell);
    }

    /// Wakes the worker, to see that argod stops.
    pub fn wake(&self) {
        // A full counter wakes it too.
        let _ = rustix::io::write(&self.wake, &1u64.to_ne_bytes());
    }

    /// Asks whether the worker still passes its loop.
    pub fn ask_pulse(&self) -> &Pulse {
        self.pulse.ask();
        self.wake();
        &self.pulse
    }

    /// Not to be woken by the same once more.
    fn woken(&self) {
        // An error means that it was read already.
        let _ = rustix::io::read(&self.wake, &mut [0; 8]);
    }

    fn mute(&self, doorbell: &OwnedFd, key: SessionKey) {
        // Edge-triggered, so that even an error state, which cannot be muted, is told only once.
        let quiet = epoll::EventFlags::ET;
        let _ = epoll::modify(&self.epoll, doorbell, epoll::EventData::new_u64(key), quiet);
    }

    /// Listens again. What was rung meanwhile is heard at once.
    fn unmute(&self, doorbell: &OwnedFd, key: SessionKey) {
        let _ = epoll::modify(&self.epoll, doorbell, epoll::EventData::new_u64(key), ring_events());
    }
}

fn ring_events() -> epoll::EventFlags {
    epoll::EventFlags::IN | epoll::EventFlags::ET
}

/// A worker's thread.
pub struct Worker {
    host: Arc<Host>,
    number: usize,
    queue: RunQueue<Turn>,
    ledger: Ledger,
    muted: VecDeque<(Instant, Arc<Session>)>,
    listened: Instant,
    /// What was before is on somebody's account.
    visited: Instant,
    spin: Spin,
    tab: Tab,
}

/// A session's place in the queue.
struct Turn {
    session: Arc<Session>,
    /// When a session that had nothing to do stops being watched, if it is.
    watched_until: Option<Instant>,
}

impl Worker {
    /// The worker with this number.
    pub fn new(host: Arc<Host>, number: usize) -> Self {
        let (spin, now) = (Spin::new(host.spin()), Instant::now());
        let room = host.sessions_reserved();
        Self {
            host,
            number,
            queue: RunQueue::with_room(room),
            ledger: Ledger::default(),
            muted: VecDeque::with_capacity(room),
            listened: now,
            visited: now,
            spin,
            tab: Tab::open(),
        }
    }

    /// Serves until argod stops.
    pub fn run(mut self) {
        self.pin();
        self.settle_in();
        while !self.host.is_stopping() {
            if self.queue.is_empty() || self.listened.elapsed() > LISTEN_EVERY {
                self.listen();
            }
            if let Some((begins, turn)) = self.queue.pop() {
                self.visit(begins, turn);
            }
        }
    }

    /// Stays on the core whose doorbells it hears. Where that is not allowed it runs anywhere.
    fn pin(&self) {
        let mut cpus = CpuSet::new();
        cpus.set(self.host.cpu_of(self.number));
        if let Err(error) = sched_setaffinity(None, &cpus) {
            tracing::warn!(worker = self.number, %error, "cannot stay on one processor");
        }
    }

    /// Takes now the memory that this thread's first wait for a lock and its first look at the policy
    /// take. From here on it takes none, if room for the sessions is reserved.
    fn settle_in(&self) {
        let nobody = Mutex::new(());
        Condvar::new().wait_for(&mut nobody.lock(), Duration::from_nanos(1));
        drop(self.host.policy().snapshot());
    }

    /// Takes in doorbells: waits for them if there is nothing else to do.
    fn listen(&mut self) {
        let timeout = if self.queue.is_empty() { self.time_to_unmute() } else { Some(ZERO) };
        let mut events = [const { NO_EVENT }; 64];
        // Interrupted: as if nothing was heard.
        let heard = epoll::wait(&self.port().epoll, &mut events[..], timeout.as_ref());
        let heard = heard.unwrap_or_default();
        self.listened = Instant::now();
        self.port().pulse.beat();
        for event in &events[..heard] {
            self.rung(event.data.u64());
        }
        self.unmute();
        self.visited = Instant::now();
        self.tab.settle(self.visited);
    }

    fn rung(&mut self, key: SessionKey) {
        if key == WAKE {
            return self.port().woken();
        }
        let Some(session) = self.host.session(key) else { return };
        self.tab.rung(session.domain.meter());
        self.charge(&session, 0, DOORBELL_COST);
        if !session.claim() {
            return;
        }
        if session.has_rung_idly_too_often() {
            self.mute(&session);
        }
        self.enqueue(session, None);
    }

    fn enqueue(&mut self, session: Arc<Session>, watched_until: Option<Instant>) {
        let served = self.ledger.served(session.domain.id());
        self.queue.push(served, Turn { session, watched_until });
    }

    fn visit(&mut self, begins: u64, turn: Turn) {
        let Turn { session, watched_until } = turn;
        let kicking = time_kicking();
        let visit = session.serve(self.host.engine(), self.host.budget());
        let took = self.time_since_last(time_kicking() - kicking);
        let took = self.tab.visited(session.domain.meter(), took);
        self.charge(&session, begins, took);
        match visit {
            Err(bad) => {
                self.host.request_end(session.key, EndReason::Protocol(bad));
                self.host.discard(session);
            }
            Ok(visit) => self.settle(session, visit, watched_until),
        }
    }

    /// Since the last visit, or since it was listened, without interrupts, which are the receivers'.
    fn time_since_last(&mut self, kicking: Duration) -> Duration {
        let since = std::mem::replace(&mut self.visited, Instant::now());
        (self.visited - since).saturating_sub(kicking)
    }

    /// Queues a visited session again, watches it for a while, or lets it rest.
    fn settle(&mut self, session: Arc<Session>, visit: Visit, watched_until: Option<Instant>) {
        if session.is_over() {
            // Whoever drops it last unmaps its memory, which takes long: not here.
            return self.host.discard(session);
        }
        if visit.calls > 0 && watched_until.is_some() {
            self.spin.paid();
        }
        if visit.more {
            return self.enqueue(session, None);
        }
        match watched_until.filter(|_| visit.calls == 0) {
            Some(until) if Instant::now() < until => self.watch(session, until),
            Some(_) => {
                self.spin.failed();
                self.rest(session);
            }
            None => match self.spin.time() {
                Duration::ZERO => self.rest(session),
                time => self.watch(session, Instant::now() + time),
            },
        }
    }

    fn watch(&mut self, session: Arc<Session>, until: Instant) {
        std::hint::spin_loop();
        self.enqueue(session, Some(until));
    }

    fn rest(&mut self, session: Arc<Session>) {
        if !session.rest() {
            self.enqueue(session, None);
        }
    }

    /// Charges the session's domain for service, and for the interrupts that the session was sent
    /// since it was last charged, whoever sent them.
    fn charge(&mut self, session: &Session, begins: u64, cost: Duration) {
        let domain = &session.domain;
        let cost = cost + session.bell.time_to_charge();
        self.ledger.charge(domain.id(), begins, cost, domain.weight());
    }

    fn mute(&mut self, session: &Arc<Session>) {
        for doorbell in self.own_doorbells(session) {
            self.port().mute(doorbell, session.key);
        }
        session.domain.meter().add_mute();
        self.muted.push_back((Instant::now() + MUTED, session.clone()));
    }

    fn unmute(&mut self) {
        let now = Instant::now();
        while let Some((_, session)) = self.muted.pop_front_if(|(until, _)| *until <= now) {
            if session.is_over() {
                self.host.discard(session);
                continue;
            }
            for doorbell in self.own_doorbells(&session) {
                self.port().unmute(doorbell, session.key);
            }
        }
    }

    fn own_doorbells<'s>(
        &self,
        session: &'s Session,
    ) -> impl Iterator<Item = &'s OwnedFd> + use<'s> {
        let number = self.number;
        session.doorbells.iter().filter(move |bell| bell.worker == number).map(|bell| &bell.fd)
    }

    fn time_to_unmute(&self) -> Option<Timespec> {
        let (until, _) = self.muted.front()?;
        let left = until.saturating_duration_since(Instant::now());
        Some(Timespec { tv_sec: 0, tv_nsec: left.as_nanos() as _ })
    }

    fn port(&self) -> &WorkerPort {
        self.host.worker(self.number)
    }
}

const ZERO: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

const NO_EVENT: epoll::Event =
    epoll::Event { flags: epoll::EventFlags::empty(), data: epoll::EventData::new_u64(0) };
