//! The daemon: domains of one Linux host, each used by processes that do not trust each other.
//!
//! | module | what |
//! |---|---|
//! | `host` | what all parts share: engine, domains, sessions |
//! | `listener`, `adopt`, `made_path` | sockets that nobody can replace, made here or by systemd |
//! | `doors` | what a caged argod asks its doorkeeper for: those sockets, and the configuration |
//! | `reception`, `arrivals`, `notices` | accepts, notices hang-ups, ends sessions |
//! | `attach` | how a process becomes a session |
//! | `session` | its memory and queues, and how they are served |
//! | `calls` | the calls in a queue |
//! | `worker` | a thread a core that serves sessions in fair turns (`run_queue`, `spin`) |
//! | `interrupts`, `bell`, `kicking`, `slowness` | from an event to the process that sleeps |
//! | `services` | grants, event channels and a store for processes that connect for them |
//! | `machines` | domains that are virtual machines (feature `kvm`) |
//! | `stock`, `reserve` | what is taken at the start, in static mode |
//! | `burial` | memory of ended sessions that somebody still holds |
//! | `admin`, `stat`, `seats` | the administrators' socket |
//! | `metrics` | the same for Prometheus, over HTTP |
//! | `outlet`, `audit`, `capture` | sockets that tell what happens |
//! | `meter`, `processor`, `tab` | what argod's time was spent on, by domain |
//! | `error` | why it does not start, or stops by itself |
//! | `watchdog`, `pulse` | whether the threads live, for systemd |

mod admin;
mod adopt;
mod arrivals;
mod attach;
mod audit;
mod bell;
mod burial;
mod calls;
mod capture;
mod domain;
mod doors;
mod error;
mod host;
mod interrupts;
mod kicking;
mod listener;
#[cfg_attr(not(feature = "kvm"), path = "no_machines.rs")]
mod machines;
mod made_path;
mod malloc;
mod meter;
mod metrics;
mod notices;
mod outlet;
mod peer;
mod processor;
mod pulse;
mod reception;
mod reserve;
mod run_queue;
mod seats;
mod services;
mod session;
mod slowness;
mod sockopt;
mod spin;
mod stat;
mod stock;
mod system;
mod tab;
#[cfg(test)]
mod tests;
pub(crate) mod throttle;
mod watchdog;
mod worker;

use std::cell::RefCell;
use std::io;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use crate::admin::Reloaded;
use crate::cage::{Cage, Class, harden};
use crate::config::{self, Config};
use crate::systemd::{self, Passed};
use admin::AdminServer;
use argo_hypervisor::Events as _;
use audit::Deed;
use doors::Doors;
use host::Host;
use machines::Machines;
use meter::Work;
use metrics::MetricsServer;
use notices::Notice;
use outlet::Outlet;
use processor::Stopwatch;
use worker::Worker;

pub(crate) use doors::keep_doors;
pub use error::{StartError, Uncaged};
pub use host::{DomainError, ReloadError};
pub use listener::ListenError;
pub(crate) use listener::clear_path;
pub(crate) use peer::Peer;

/// The process that a daemon is started in.
#[derive(Clone, Copy, Debug)]
pub enum Process {
    /// It does other things, too: it stays as it is.
    Shared,
    /// The daemon's alone, without any other thread yet: it is caged for good, if the configuration
    /// does not say otherwise.
    Own {
        /// Its program, started once more with the same arguments and this one, has to call
        /// `keep_doors`.
        doorkeeper: &'static str,
    },
}

/// What is tried.
const DOORKEEPER: &str = "starting the doorkeeper";

/// A daemon that runs. Dropping it stops it.
pub struct Daemon {
    host: Arc<Host>,
    /// Ends when it is told to stop; the others when the host stops.
    reception: Option<JoinHandle<()>>,
    others: Vec<JoinHandle<()>>,
    outlets: Vec<Outlet>,
    /// Why it stops by itself.
    uncaged: Arc<OnceLock<Uncaged>>,
}

/// Tells a running daemon something, from a signal handler's thread for example.
#[derive(Clone)]
pub struct Handle(Arc<Host>);

