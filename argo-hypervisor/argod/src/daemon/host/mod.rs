//! What all parts of the daemon share: the engine, the domains, the sessions.

mod domains;
mod sessions;

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use argo_core::DomainId;
use argo_hypervisor::{Argo, Tables, WildcardRings};
use parking_lot::{Mutex, RwLock};

use super::burial::Undertaker;
use super::calls::Budget;
use super::capture::CaptureFeed;
use super::domain::HostDomain;
use super::doors::Doors;
use super::interrupts::Interrupts;
use super::machines::Machines;
use super::pulse::Pulse;
use super::reception::ReceptionPort;
use super::seats::Seats;
use super::services::Services;
use super::session::{Session, SessionKey};
use super::system::Engine;
use super::worker::WorkerPort;
use crate::audit::Audit;
use crate::cage::{Cage, Class};
use crate::config::{self, Config, LockMemory};
use crate::policy::{Directory, LivePolicy};
use crate::systemd::Passed;
pub use domains::{DomainError, NoDomain, ReloadError};
pub use sessions::{AdmitError, EndReason};

/// Administrators at a time; more are turned away.
const ADMINS_MAX: usize = 16;

/// How long argod, when it stops, waits for what processes had promised for when they give up shares
/// and maps, all domains together: peers can make that slow.
const PROMISES_WITHIN: Duration = Duration::from_secs(2);

/// The daemon's state.
pub struct Host {
    engine: Engine,
    config: Config,
    passed: Passed,
    domains: RwLock<BTreeMap<DomainId, Arc<HostDomain>>>,
    sessions: RwLock<HashMap<SessionKey, Arc<Session>>>,
    workers: Vec<WorkerPort>,
    cpus: Vec<u32>,
    reception: ReceptionPort,
    undertaker: Undertaker,
    admins: Arc<Seats>,
    /// Nanoseconds that were spent on domains which are no more.
    gone: AtomicU64,
    /// When it began, by the wall clock and by the one that nobody sets.
    began: (SystemTime, Instant),
    /// Held while a domain is made, destroyed, reset or detached, and while a policy comes into
    /// force: administrators may ask for all of it at once.
    changing: Mutex<()>,
    keys: AtomicU64,
    stopping: AtomicBool,
    audit: Audit,
    capture: Arc<CaptureFeed>,
    services: Services,
    doors: Arc<Doors>,
    cage: Cage,
    machines: Machines,
}

