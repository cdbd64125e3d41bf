//! A command that builds or fetches something: silent unless it fails.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::process::{Echo, Process};

/// After this a step is taken to hang. The longest, a build of Xen, takes two minutes on two processors.
const LIMIT: Duration = Duration::from_secs(1200);
/// Lines of a failed step that are shown.
const SHOWN: usize = 20;

#[derive(Debug, thiserror::Error)]
pub enum StepError {
    #[error("{what}: {command} cannot be started: {source}")]
    Start { what: String, command: String, source: std::io::Error },
    #[error("{what}: {command} failed\n{end}")]
    Failed { what: String, command: String, end: String },
}

/// Runs it to its end; what it wrote.
///
/// # Errors
/// It cannot be started, fails, or takes too long.
pub fn run(what: &str, command: Command) -> Result<Vec<String>, StepError> {
    eprintln!("{what} ...");
    quiet(what, command)
}

/// The same, without saying so.
///
/// # Errors
/// As [`run`].
pub fn quiet(what: &str, command: Command) -> Result<Vec<String>, StepError> {
    let name = format!("{command:?}");
    let started = Process::start(command, Echo::Kept);
    let process = started.map_err(|source| {
        let command = name.clone();
        StepError::Start { what: what.into(), command, source }
    })?;
    match process.finish(Instant::now() + LIMIT) {
        (lines, Some(Ok(status))) if status.success() => Ok(lines),
        (lines, _) => {
            let end = lines.split_at(lines.len().saturating_sub(SHOWN)).1.join("\n");
            Err(StepError::Failed { what: what.into(), command: name, end })
        }
    }
}
