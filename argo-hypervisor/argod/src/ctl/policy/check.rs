//! `argoctl policy check`: whether a configuration is right, and what is in it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::source::Source;
use super::{Answer, print};
use crate::config::Config;
use crate::ctl::Failure;
use crate::daemon;
use crate::policy::Directory;

/// Check a configuration and its policy files: everything that is wrong, with file and line.
///
/// The exit status is 1 if anything is.
#[derive(Args)]
pub(super) struct Check {
    /// The configuration, instead of --config.
    #[arg(value_name = "FILE", conflicts_with = "config")]
    file: Option<PathBuf>,
    #[command(flatten)]
    source: Source,
}

impl Check {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let file = self.file.unwrap_or(self.source.config);
        let config = Config::load(&file).map_err(Failure::failed)?;
        daemon::check_memory(&config).map_err(Failure::failed)?;
        print(&summary(&file, &config).map_err(Failure::failed)?, Answer::Yes)
    }
}

fn summary(file: &Path, config: &Config) -> Result<String, crate::policy::DirectoryError> {
    let directory = Directory::new(&config.domains)?;
    let rules = &config.policy;
    let limited = rules.ports.iter().filter(|rule| !rule.limit.is_none()).count();
    let files: String = config.policy_files.iter().map(|file| format!("    {file}\n")).collect();
    Ok(format!(
        "{}: no problems\n  {} policy file(s)\n{files}  {} domain(s), {} label(s)\n  \
         {} [[policy]] rule(s)\n  {} [[port]] rule(s), {limited} with limits\n  {} [[store]] rule(s)\n  \
         policy_mode \"{}\"\n",
        file.display(),
        config.policy_files.len(),
        directory.len(),
        directory.labels().len(),
        rules.hooks.len(),
        rules.ports.len(),
        rules.store.len(),
        rules.mode.name(),
    ))
}
