//! `argoctl stat`: what argod is doing.

pub(super) mod one;
pub(super) mod render;
#[cfg(test)]
pub(super) mod tests;
mod times;

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::Failure;
use super::format::Format;
use super::sockets::Admin;
use super::values;
use super::watch::watch;

/// Show argod's domains, sessions and rings, and what was refused by which rule.
#[derive(Args)]
pub(super) struct Stat {
    /// How to show it.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Draw on the terminal what happens now, until `q` is pressed.
    #[arg(long, conflicts_with = "format")]
    watch: bool,
    /// How often `--watch` asks argod.
    #[arg(long, value_name = "TIME", default_value = "1s", requires = "watch", value_parser = interval)]
    interval: Duration,
    #[command(flatten)]
    admin: Admin,
}

/// More often, and argod would be busy with it.
const INTERVAL_MIN: Duration = Duration::from_millis(100);

fn interval(text: &str) -> Result<Duration, String> {
    let interval = values::duration(text)?;
    match interval >= INTERVAL_MIN {
        true => Ok(interval),
        false => Err(format!("{text:?} is too short: expected at least {INTERVAL_MIN:?}")),
    }
}

impl Stat {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        if self.watch {
            return watch(self.admin, self.interval);
        }
        let stat = self.admin.stat()?;
        self.format.print(&stat, || render::tables(&stat))
    }
}
