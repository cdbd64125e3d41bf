//! Runs one step, under a limit of time, and reads what it says.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::Error;
use super::plan::Step;
use crate::process::{Echo, Process};

/// After this a step, with what it builds, is taken to hang; times the effort.
const LIMIT: Duration = Duration::from_secs(1200);

/// What a step did.
pub struct Execution<'p> {
    pub step: &'p Step,
    /// What it wrote.
    pub lines: Vec<String>,
    pub ending: Ending,
    pub took: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Success,
    Failure,
    /// It was killed when its time was up.
    OutOfTime,
}

/// Runs a step to its end. What it writes is passed on, since it may take minutes.
///
/// # Errors
/// It cannot be started.
pub fn execute<'p>(
    step: &'p Step,
    root: &Path,
    effort: Option<&str>,
) -> Result<Execution<'p>, Error> {
    eprintln!("\n== {}: {step}", step.name());
    let began = Instant::now();
    let process = Process::start(command(step, root, effort), Echo::PassedOn)
        .map_err(|source| Error::Start { command: step.to_string(), source })?;
    let (lines, ended) = process.finish(began + limit(effort));
    let ending = match ended {
        None => Ending::OutOfTime,
        Some(Ok(status)) if status.success() => Ending::Success,
        Some(_) => Ending::Failure,
    };
    Ok(Execution { step, lines, ending, took: began.elapsed() })
}

fn command(step: &Step, root: &Path, effort: Option<&str>) -> Command {
    let mut command = Command::new(&step.program);
    command.args(&step.arguments).envs(&step.environment).current_dir(root);
    if let Some(effort) = effort {
        command.env(effort::VARIABLE, effort).envs(&step.long);
    }
    command
}

fn limit(effort: Option<&str>) -> Duration {
    LIMIT * effort.and_then(|effort| effort.parse().ok()).unwrap_or(1)
}
