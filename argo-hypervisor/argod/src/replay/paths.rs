//! Traces in files and folders, and the report of what failed.

use std::cmp::Ordering;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::record::System;
use super::run::{Cause, Failure, replay};
use super::trace::{Trace, TraceError};
use super::world::{World, WorldError};

/// How many traces were tried, and how many of them failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// All that were tried, whether they could be read or not.
    pub traces: usize,
    /// Those that could not be read or did not pass.
    pub failed: usize,
}

impl Summary {
    /// Whether every trace passed.
    pub fn all_passed(self) -> bool {
        self.failed == 0
    }
}

/// Why there is no [`Summary`].
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// No path was given.
    #[error("found no trace to replay, expected files or folders")]
    NoPath,
    /// A folder has no trace.
    #[error("{}: found no trace, expected files whose names end in .jsonl", .folder.display())]
    NoTrace {
        /// The folder.
        folder: PathBuf,
    },
    /// The report could not be written.
    #[error("the report cannot be written: {0}")]
    Output(#[from] io::Error),
}

#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Trace(#[from] TraceError),
    #[error(transparent)]
    Replay(#[from] Failure),
}

/// Replays each of `paths` in a world of its own: a file is a trace, a folder stands for the
/// `*.jsonl` right in it, in natural order (`r2` before `r10`).
///
/// Writes to `out` one block a failing trace (place, expected, got), and as its last line
/// `N traces, M failed`. A trace that cannot be read has failed.
///
/// # Errors
/// If there is nothing to replay, in all or in one of the folders (found out before any trace is
/// run), or if `out` cannot be written.
pub fn replay_paths<P: AsRef<Path>>(
    paths: &[P],
    mut make_world: impl FnMut(&System) -> Result<Box<dyn World>, WorldError>,
    out: &mut dyn Write,
) -> Result<Summary, ReplayError> {
    let mut summary = Summary::default();
    for file in trace_files(paths)? {
        summary.traces += 1;
        if let Err(failed) = replay_file(&file, &mut make_world) {
            summary.failed += 1;
            writeln!(out, "{failed}")?;
        }
    }
    writeln!(out, "{} traces, {} failed", summary.traces, summary.failed)?;
    Ok(summary)
}

fn replay_file(
    file: &Path,
    make_world: &mut impl FnMut(&System) -> Result<Box<dyn World>, WorldError>,
) -> Result<(), Failed> {
    let trace = Trace::open(file)?;
    let mut world = make_world(&trace.system).map_err(|error| Failure {
        file: file.to_owned(),
        line: 1,
        record: "system".to_owned(),
        cause: Cause::World(error),
    })?;
    Ok(replay(&trace, world.as_mut())?)
}

fn trace_files<P: AsRef<Path>>(paths: &[P]) -> Result<Vec<PathBuf>, ReplayError> {
    if paths.is_empty() {
        return Err(ReplayError::NoPath);
    }
    let mut files = Vec::new();
    for path in paths.iter().map(AsRef::as_ref) {
        match traces_in(path) {
            Ok(traces) if traces.is_empty() => {
                return Err(ReplayError::NoTrace { folder: path.to_owned() });
            }
            Ok(traces) => files.extend(traces),
            // A file, or what cannot be listed: to open it says which, and why.
            Err(_) => files.push(path.to_owned()),
        }
    }
    Ok(files)
}

fn traces_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    let mut files = entries.collect::<io::Result<Vec<_>>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort_by(|a, b| natural(&a.to_string_lossy(), &b.to_string_lossy()));
    Ok(files)
}

/// Orders text as people do: a run of digits counts as the number that it is.
fn natural(a: &str, b: &str) -> Ordering {
    pieces(a).cmp(&pieces(b)).then_with(|| a.cmp(b))
}

/// The text between numbers, and each number by its length and then its digits.
fn pieces(text: &str) -> Vec<(&str, usize, &str)> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (words, tail) = split_while(rest, |c| !c.is_ascii_digit());
        let (digits, tail) = split_while(tail, |c| c.is_ascii_digit());
        let number = digits.trim_start_matches('0');
        pieces.push((words, number.len(), number));
        rest = tail;
    }
    pieces
}

fn split_while(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !belongs(c)).unwrap_or(text.len()))
}
