//! Domains come and go, and the policy with them.

use std::fmt::Display;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use argo_core::DomainId;
use argo_hypervisor::{CreateError, Cut, Start};
use argo_mem::MapError;
use rustix::net::SocketType;

use super::{EndReason, Host};
use crate::admin::{Changed, Reloaded, Standing};
use crate::config::{self, ConfigError, Problems, Rules};
use crate::daemon::domain::HostDomain;
use crate::daemon::listener::ListenError;
use crate::daemon::machines::{Machine, MachineError};
use crate::daemon::reserve::locked_limit;
use crate::daemon::session::Session;
use crate::daemon::stock::Stock;
use crate::policy::{Directory, DirectoryError};

/// Why a domain could not be made.
#[derive(Debug, thiserror::Error)]
pub enum DomainError {
    /// Its id or name is taken, or there are too many.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The engine refuses it.
    #[error(transparent)]
    Engine(#[from] CreateError),
    /// Its RAM could not be had beforehand.
    #[error("static mode: {source}{}", locked_limit())]
    Stock {
        /// Why.
        #[from]
        source: MapError,
    },
    /// Its virtual machine could not be made.
    #[error(transparent)]
    Machine(#[from] MachineError),
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

/// Why the policy was not read anew. The earlier one is in force.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// argod was not started with a file.
    #[error("there is no configuration file to read again")]
    NoFile,
    /// It is wrong, or cannot be read.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

/// Why no session was ended.
#[derive(Debug, thiserror::Error)]
pub enum DetachError {
    /// There is no such domain.
    #[error(transparent)]
    NoDomain(#[from] NoDomain),
    /// That process is not attached to it.
    #[error("process {pid} is not attached to domain {domain}")]
    NoProcess {
        /// The domain's name.
        domain: String,
        /// The process.
        pid: i32,
    },
}

/// Why a machine was not started or stopped.
#[derive(Debug, thiserror::Error)]
pub enum PowerError {
    /// There is no such domain.
    #[error(transparent)]
    NoDomain(#[from] NoDomain),
    /// Processes attach to it.
    #[error("domain {0} is no virtual machine")]
    NoMachine(String),
    /// It does not start.
    #[error(transparent)]
    Machine(#[from] MachineError),
    /// Nothing is started any more.
    #[error("argod is stopping")]
    Stopping,
}

impl Host {
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

    /// Creates the domains that there are from the beginning. The policy's tables are made once for
    /// all of them: they grow with the number of domains.
    ///
    /// # Errors
    /// The first that cannot be, by its name, and why; those before it are there, and the policy
    /// knows all of them.
    pub fn create_domains(&self, configs: &[config::Domain]) -> Result<(), (String, DomainError)> {
        let _alone = self.changing.lock();
        self.policy().add_domains(configs).map_err(|(name, error)| (name, error.into()))?;
        configs.iter().try_for_each(|config| {
            self.create_in_engine(config.clone()).map_err(|error| (config.name.clone(), error))
        })
    }

    fn create_in_engine(&self, config: config::Domain) -> Result<(), DomainError> {
        let id = config.id;
        let callers = config.machine.as_ref().map(|machine| machine.vcpus as usize);
        let callers = callers.unwrap_or(self.worker_count());
        let stock = self.config.reserve.map(|_| Stock::new(&config, callers)).transpose()?;
        let machine = self.machines.make(&config)?;
        let engine = self.engine.create_domain(id, config.quotas.engine, Start::Dormant)?;
        let listener = self.doors.listen(&config.socket, SocketType::SEQPACKET, &self.passed);
        let listener = listener.inspect_err(|_| {
            // It was created a moment ago.
            let _ = self.engine.destroy_domain(id);
        })?;
        self.services.introduce(self.policy(), &config);
        let domain = Arc::new(HostDomain::new(config, engine, listener, stock, machine));
        self.domains.write().insert(id, domain.clone());
        let listening = self.reception.listen(&domain);
        if listening.is_err() {
            self.forget(&domain);
        }
        Ok(listening?)
    }

    /// Destroys a domain: its sessions end, its rings go, its socket vanishes, its id is free. What
    /// its processes had promised for when they give up shares and maps is done soon after.
    ///
    /// # Errors
    /// There is no such domain.
    pub fn destroy_domain(&self, name: &str) -> Result<Changed, NoDomain> {
        let _alone = self.changing.lock();
        let domain = self.find(name)?;
        let rings = self.rings_of(&domain);
        let ended =
            domain.stop_machine() + self.end_sessions(&domain.close(), EndReason::Destroyed);
        domain.services.close(self);
        self.forget(&domain);
        // Last: rules that name the domain hold as long as anything of it runs.
        self.policy().remove_domain(domain.id());
        tracing::info!(domain = domain.name(), sessions = ended, "destroyed");
        Ok(changed(&domain, ended, rings))
    }

    /// Starts the machines of all domains that are one, in the order of the configuration.
    /// Administrators are served already: what they have started, stopped or destroyed stays so.
    ///
    /// # Errors
    /// The first that does not start, by its domain's name, and why.
    pub fn start_machines(self: &Arc<Self>) -> Result<(), (String, MachineError)> {
        self.config.domains.iter().try_for_each(|config| {
            let started = self.start_machine_at_first(config.id);
            started.map_err(|error| (config.name.clone(), error))
        })
    }

    fn start_machine_at_first(self: &Arc<Self>, id: DomainId) -> Result<(), MachineError> {
        // Of one machine at a time: whoever stops argod does not wait for all of them.
        let _alone = self.changing.lock();
        let domain = self.domain(id).filter(|_| !self.is_stopping());
        let machine = domain.as_ref().and_then(|domain| Some((domain.machine.clone()?, domain)));
        machine.map_or(Ok(()), |(machine, domain)| machine.start_at_first(self, domain))
    }

    /// Starts a domain's machine, which does not run.
    ///
    /// # Errors
    /// There is no such domain, it is no machine, or that does not start.
    pub fn start_machine(self: &Arc<Self>, name: &str) -> Result<Changed, PowerError> {
        // Once found, the domain stays the one that has this id.
        let _alone = self.changing.lock();
        let (domain, machine) = self.find_machine(name)?;
        if self.is_stopping() {
            return Err(PowerError::Stopping);
        }
        machine.start(self, &domain)?;
        tracing::info!(domain = domain.name(), "machine started");
        Ok(changed(&domain, 0, 0))
    }

    /// Ends a domain's machine. It stays so until it is started.
    ///
    /// # Errors
    /// There is no such domain, or it is no machine.
    pub fn stop_machine(&self, name: &str) -> Result<Changed, PowerError> {
        let _alone = self.changing.lock();
        let (domain, _) = self.find_machine(name)?;
        let before = self.rings_of(&domain);
        let ended = domain.stop_machine();
        let rings = before.saturating_sub(self.rings_of(&domain));
        Ok(changed(&domain, ended, rings))
    }

    fn find_machine(&self, name: &str) -> Result<(Arc<HostDomain>, Arc<Machine>), PowerError> {
        let domain = self.find(name)?;
        match domain.machine.clone() {
            Some(machine) => Ok((domain, machine)),
            None => Err(PowerError::NoMachine(domain.name().to_owned())),
        }
    }

    pub(super) fn forget(&self, domain: &HostDomain) {
        self.reception.forget(&domain.listener);
        self.remove_socket(domain);
        self.domains.write().remove(&domain.id());
        self.gone.fetch_add(domain.time().as_nanos() as u64, Ordering::Relaxed);
        domain.services.settle(self.services.forget(self.policy(), domain.id()));
        // The domain was there until now: whoever gets here holds `changing`.
        let _ = self.engine.destroy_domain(domain.id());
    }

    /// Unless systemd made it.
    fn remove_socket(&self, domain: &HostDomain) {
        if self.passed.socket(domain.socket_path()).is_none() {
            self.doors.remove(domain.socket_path());
        }
    }

    /// All Argo state of a domain goes; its sessions stay. Its connections for services end, and
    /// soon after its shares, maps and ports go with them.
    ///
    /// # Errors
    /// There is no such domain.
    pub fn soft_reset(&self, name: &str) -> Result<Changed, NoDomain> {
        // Once found, the domain stays the one that has this id.
        let _alone = self.changing.lock();
        let domain = self.find(name)?;
        let rings = self.rings_of(&domain);
        self.engine.soft_reset(domain.id()).map_err(|_| NoDomain(name.to_owned()))?;
        domain.services.end_connections(self, None);
        tracing::info!(domain = domain.name(), rings, "reset");
        Ok(changed(&domain, 0, rings))
    }

    /// Ends the sessions of a domain and its connections for services, or those of one process.
    /// The domain stays.
    ///
    /// # Errors
    /// There is no such domain, or the process is not attached to it.
    pub fn detach(&self, name: &str, pid: Option<i32>) -> Result<Changed, DetachError> {
        // Once found, the domain stays the one that has this id.
        let _alone = self.changing.lock();
        let domain = self.find(name)?;
        let mut sessions = domain.sessions();
        sessions.retain(|session| pid.is_none_or(|pid| session.peer.pid == pid));
        let before = self.rings_of(&domain);
        let served = domain.services.end_connections(self, pid);
        if let (Some(pid), true, 0) = (pid, sessions.is_empty(), served) {
            return Err(DetachError::NoProcess { domain: domain.name().to_owned(), pid });
        }
        let ended = self.end_sessions(&sessions, EndReason::Detached) + served;
        let rings = before.saturating_sub(self.rings_of(&domain));
        tracing::info!(domain = domain.name(), sessions = ended, "detached");
        Ok(changed(&domain, ended, rings))
    }

    /// Ends these sessions; how many had not ended by themselves.
    pub(super) fn end_sessions(&self, sessions: &[Arc<Session>], reason: EndReason) -> usize {
        sessions.iter().filter(|session| self.end_session(session.key, reason)).count()
    }

    fn rings_of(&self, domain: &HostDomain) -> usize {
        self.engine.stat(domain.id()).map_or(0, |stat| stat.rings.len())
    }

    /// Reads the policy anew from where it came from at the start, and puts it into force.
    ///
    /// # Errors
    /// What is wrong with it; the earlier one stays in force.
    pub fn reload_policy(&self) -> Result<Reloaded, ReloadError> {
        let file = self.config.file.as_ref().ok_or(ReloadError::NoFile)?;
        let mut texts = None;
        let read = |known: &Directory| {
            let texts = texts.insert(self.doors.configuration(file)?);
            Ok::<_, ConfigError>(Rules::of(texts, |subject| known.knows(subject))?)
        };
        let reloaded = self.put_into_force(&file.display().to_string(), Standing::Cut, read)?;
        let restart_needed = texts.is_none_or(|texts| self.config.differs_beside_policy(&texts));
        if restart_needed {
            tracing::warn!(file = %file.display(), "other changes of the file need a restart");
        }
        Ok(Reloaded { restart_needed, ..reloaded })
    }

    /// Replaces the policy's rules by those of a text.
    ///
    /// # Errors
    /// What is wrong with them; the earlier ones stay in force.
    pub fn replace_policy(
        &self,
        file: &str,
        text: &str,
        standing: Standing,
    ) -> Result<Reloaded, Problems> {
        let read = |known: &Directory| Rules::parse(file, text, |subject| known.knows(subject));
        self.put_into_force(file, standing, read)
    }

    fn put_into_force<E: Display>(
        &self,
        file: &str,
        standing: Standing,
        read: impl FnOnce(&Directory) -> Result<Rules, E>,
    ) -> Result<Reloaded, E> {
        // No domain comes or goes between the new rules and the cut.
        let _alone = self.changing.lock();
        self.policy().replace_rules(read).inspect_err(|error| {
            tracing::error!(file, "the policy stays as it was: {error}");
        })?;
        let policy = self.policy().snapshot();
        let (Cut { rings: rings_cut, waits: waits_ended }, channels_cut) = match standing {
            Standing::Cut => (self.enforce(), self.services.enforce(&policy)),
            Standing::Kept => (Cut::default(), 0),
        };
        let Rules { hooks, ports, store, .. } = policy.rules();
        let reloaded = Reloaded {
            policy_rules: hooks.len(),
            port_rules: ports.len(),
            store_rules: store.len(),
            rings_cut,
            waits_ended,
            channels_cut,
            restart_needed: false,
        };
        tracing::info!(
            file,
            rules = policy.rules().len(),
            rings_cut,
            waits_ended,
            channels_cut,
            "policy in force"
        );
        Ok(reloaded)
    }

    /// Has the policy take hold of what is there already.
    fn enforce(&self) -> Cut {
        // Whoever runs there may have been without Argo so far.
        for domain in self.domains().iter().filter(|domain| domain.is_inhabited()) {
            self.engine.activate(&domain.engine);
        }
        self.engine.enforce()
    }
}

fn changed(domain: &HostDomain, sessions_ended: usize, rings_removed: usize) -> Changed {
    Changed {
        id: domain.id().raw(),
        name: domain.name().to_owned(),
        socket: domain.socket_path().to_owned(),
        sessions_ended,
        rings_removed,
    }
}
