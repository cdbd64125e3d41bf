//! `argoctl policy diff`: what becomes allowed or refused.

mod changes;
mod crossings;
mod render;
mod store;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

pub(super) use changes::Changes;

use super::source::policy_of;
use super::{Answer, print};
use crate::ctl::Failure;

/// Say what becomes allowed or refused, and which limits change, from one configuration to
/// another.
///
/// Domains are compared by name. The exit status is 0 if nothing changes, 3 if something does.
#[derive(Args)]
pub(super) struct Diff {
    /// The configuration before.
    old: PathBuf,
    /// The configuration after.
    new: PathBuf,
    /// How to show it.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// A line a change: `+` what becomes allowed, `-` what becomes refused, `~` limits.
    Text,
    /// A JSON array of changes.
    Json,
}

impl Diff {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let (old, new) = (policy_of(&self.old)?, policy_of(&self.new)?);
        let changes = Changes::between(&old, &new).map_err(Failure::failed)?;
        let text = match self.format {
            Format::Text => changes.text(),
            Format::Json => {
                serde_json::to_string_pretty(&changes.told()).map_err(Failure::failed)? + "\n"
            }
        };
        print(&text, if changes.is_empty() { Answer::Yes } else { Answer::No })
    }
}
