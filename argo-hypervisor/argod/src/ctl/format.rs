//! How an answer of argod is shown.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::ValueEnum;
use serde::Serialize;

use super::Failure;

/// How to show it.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Format {
    /// Tables for people.
    Table,
    /// JSON, as the admin socket gives it.
    Json,
}

impl Format {
    /// Writes the answer to standard output.
    pub(super) fn print(
        self,
        answer: &impl Serialize,
        table: impl FnOnce() -> String,
    ) -> Result<ExitCode, Failure> {
        let text = match self {
            Self::Table => table(),
            Self::Json => serde_json::to_string_pretty(answer).map_err(Failure::failed)? + "\n",
        };
        print(&text)
    }
}

/// Writes a text to standard output.
pub(super) fn print(text: &str) -> Result<ExitCode, Failure> {
    io::stdout().write_all(text.as_bytes()).map_err(Failure::failed)?;
    Ok(ExitCode::SUCCESS)
}