impl Host {
    /// A host without domains, made for this configuration, these sockets that systemd made, what
    /// deals with the file system, and what machines are made of.
    ///
    /// # Errors
    /// The system has no descriptors left.
    pub fn new(
        config: Config,
        passed: Passed,
        doors: Arc<Doors>,
        cage: Cage,
        machines: Machines,
    ) -> io::Result<Self> {
        let reception = ReceptionPort::new(sessions_reserved(&config))?;
        let cpus = config::Host::detect().cpus;
        let workers = (0..config.service.workers)
            .map(|_| WorkerPort::new())
            .collect::<io::Result<Vec<_>>>()?;
        let engine_config = argo_hypervisor::Config {
            argo: if config.argo { Argo::On } else { Argo::Off },
            wildcard_rings: match config.wildcard_rings {
                true => WildcardRings::Allowed,
                false => WildcardRings::Refused,
            },
        };
        let tables = if config.reserve.is_some() { Tables::Reserved } else { Tables::Growing };
        let audit = match &config.audit {
            Some(audit) => Audit::keeping(audit.history as usize),
            None => Audit::default(),
        };
        let policy =
            LivePolicy::new(config.policy.clone(), Directory::default()).with_audit(audit.clone());
        Ok(Self {
            engine: Engine::new(engine_config, policy, Interrupts::default())
                .with_waking(config.waking)
                .with_tables(tables),
            config,
            passed,
            domains: RwLock::default(),
            sessions: RwLock::default(),
            workers,
            cpus,
            reception,
            undertaker: Undertaker::default(),
            admins: Seats::new(ADMINS_MAX),
            gone: AtomicU64::new(0),
            began: (SystemTime::now(), Instant::now()),
            changing: Mutex::default(),
            keys: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
            audit,
            capture: Arc::new(CaptureFeed::new(0)),
            services: Services::new(),
            doors,
            cage,
            machines,
        })
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The policy in force.
    pub fn policy(&self) -> &LivePolicy {
        self.engine.policy()
    }

    /// Where what happens is told.
    pub fn audit(&self) -> &Audit {
        &self.audit
    }

    /// Those who capture messages.
    pub fn capture(&self) -> &Arc<CaptureFeed> {
        &self.capture
    }

    /// All domains' shares, maps and ports.
    pub fn services(&self) -> &Services {
        &self.services
    }

    /// Who deals with the file system.
    pub fn doors(&self) -> &Arc<Doors> {
        &self.doors
    }

    /// Leaves this thread with what its class may do.
    ///
    /// # Errors
    /// The kernel refuses, which is in the log. The thread should do nothing else then.
    pub fn narrow(&self, class: Class) -> io::Result<()> {
        let narrowed = self.cage.narrow(class);
        narrowed.inspect_err(|error| tracing::error!(?class, %error, "a thread cannot be caged"))
    }

    /// Nothing more is told; readers are let finish what is in their queues.
    pub fn close_feeds(&self) {
        if let Some(feed) = self.audit.feed() {
            feed.close();
        }
        self.capture.close();
    }

    /// What argod was started with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Sessions that workers and reception keep room for from the beginning: in static mode twice as
    /// many as there may be by the configuration, for one that has ended may not have been forgotten
    /// when the next one comes; else none.
    pub fn sessions_reserved(&self) -> usize {
        sessions_reserved(&self.config)
    }

    /// Asks the threads that guests depend on whether they still pass their loops.
    pub fn ask_pulses(&self) -> impl Iterator<Item = &Pulse> {
        self.workers.iter().map(WorkerPort::ask_pulse).chain([self.reception.ask_pulse()])
    }

    /// How long a worker watches a session that has nothing to do, at most.
    pub fn spin(&self) -> Duration {
        Duration::from_micros(self.config.service.spin_us.into())
    }

    /// What one visit to a session may take.
    pub fn budget(&self) -> Budget {
        let service = &self.config.service;
        let time = Duration::from_micros(service.budget_us.into());
        Budget { calls: service.budget_calls, time }
    }

    /// How long an interrupt may take before the next ones are sent by a thread of their own.
    pub fn kick_limit(&self) -> Duration {
        Duration::from_micros(self.config.service.kick_limit_us.into())
    }

    /// Whether guest RAM is locked.
    pub fn lock_memory(&self) -> LockMemory {
        self.config.lock_memory
    }

    /// The processor that a worker stays on.
    pub fn cpu_of(&self, worker: usize) -> usize {
        self.cpus.get(worker % self.cpus.len().max(1)).map_or(0, |cpu| *cpu as usize)
    }

    /// The workers that may serve a domain with this processor set (empty: all), by number.
    pub fn workers_for(&self, cpus: &[u32]) -> impl Iterator<Item = usize> {
        (0..self.workers.len())
            .filter(move |worker| cpus.is_empty() || cpus.contains(&(self.cpu_of(*worker) as u32)))
    }

    /// A worker's port.
    pub fn worker(&self, number: usize) -> &WorkerPort {
        &self.workers[number]
    }

    /// How many workers there are.
    pub fn worker_count(&self) -> usize {
        self.workers.len()
    }

    /// Where notices for the reception go.
    pub fn reception(&self) -> &ReceptionPort {
        &self.reception
    }

    /// Who gives back the memory of ended sessions.
    pub fn undertaker(&self) -> &Undertaker {
        &self.undertaker
    }

    /// Connections to the admin socket.
    pub fn admins(&self) -> &Arc<Seats> {
        &self.admins
    }

    /// When argod started, and for how long it runs.
    pub fn began(&self) -> (SystemTime, Duration) {
        let (wall, steady) = self.began;
        (wall, steady.elapsed())
    }

    /// Time spent on domains that are no more.
    pub fn time_gone(&self) -> Duration {
        Duration::from_nanos(self.gone.load(Ordering::Relaxed))
    }

    /// A session that is live.
    pub fn session(&self, key: SessionKey) -> Option<Arc<Session>> {
        self.sessions.read().get(&key).cloned()
    }

    /// A name for a new session.
    pub fn next_key(&self) -> SessionKey {
        self.keys.fetch_add(1, Ordering::Relaxed)
    }

    /// The domains, by id.
    pub fn domains(&self) -> Vec<Arc<HostDomain>> {
        self.domains.read().values().cloned().collect()
    }

    /// The domain with this id.
    pub fn domain(&self, id: DomainId) -> Option<Arc<HostDomain>> {
        self.domains.read().get(&id).cloned()
    }

    /// Whether argod stops.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Ends everything: guests see their sessions end, and the sockets vanish.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.workers.iter().for_each(WorkerPort::wake);
        self.undertaker.call();
        self.policy().pacer().stop();
        self.engine.events().lender().stop();
        let _alone = self.changing.lock();
        let domains = self.domains();
        for domain in &domains {
            domain.stop_machine();
            self.end_sessions(&domain.close(), EndReason::Stopping);
            domain.services.close(self);
            self.forget(domain);
        }
        let deadline = Instant::now() + PROMISES_WITHIN;
        domains.iter().for_each(|domain| domain.services.wait_until_deserted(deadline));
    }
}

fn sessions_reserved(config: &Config) -> usize {
    let sessions = config.domains.iter().map(|domain| domain.quotas.sessions as usize);
    config.reserve.map_or(0, |_| 2 * sessions.sum::<usize>())
}