impl Daemon {
    /// Starts everything that the configuration describes, in this process as it is: in static mode,
    /// what is this process's stays as it is, too (its heap, and what it has locked).
    ///
    /// # Errors
    /// [`StartError`]; what was started before is stopped.
    pub fn start(config: Config) -> Result<Self, StartError> {
        Self::start_on(config, Passed::default(), Process::Shared, || Ok(()))
    }

    /// The same with sockets that systemd made, and perhaps in a process that may be caged. Once it
    /// is, or turns out not to be, `begin_log` may start a thread.
    ///
    /// # Errors
    /// As [`Daemon::start`]; or what was passed is not what the configuration says; or `begin_log`'s.
    pub fn start_on(
        config: Config,
        passed: Passed,
        process: Process,
        begin_log: impl FnOnce() -> io::Result<()>,
    ) -> Result<Self, StartError> {
        harden();
        check_memory(&config)?;
        let own = matches!(process, Process::Own { .. });
        let reserve = config.reserve.filter(|_| own);
        if reserve.is_some() {
            reserve::hold_heap()?;
        }
        let doors = Arc::new(Doors::open(&config, process).map_err(system(DOORKEEPER))?);
        // Images are files, and KVM is one.
        let machines = Machines::prepare(&config)?;
        // It may be a TCP port, which nobody opens in a cage.
        let metrics = config.metrics.as_ref().map(|at| MetricsServer::open(at, &doors));
        let metrics = metrics.transpose().map_err(StartError::Metrics)?;
        let cage = if doors.are_kept() { Cage::enter(&config)? } else { Cage::default() };
        begin_log().map_err(system("log: starting a thread"))?;
        let admin = AdminServer::open(&config.admin, &passed, &doors)?;
        let host = Host::new(config, passed, doors, cage, machines)
            .map_err(system("making the workers"))?;
        let daemon = Self::serve(Arc::new(host), admin, metrics)?;
        reserve.map_or(Ok(()), reserve::fill)?;
        Ok(daemon)
    }

    fn serve(
        host: Arc<Host>,
        admin: AdminServer,
        metrics: Option<MetricsServer>,
    ) -> Result<Self, StartError> {
        let quotas = host.config().domains.iter().map(|domain| domain.quotas.services);
        host.services().warn_if_short(quotas);
        let mut daemon = Self {
            host: host.clone(),
            reception: None,
            others: Vec::new(),
            outlets: Vec::new(),
            uncaged: Arc::default(),
        };
        host.create_domains(&host.config().domains)
            .map_err(|(name, error)| StartError::Domain { name, error })?;
        daemon.outlets.extend(audit::open(&host).map_err(StartError::Outlet)?);
        daemon.outlets.extend(capture::open(&host).map_err(StartError::Outlet)?);
        host.reception().listen_admin(admin.listener()).map_err(system("listening"))?;
        if let Some(line) = host.doors().line() {
            host.reception().watch_doorkeeper(line).map_err(system("watching the doorkeeper"))?;
        }
        if let Some(metrics) = &metrics {
            host.reception().listen_metrics(metrics.listener()).map_err(system("listening"))?;
        }
        daemon.spawn(admin, metrics)?;
        host.start_machines().map_err(|(name, error)| StartError::Machine { name, error })?;
        Ok(daemon)
    }

    /// What others tell it things by.
    pub fn handle(&self) -> Handle {
        Handle(self.host.clone())
    }

    /// Waits until it was stopped.
    ///
    /// # Errors
    /// It has stopped by itself.
    pub fn join(mut self) -> Result<(), Uncaged> {
        self.wind_up();
        // The threads that could say something have ended.
        let uncaged = Arc::into_inner(std::mem::take(&mut self.uncaged));
        uncaged.and_then(OnceLock::into_inner).map_or(Ok(()), Err)
    }

