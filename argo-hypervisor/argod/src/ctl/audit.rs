//! `argoctl audit`: what was refused and administered, as it happens.

use std::io::{self, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::Failure;
use crate::admin::{Answer, read_line};
use crate::audit::Record;

/// Show what is refused and administered: first what just happened, then what happens.
#[derive(Args)]
pub(super) struct Audit {
    /// The audit socket of argod.
    #[arg(
        long,
        env = "ARGO_AUDIT",
        value_name = "SOCKET",
        default_value = "/run/argod/audit.sock"
    )]
    audit: PathBuf,
    /// How to show it.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// End after so many records.
    #[arg(long, value_name = "RECORDS")]
    count: Option<u64>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// A line to read for each record, with the time of the day in UTC.
    Human,
    /// A JSON object a line, as the audit socket gives it.
    Json,
}

impl Audit {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let place = self.audit.display();
        let unreachable =
            |error| Failure::failed(format!("{place}: {error}; has argod an [audit] section?"));
        let mut stream = BufReader::new(UnixStream::connect(&self.audit).map_err(unreachable)?);
        let mut out = io::stdout().lock();
        let mut left = self.count.unwrap_or(u64::MAX);
        while left > 0 {
            let line = read_line(&mut stream).map_err(Failure::failed)?;
            let line = line.ok_or_else(|| Failure::failed("argod has ended the stream"))?;
            let shown = self.format.show(&line)?;
            let unwritable = |error| Failure::failed(format!("standard output: {error}"));
            out.write_all(shown.as_bytes()).map_err(unwritable)?;
            left -= 1;
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Format {
    fn show(self, line: &str) -> Result<String, Failure> {
        match serde_json::from_str::<Record>(line) {
            Ok(record) => Ok(match self {
                Self::Human => format!("{record}\n"),
                Self::Json => line.to_owned(),
            }),
            Err(error) => Err(match serde_json::from_str(line) {
                Ok(Answer::Error(refusal)) => Failure::failed(refusal),
                _ => Failure::failed(format!("not a record of argod's: {error}")),
            }),
        }
    }
}
