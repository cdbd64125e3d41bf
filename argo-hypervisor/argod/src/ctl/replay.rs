//! `argoctl replay`: conformance traces against the engine or against an argod.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::Failure;
use crate::replay::{
    ArgodWorld, EngineWorld, Programs, ReplayError, System, World, WorldError, replay_paths,
};

/// Replay conformance traces and name the first mismatch of each one that fails.
///
/// The last line is `N traces, M failed`; the exit status is 1 if any failed.
#[derive(Args)]
pub(super) struct Replay {
    /// What to replay on.
    #[arg(long, value_enum, default_value_t = Via::Engine)]
    via: Via,
    /// The argod to start; by default this program runs it itself.
    #[arg(long, value_name = "PATH")]
    argod: Option<PathBuf>,
    /// Traces, or folders with traces whose names end in .jsonl.
    #[arg(required = true, value_name = "FILE_OR_FOLDER")]
    paths: Vec<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Via {
    /// The engine, in this process.
    Engine,
    /// An argod for each trace, and a process for each domain.
    Argod,
}

type MakeWorld = Box<dyn FnMut(&System) -> Result<Box<dyn World>, WorldError>>;

impl Replay {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let make_world: MakeWorld = match self.via {
            Via::Engine => Box::new(|system| Ok(Box::new(EngineWorld::new(system)))),
            Via::Argod => {
                let programs = programs(self.argod)?;
                Box::new(move |system| Ok(Box::new(ArgodWorld::start(system, &programs)?)))
            }
        };
        match replay_paths(&self.paths, make_world, &mut io::stdout().lock()) {
            Ok(summary) if summary.all_passed() => Ok(ExitCode::SUCCESS),
            Ok(_) => Ok(ExitCode::FAILURE),
            Err(error @ ReplayError::Output(_)) => Err(Failure::failed(error)),
            Err(error) => Err(Failure::usage(error)),
        }
    }
}

fn programs(argod: Option<PathBuf>) -> Result<Programs, Failure> {
    let argoctl = std::env::current_exe().map_err(Failure::failed)?;
    if let Some(missing) = argod.as_ref().filter(|argod| !argod.is_file()) {
        let error = format!("--argod {}: no such program", missing.display());
        return Err(Failure::usage(error));
    }
    Ok(Programs { argod, argoctl })
}
