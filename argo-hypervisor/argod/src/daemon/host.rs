//! What all parts of the daemon share: the engine, the domains, the sessions.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use argo_core::DomainId;
use argo_core::host::queue::BadIndex;
use argo_hypervisor::{Argo, CreateError, Quotas, Start, WildcardRings};
use parking_lot::{Mutex, RwLock};
use rustix::net::{Shutdown, SocketType, shutdown};

use super::burial::Undertaker;
use super::domain::{HostDomain, NoPlace, Place};
use super::interrupts::Interrupts;
use super::listener::{ListenError, listen_on};
use super::reception::{Notice, ReceptionPort};
use super::session::{Budget, Session, SessionKey};
use super::system::Engine;
use super::worker::WorkerPort;
use crate::config::{self, Config, LockMemory, Problems};
use crate::policy::{Directory, DirectoryError, LivePolicy};

/// Why a session ended.
#[derive(Clone, Copy, Debug)]
pub enum EndReason {
    /// Its process hung up or is gone.
    Left,
    /// It broke the queue protocol.
    Protocol(BadIndex),
    /// Its domain was destroyed.
    Destroyed,
    /// argod stops.
    Stopping,
    /// It could not be set up.
    Failed,
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Left => f.write_str("the process left"),
            Self::Protocol(bad) => write!(f, "protocol broken: {bad}"),
            Self::Destroyed => f.write_str("the domain was destroyed"),
            Self::Stopping => f.write_str("argod stops"),
            Self::Failed => f.write_str("it could not be set up"),
        }
    }
}

