//! `argoctl stat`: what argod is doing.

mod render;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::Failure;
use super::sockets::Admin;

/// Show argod's domains, sessions and rings, and what was refused by which rule.
#[derive(Args)]
pub(super) struct Stat {
    /// How to show it.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    admin: Admin,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// Tables for people.
    Table,
    /// One JSON object, as the admin socket gives it.
    Json,
}

impl Stat {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let stat = self.admin.stat()?;
        let text = match self.format {
            Format::Table => render::tables(&stat),
            Format::Json => serde_json::to_string_pretty(&stat).map_err(Failure::failed)? + "\n",
        };
        io::stdout().write_all(text.as_bytes()).map_err(Failure::failed)?;
        Ok(ExitCode::SUCCESS)
    }
}
