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
    #[error("{what}: {command} was killed after {after:?}\n{end}")]
    TimedOut { what: String, command: String, after: Duration, end: String },
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
    within(LIMIT, what, command)
}

/// The same, for at most so long.
///
/// # Errors
/// As [`run`].
pub fn within(limit: Duration, what: &str, command: Command) -> Result<Vec<String>, StepError> {
    let name = format!("{command:?}");
    let started = Process::start(command, Echo::Kept);
    let process = started.map_err(|source| {
        let command = name.clone();
        StepError::Start { what: what.into(), command, source }
    })?;
    let (lines, ended) = process.finish(Instant::now() + limit);
    let end = || lines.split_at(lines.len().saturating_sub(SHOWN)).1.join("\n");
    let (what, command) = (what.into(), name);
    match ended {
        Some(Ok(status)) if status.success() => Ok(lines),
        Some(_) => Err(StepError::Failed { what, command, end: end() }),
        None => Err(StepError::TimedOut { what, command, after: limit, end: end() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_takes_too_long_is_said_to() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo begun; sleep 1000"]);
        let outcome = within(Duration::from_millis(1), "Waiting", command);
        let text = outcome.unwrap_err().to_string();
        assert!(text.starts_with("Waiting: ") && text.contains("was killed after 1ms"), "{text}");
    }

    #[test]
    fn a_step_that_fails_shows_its_end() {
        let mut command = Command::new("sh");
        command.args(["-c", "seq 100; exit 1"]);
        let text = run("Counting", command).unwrap_err().to_string();
        assert!(text.contains(" failed\n81\n82\n") && text.ends_with("\n100"), "{text}");
    }
}
