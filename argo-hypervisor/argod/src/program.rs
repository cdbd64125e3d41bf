//! argod, the program. `argoctl demo` runs it too, without a second file to be found.
#![forbid(unsafe_code)]

use std::error::Error;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Parser;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;

use crate::config::{Config, ConfigError};
use crate::daemon::{self, Daemon, Process};
use crate::log::Writing;
use crate::systemd::{self, Passed, PassedError};

/// Where the configuration is unless it is said.
const CONFIG_DEFAULT: &str = "/etc/argod.toml";

/// `EX_CONFIG` of sysexits.h: starting it again changes nothing.
const EXIT_CONFIG: u8 = 78;

const EXIT_STATUS: &str = "Exit status: 0 stopped by SIGTERM or SIGINT, or a check that found \
                           nothing wrong; 1 failed; 2 wrongly called; 78 the configuration cannot \
                           be read or is wrong.";

/// Argo on a Linux host: domains as processes, messages by hypervisor-mediated copy, default deny.
#[derive(Parser)]
#[command(name = "argod", version, after_help = EXIT_STATUS)]
pub struct Argod {
    /// The configuration; docs/argod.example.toml explains every key [default: /etc/argod.toml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Check this configuration, say what is wrong with it, and start nothing.
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    check_config: Option<PathBuf>,
    /// Keep doors for the argod that started this one.
    #[arg(long, hide = true)]
    doorkeeper: bool,
}

/// A process that runs argod does nothing else.
const MINE: Process = Process::Own { doorkeeper: "--doorkeeper" };

/// Why argod did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Nobody said which configuration to use, and there is none where it would be looked for.
    #[error(
        "no --config FILE is given and there is no {CONFIG_DEFAULT}: write one (see \
         docs/argod.example.toml), or see \"argoctl demo\" for a first look without any"
    )]
    NoConfig,
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The sockets that systemd passed are not those of the configuration.
    #[error(transparent)]
    Passed(#[from] PassedError),
    /// Something else went wrong.
    #[error(transparent)]
    Failed(Box<dyn Error>),
}

impl Failure {
    /// The exit status that tells it.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::NoConfig | Self::Config(_) | Self::Passed(_) => EXIT_CONFIG,
            Self::Failed(_) => 1,
        }
    }

    fn failed(error: impl Into<Box<dyn Error>>) -> Self {
        Self::Failed(error.into())
    }
}

impl Argod {
    /// Does what the arguments ask for; serves until SIGTERM or SIGINT. SIGHUP reads the policy
    /// anew.
    ///
    /// # Errors
    /// The configuration is wrong, or argod does not start.
    pub fn run(self) -> Result<(), Failure> {
        match self.check_config {
            Some(file) => check(&file),
            None if self.doorkeeper => keep_doors(),
            None => serve(load(self.config)?),
        }
    }
}

fn load(file: Option<PathBuf>) -> Result<Config, Failure> {
    let is_given = file.is_some();
    let file = file.unwrap_or_else(|| CONFIG_DEFAULT.into());
    Config::load(&file).map_err(|error| match error {
        ConfigError::Read { error, .. } if !is_given && error.kind() == io::ErrorKind::NotFound => {
            Failure::NoConfig
        }
        other => Failure::Config(other),
    })
}

fn check(file: &Path) -> Result<(), Failure> {
    let config = Config::load(file)?;
    daemon::check_memory(&config).map_err(Failure::failed)?;
    daemon::check_images(&config).map_err(Failure::failed)?;
    let found = format!(
        "{}: {} domain(s), {} policy rule(s): no problems\n",
        file.display(),
        config.domains.len(),
        config.policy.len()
    );
    io::stdout().write_all(found.as_bytes()).map_err(failed("standard output"))
}

fn keep_doors() -> Result<(), Failure> {
    daemon::keep_doors().map_err(|error| Failure::failed(format!("doorkeeper: {error}")))
}

fn serve(config: Config) -> Result<(), Failure> {
    let mut log = crate::log::start(config.log);
    let passed = Passed::take(&config)?;
    // A file that may not grow, the log or a session's RAM, is an error there, not argod's end.
    signal_hook::flag::register(SIGXFSZ, Arc::default()).map_err(failed("signals"))?;
    // Before any thread: a signal that comes during the start stops what was started.
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP]).map_err(failed("signals"))?;
    let (domains, admin) = (config.domains.len(), config.admin.path.clone());
    // Until then there is but this thread.
    let begin_log = || log.begin().inspect(|()| end_by_panics(&log));
    let daemon = Daemon::start_on(config, passed, MINE, begin_log).map_err(Failure::failed)?;
    let handle = daemon.handle();
    let signals = move || {
        for signal in signals.forever() {
            if signal != SIGHUP {
                systemd::stopping();
                tracing::info!(signal, "stopping");
                return handle.stop();
            }
            systemd::reloading();
            // What is wrong is in the log.
            let _ = handle.reload_policy();
            systemd::ready();
        }
    };
    let started = std::thread::Builder::new().name("signals".into()).spawn(signals);
    started.map_err(failed("signals: starting a thread"))?;
    tracing::info!(domains, admin = %admin.display(), "ready");
    systemd::ready();
    let joined = daemon.join();
    tracing::info!("stopped");
    joined.map_err(Failure::failed)
}

/// A thread that panics takes argod along. What it served would be dead and what it had locked stay
/// locked, while argod seemed alive; so systemd starts it anew.
///
/// The log's thread says it, not the usual hook: that waits for a standard error that is not read.
fn end_by_panics(log: &Writing) {
    let wait = log.ending();
    std::panic::set_hook(Box::new(move |panic| {
        let thread = std::thread::current();
        tracing::error!(thread = thread.name(), "{panic}");
        wait();
        std::process::abort();
    }));
}

/// What to say of something that the system refused.
fn failed(step: &'static str) -> impl Fn(io::Error) -> Failure {
    move |error| Failure::failed(format!("{step}: {error}"))
}
