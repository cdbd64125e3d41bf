//! argod: Argo for the processes of one Linux host.
#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::process::ExitCode;

use argod::config::Config;
use argod::daemon::Daemon;
use clap::Parser;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Argo on a Linux host: domains as processes, messages by hypervisor-mediated copy, default deny.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The configuration.
    #[arg(long, value_name = "FILE", default_value = "/etc/argod.toml")]
    config: PathBuf,
    /// Check this configuration, say what is wrong with it, and start nothing.
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    check_config: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.check_config {
        Some(file) => check(file),
        None => serve(arguments.config),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("argod: {error}");
            ExitCode::FAILURE
        }
    }
}

fn check(file: PathBuf) -> Result<(), Box<dyn std::error::Error>> {
    let config = Config::load(&file)?;
    argod::daemon::check_memory(&config)?;
    println!(
        "{}: {} domain(s), {} policy rule(s): no problems",
        file.display(),
        config.domains.len(),
        config.policy.list.len()
    );
    Ok(())
}

fn serve(file: PathBuf) -> Result<(), Box<dyn std::error::Error>> {
    let config = Config::load(&file)?;
    argod::log::start(config.log);
    // Before any thread: a signal that comes during the start stops what was started.
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    let (domains, admin) = (config.domains.len(), config.admin.path.clone());
    let daemon = Daemon::start(config)?;
    let stopper = daemon.stopper();
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        if let Some(signal) = signals.forever().next() {
            tracing::info!(signal, "stopping");
            stopper.stop();
        }
    })?;
    tracing::info!(domains, admin = %admin.display(), "ready");
    daemon.join();
    tracing::info!("stopped");
    Ok(())
}
