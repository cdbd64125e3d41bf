//! Runs one step, under a limit of time, and reads what it says.

use std::io::{self, BufRead, BufReader, PipeReader, PipeWriter};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::Error;
use super::plan::Step;

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
    let (mut child, output) = start(step, root, effort)
        .map_err(|source| Error::Start { command: step.to_string(), source })?;
    let (lines, in_time) = read(&child, output, began + limit(effort));
    let ending = match child.wait() {
        _ if !in_time => Ending::OutOfTime,
        Ok(status) if status.success() => Ending::Success,
        _ => Ending::Failure,
    };
    Ok(Execution { step, lines, ending, took: began.elapsed() })
}

fn start(step: &Step, root: &Path, effort: Option<&str>) -> io::Result<(Child, PipeReader)> {
    let (output, writer) = io::pipe()?;
    // The command holds the writing end until it is dropped.
    let child = command(step, root, effort, writer)?.spawn()?;
    Ok((child, output))
}

fn command(
    step: &Step,
    root: &Path,
    effort: Option<&str>,
    output: PipeWriter,
) -> io::Result<Command> {
    let mut command = Command::new(&step.program);
    command.args(&step.arguments).envs(&step.environment).current_dir(root);
    if let Some(effort) = effort {
        command.env(effort::VARIABLE, effort).envs(&step.long);
    }
    // A group of its own, so that what it has started goes with it.
    command.process_group(0).stdin(Stdio::null());
    // One pipe: cargo tells of a target on the one, the target of its tests on the other.
    command.stdout(output.try_clone()?).stderr(output);
    Ok(command)
}

fn limit(effort: Option<&str>) -> Duration {
    LIMIT * effort.and_then(|effort| effort.parse().ok()).unwrap_or(1)
}

/// All that it writes until it closes its output, and whether it did so in time.
fn read(child: &Child, output: PipeReader, until: Instant) -> (Vec<String>, bool) {
    let (send, receive) = mpsc::channel();
    let reader = thread::spawn(move || pass_on(output, &send));
    let mut lines = Vec::new();
    let in_time = loop {
        match receive.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(line) => lines.push(line),
            Err(RecvTimeoutError::Disconnected) => break true,
            Err(RecvTimeoutError::Timeout) => {
                kill(child);
                break false;
            }
        }
    };
    // It ends with the output, which the kill has closed.
    let _ = reader.join();
    (lines, in_time)
}

fn pass_on(output: PipeReader, to: &Sender<String>) {
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    while output.read_until(b'\n', &mut line).is_ok_and(|bytes| bytes > 0) {
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        eprintln!("{text}");
        if to.send(text).is_err() {
            break;
        }
        line.clear();
    }
}

fn kill(child: &Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // An error means that all of it is gone.
        let _ = kill_process_group(group, Signal::KILL);
    }
}