/// Why a domain could not be made.
#[derive(Debug, thiserror::Error)]
pub enum DomainError {
    /// Its id or name is taken, or there are too many.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The engine refuses it.
    #[error(transparent)]
    Engine(#[from] CreateError),
    /// Its socket could not be made.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The system refused.
    #[error("listening: {0}")]
    System(#[from] io::Error),
    /// There will be no domains any more.
    #[error("argod is stopping")]
    Stopping,
}

/// There is no such domain.
#[derive(Debug, thiserror::Error)]
#[error("there is no domain {0:?}")]
pub struct NoDomain(pub String);

/// The daemon's state.
pub struct Host {
    engine: Engine,
    config: Config,
    domains: RwLock<BTreeMap<DomainId, Arc<HostDomain>>>,
    sessions: RwLock<HashMap<SessionKey, Arc<Session>>>,
    workers: Vec<WorkerPort>,
    cpus: Vec<u32>,
    reception: ReceptionPort,
    undertaker: Undertaker,
    /// Held while a domain is made or destroyed: administrators may ask for both at once.
    changing: Mutex<()>,
    keys: AtomicU64,
    stopping: AtomicBool,
}

impl Host {
    /// A host without domains, made for this configuration.
    ///
    /// # Errors
    /// The system has no descriptors left.
    pub fn new(config: Config, reception: ReceptionPort) -> io::Result<Self> {
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
        let policy = LivePolicy::new(config.policy.clone(), Directory::default());
        Ok(Self {
            engine: Engine::new(engine_config, policy, Interrupts::default()),
            config,
            domains: RwLock::default(),
            sessions: RwLock::default(),
            workers,
            cpus,
            reception,
            undertaker: Undertaker::default(),
            changing: Mutex::default(),
            keys: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
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

    /// What argod was started with.
    pub fn config(&self) -> &Config {
        &self.config
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

    /// How long an interrupt may take before it is sent by a thread of its own.
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

    /// The domain with this name, or with this number as its id.
    ///
    /// # Errors
    /// There is none.
    pub fn find(&self, name: &str) -> Result<Arc<HostDomain>, NoDomain> {
        let domains = self.domains.read();
        let by_id = || DomainId::new(name.parse().ok()?).and_then(|id| domains.get(&id));
        let by_name = domains.values().find(|domain| domain.name() == name);
        by_name.or_else(by_id).cloned().ok_or_else(|| NoDomain(name.to_owned()))
    }

    /// Makes a domain, and lets processes attach to it.
    ///
    /// # Errors
    /// [`DomainError`]; nothing of the domain is left then.
    pub fn create_domain(&self, config: config::Domain) -> Result<(), DomainError> {
        let id = config.id;
        let _alone = self.changing.lock();
        if self.is_stopping() {
            return Err(DomainError::Stopping);
        }
        // The policy has to know the domain's name and labels before it is asked about it.
        self.policy().add_domain(&config)?;
        let created = self.create_in_engine(config);
        if created.is_err() {
            self.policy().remove_domain(id);
        }
        created
    }

    fn create_in_engine(&self, config: config::Domain) -> Result<(), DomainError> {
        let id = config.id;
        let listener = listen_on(&config.socket, SocketType::SEQPACKET)?;
        let engine = self.engine.create_domain(id, quotas(&config.quotas), Start::Dormant)?;
        let domain = Arc::new(HostDomain::new(config, engine, listener));
        self.domains.write().insert(id, domain.clone());
        let listening = self.reception.listen(&domain);
        if listening.is_err() {
            self.forget(&domain);
        }
        Ok(listening?)
    }

    /// Destroys a domain: its sessions end, its rings go, its socket vanishes, its id is free.
    ///
    /// # Errors
    /// There is no such domain.
    pub fn destroy_domain(&self, name: &str) -> Result<(), NoDomain> {
        let _alone = self.changing.lock();
        let domain = self.find(name)?;
        self.policy().remove_domain(domain.id());
        for session in domain.close() {
            self.end_session(session.key, EndReason::Destroyed);
        }
        self.forget(&domain);
        tracing::info!(domain = domain.name(), "destroyed");
        Ok(())
    }

    fn forget(&self, domain: &HostDomain) {
        self.reception.forget(&domain.listener);
        // An error means that somebody removed it already.
        let _ = std::fs::remove_file(domain.socket_path());
        self.domains.write().remove(&domain.id());
        // The domain was there until now: whoever gets here holds `changing`.
        let _ = self.engine.destroy_domain(domain.id());
    }

    /// All Argo state of a domain goes; its sessions stay.
    ///
    /// # Errors
    /// There is no such domain.
    pub fn soft_reset(&self, name: &str) -> Result<(), NoDomain> {
        let domain = self.find(name)?;
        self.engine.soft_reset(domain.id()).map_err(|_| NoDomain(name.to_owned()))
    }

    /// Replaces the policy's rules.
    ///
    /// # Errors
    /// What is wrong with them; the old ones stay in force.
    pub fn replace_policy(&self, file: &str, text: &str) -> Result<(), Problems> {
        self.policy().replace_rules(file, text)?;
        tracing::info!(file, "policy replaced");
        Ok(())
    }

    /// Makes a session live.
    ///
    /// # Errors
    /// Its domain was destroyed meanwhile, or the system has no room to watch it.
    pub fn admit(&self, place: Place, session: Arc<Session>) -> Result<(), AdmitError> {
        let domain = session.domain.clone();
        self.sessions.write().insert(session.key, session.clone());
        let admitted = place
            .take(session.clone(), || {
                self.engine.events().add(domain.id(), session.bell.clone());
                // Changes nothing unless it is the first.
                self.engine.activate(&domain.engine);
            })
            .map_err(AdmitError::from)
            .and_then(|()| Ok(self.watch(&session)?));
        if admitted.is_err() || self.is_stopping() {
            self.end_session(session.key, EndReason::Failed);
        }
        admitted
    }

    fn watch(&self, session: &Arc<Session>) -> io::Result<()> {
        self.reception.watch(session)?;
        for doorbell in &session.doorbells {
            self.worker(doorbell.worker).listen(&doorbell.fd, session.key)?;
        }
        // Ended meanwhile, before all doorbells were there to be forgotten. The guest keeps them
        // open, so they would wake workers for ever, on nobody's account.
        if session.is_over() {
            self.forget_doorbells(session);
        }
        Ok(())
    }

    fn forget_doorbells(&self, session: &Session) {
        for doorbell in &session.doorbells {
            self.worker(doorbell.worker).forget(&doorbell.fd);
        }
    }

    /// Ends a session, wherever its process is: nothing of it is left in the engine when this
    /// returns, and the domain has no Argo state if it was the last.
    pub fn end_session(&self, key: SessionKey, reason: EndReason) {
        let Some(session) = self.sessions.write().remove(&key) else { return };
        // Over first: whoever is still setting it up looks at that after its last step.
        session.end();
        self.forget_doorbells(&session);
        self.reception.unwatch(&session);
        let domain = session.domain.clone();
        self.engine.events().remove(domain.id(), &session.bell);
        let own = |ring: &_| Arc::ptr_eq(argo_hypervisor::RingPages::memory(ring), &session.ram);
        self.engine.withdraw_rings(&domain.engine, own);
        domain.leave(&session, || self.engine.deactivate(&domain.engine));
        self.undertaker.call();
        let _ = shutdown(&*session.socket, Shutdown::Both);
        if let Some(suppressed) = domain.log.pass() {
            let (domain, peer) = (domain.name(), session.peer);
            tracing::info!(domain, %peer, %reason, suppressed, "session ended");
        }
    }

    /// Has a session ended by the reception, soon.
    pub fn request_end(&self, key: SessionKey, reason: EndReason) {
        self.reception.notify(Notice::End(key, reason));
    }

    /// Has an ended session dropped by the reception: dropping it unmaps its memory.
    pub fn discard(&self, session: Arc<Session>) {
        self.reception.notify(Notice::Discard(session));
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
        let _alone = self.changing.lock();
        for domain in self.domains() {
            for session in domain.close() {
                self.end_session(session.key, EndReason::Stopping);
            }
            self.forget(&domain);
        }
    }
}

/// Why a session did not become live.
#[derive(Debug, thiserror::Error)]
pub enum AdmitError {
    /// Its domain has no place for it.
    #[error(transparent)]
    NoPlace(#[from] NoPlace),
    /// It cannot be watched.
    #[error("watching the session: {0}")]
    Watch(#[from] io::Error),
}

fn quotas(config: &config::Quotas) -> Quotas {
    Quotas {
        rings: config.rings,
        ring_bytes: config.ring_bytes,
        waiters: config.waiters,
        entries: config.entries,
    }
}
