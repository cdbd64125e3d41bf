//! argod, the program. `argoctl demo` runs it too, without a second file to be found.
#![forbid(unsafe_code)]

use std::error::Error;
use std::path::PathBuf;

use clap::Parser;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::config::Config;
use crate::daemon::{self, Daemon};

/// Argo on a Linux host: domains as processes, messages by hypervisor-mediated copy, default deny.
#[derive(Parser)]
#[command(name = "argod", version)]
pub struct Argod {
    /// The configuration; docs/argod.example.toml explains every key.
    #[arg(long, value_name = "FILE", default_value = "/etc/argod.toml")]
    config: PathBuf,
    /// Check this configuration, say what is wrong with it, and start nothing.
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    check_config: Option<PathBuf>,
}

impl Argod {
    /// Does what the arguments ask for; serves until SIGTERM or SIGINT. SIGHUP reads the policy
    /// anew.
    ///
    /// # Errors
    /// The configuration is wrong, or argod does not start.
    pub fn run(self) -> Result<(), Box<dyn Error>> {
        match self.check_config {
            Some(file) => check(file),
            None => serve(self.config),
        }
    }
}

fn check(file: PathBuf) -> Result<(), Box<dyn Error>> {
    let config = Config::load(&file)?;
    daemon::check_memory(&config)?;
    println!(
        "{}: {} domain(s), {} policy rule(s): no problems",
        file.display(),
        config.domains.len(),
        config.policy.hooks.len() + config.policy.ports.len()
    );
    Ok(())
}

fn serve(file: PathBuf) -> Result<(), Box<dyn Error>> {
    let config = Config::load(&file)?;
    crate::log::start(config.log);
    // Before any thread: a signal that comes during the start stops what was started.
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
    let (domains, admin) = (config.domains.len(), config.admin.path.clone());
    let daemon = Daemon::start(config)?;
    let handle = daemon.handle();
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        for signal in signals.forever() {
            if signal != SIGHUP {
                tracing::info!(signal, "stopping");
                return handle.stop();
            }
            // What is wrong is in the log.
            let _ = handle.reload_policy();
        }
    })?;
    tracing::info!(domains, admin = %admin.display(), "ready");
    daemon.join();
    tracing::info!("stopped");
    Ok(())
}