    fn spawn(
        &mut self,
        admin: AdminServer,
        metrics: Option<MetricsServer>,
    ) -> Result<(), StartError> {
        for number in 0..self.host.worker_count() {
            let serve = move |host: &Arc<Host>| Worker::new(host.clone(), number).run();
            self.spawn_narrow(format!("worker-{number}"), Class::Worker, serve)?;
        }
        let bury = |host: &Arc<Host>| host.undertaker().run(host);
        self.spawn_narrow("undertaker".into(), Class::Undertaker, bury)?;
        let pace = |host: &Arc<Host>| {
            host.policy().pacer().run(|domain| host.engine().events().virq(domain));
        };
        self.spawn_narrow("pacer".into(), Class::Worker, pace)?;
        self.spawn_narrow("lender".into(), Class::Worker, lend_rooms)?;
        let host = self.host.clone();
        let receive = move || reception::run(&host, &admin, metrics.as_ref());
        self.reception = Some(thread("reception".into(), receive)?);
        if systemd::is_there() {
            let host = self.host.clone();
            let watch = move || watchdog::run(&host, systemd::watchdog_period());
            self.others.push(thread("watchdog".into(), watch)?);
        }
        Ok(())
    }

    /// Starts a thread that others depend on: without it argod stops.
    fn spawn_narrow(
        &mut self,
        name: String,
        class: Class,
        run: impl FnOnce(&Arc<Host>) + Send + 'static,
    ) -> Result<(), StartError> {
        let (host, uncaged, thread_name) = (self.host.clone(), self.uncaged.clone(), name.clone());
        let narrowed = move || match host.narrow(class) {
            Ok(()) => run(&host),
            Err(source) => {
                // An error means that another was first.
                let _ = uncaged.set(Uncaged { thread: thread_name, source });
                host.reception().notify(Notice::Stop);
            }
        };
        self.others.push(thread(name, narrowed)?);
        Ok(())
    }

    fn wind_up(&mut self) {
        if let Some(reception) = self.reception.take() {
            let _ = reception.join();
        }
        self.host.stop();
        for other in self.others.drain(..) {
            other.thread().unpark();
            let _ = other.join();
        }
        self.host.close_feeds();
        self.outlets.clear();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.handle().stop();
        self.wind_up();
    }
}

impl Handle {
    /// Has the daemon stop: guests see their sessions end, sockets vanish.
    pub fn stop(&self) {
        self.0.reception().notify(Notice::Stop);
    }

    /// Reads the policy anew from the files that it came from, puts it into force and cuts what it
    /// forbids.
    ///
    /// # Errors
    /// What is wrong with it: then the earlier one stays in force. The log says it, too.
    pub fn reload_policy(&self) -> Result<Reloaded, ReloadError> {
        let reloaded = self.0.reload_policy();
        let error = reloaded.as_ref().err().map(ToString::to_string);
        Deed::reload(&self.0).tell(&self.0, None, error.as_deref());
        reloaded
    }
}

/// Takes back room that is kept for who was woken and does not come, when its time is over.
fn lend_rooms(host: &Arc<Host>) {
    let stopwatch = RefCell::new(Stopwatch::start());
    host.engine().events().lender().run(|owner| {
        // Of a domain that was destroyed nothing is kept.
        let _ = host.engine().lend_room(owner);
        if let Some(domain) = host.domain(owner) {
            domain.meter().add_time(Work::Calls, stopwatch.borrow_mut().lap());
        }
    });
}

fn thread(name: String, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StartError> {
    std::thread::Builder::new().name(name).spawn(run).map_err(system("starting a thread"))
}

/// Whether this machine has the memory that the domains' RAM may need. Says if it has not what they
/// may share beside.
///
/// # Errors
/// It has not, or cannot tell.
pub fn check_memory(config: &Config) -> Result<(), StartError> {
    let available = config::available_memory().map_err(system("reading the available memory"))?;
    config::check_memory(&config.domains, available)?;
    if let Err(short) = config::check_shares(&config.domains, available) {
        tracing::warn!("too little memory for all shares: {short}");
    }
    Ok(())
}

/// Whether the images of virtual machines are kernels for them.
///
/// # Errors
/// The first that cannot be read or is wrong.
pub fn check_images(config: &Config) -> Result<(), StartError> {
    machines::check_images(config)?;
    Ok(())
}

fn system(step: &'static str) -> impl Fn(io::Error) -> StartError {
    move |source| StartError::System { step, source }
}
