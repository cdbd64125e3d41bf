//! argoctl: one module a subcommand.
//!
//! Exit status: 0 done, 1 failed, 2 wrongly called.
#![forbid(unsafe_code)]

mod replay;
mod replay_domain;
mod tied;

use std::error::Error;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Argo on a Linux host: what argod's operators and users do by hand.
#[derive(Parser)]
#[command(name = "argoctl", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Replay(replay::Replay),
    #[command(hide = true)]
    ReplayDomain(replay_domain::ReplayDomain),
    #[command(hide = true, name = crate::tied::SUBCOMMAND)]
    Tied(tied::Tied),
}

/// Why a subcommand did not do what it was asked to.
#[derive(Debug)]
enum Failure {
    /// It was called wrongly.
    Usage(Box<dyn Error>),
    /// It went wrong.
    Failed(Box<dyn Error>),
}

/// Runs the program on this process's arguments.
pub fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Replay(replay) => replay.run(),
        Command::ReplayDomain(domain) => domain.run(),
        Command::Tied(tied) => tied.run(),
    };
    let (error, status) = match done {
        Ok(status) => return status,
        Err(Failure::Usage(error)) => (error, 2),
        Err(Failure::Failed(error)) => (error, 1),
    };
    eprintln!("argoctl: {error}");
    ExitCode::from(status)
}

impl Failure {
    fn usage(error: impl Into<Box<dyn Error>>) -> Self {
        Self::Usage(error.into())
    }

    fn failed(error: impl Into<Box<dyn Error>>) -> Self {
        Self::Failed(error.into())
    }
}
