//! A trace file, read whole and checked whole before any of it is carried out.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::fields::Wrong;
use super::layout::Layout;
use super::parse;
use super::record::{Record, System};

/// Longest trace file that is read, in bytes (the longest known is 72 KB).
pub const MAX_FILE_BYTES: u64 = 16 << 20;

/// Longest line that is read, in bytes (the longest known is 11 KB).
pub const MAX_LINE_BYTES: usize = 1 << 20;

/// The records of a trace, in order. That it exists says that they were checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    pub(super) file: PathBuf,
    pub(super) system: System,
    pub(super) entries: Vec<Entry>,
}

/// A record and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The line in the file, from 1.
    pub line: usize,
    /// What it says.
    pub record: Record,
}

/// Why a trace could not be read.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The operating system refused.
    #[error("{}: unreadable\n  expected a trace\n  got      {error}", .file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the operating system said.
        error: io::Error,
    },
    /// The file has more than [`MAX_FILE_BYTES`].
    #[error("{}: too long\n  expected at most {MAX_FILE_BYTES} bytes\n  got      more", .file.display())]
    TooLong {
        /// The file.
        file: PathBuf,
    },
    /// A line is not what the format asks for.
    #[error("{}:{line}: malformed\n  expected {expected}\n  got      {found}", .file.display())]
    Malformed {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is there.
        found: String,
        /// What should be there.
        expected: String,
    },
}

impl Trace {
    /// Reads a trace file.
    ///
    /// # Errors
    /// If the file cannot be read, is longer than [`MAX_FILE_BYTES`] or is not a trace.
    pub fn open(file: &Path) -> Result<Self, TraceError> {
        let unreadable = |error| TraceError::Unreadable { file: file.to_owned(), error };
        let mut bytes = Vec::new();
        let source = File::open(file).map_err(unreadable)?;
        source.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        Self::parse(file, &bytes)
    }

    /// Reads a trace from memory; `file` is the name that errors give it.
    ///
    /// # Errors
    /// If `bytes` are more than [`MAX_FILE_BYTES`] or not a trace.
    pub fn parse(file: &Path, bytes: &[u8]) -> Result<Self, TraceError> {
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(TraceError::TooLong { file: file.to_owned() });
        }
        let malformed = |line| {
            move |Wrong { found, expected }| {
                let file = file.to_owned();
                TraceError::Malformed { file, line, found, expected }
            }
        };
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let mut lines = (1..).zip(bytes.split(|byte| *byte == b'\n').map(text));

        let first = lines.next().map_or(Ok(""), |(_, line)| line);
        let system = first.and_then(parse::system).map_err(malformed(1))?;
        let mut layout = Layout::default();
        let mut entries = Vec::new();
        for (line, text) in lines {
            let record =
                text.and_then(|text| record(text, &mut layout)).map_err(malformed(line))?;
            entries.push(Entry { line, record });
        }
        Ok(Self { file: file.to_owned(), system, entries })
    }

    /// Where it came from, as errors name it.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The first record.
    pub fn system(&self) -> &System {
        &self.system
    }

    /// All records after the first.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }
}

fn text(line: &[u8]) -> Result<&str, Wrong> {
    if line.len() > MAX_LINE_BYTES {
        let expected = format!("at most {MAX_LINE_BYTES} bytes");
        return Err(Wrong::new(format!("a line of {} bytes", line.len()), expected));
    }
    std::str::from_utf8(line).map_err(|error| Wrong::new(error.to_string(), "UTF-8"))
}

fn record(text: &str, layout: &mut Layout) -> Result<Record, Wrong> {
    let record = parse::record(text)?;
    layout.admit(&record)?;
    Ok(record)
}
