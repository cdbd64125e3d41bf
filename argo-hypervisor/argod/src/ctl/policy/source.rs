//! Where a policy is read from.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::config::Config;
use crate::ctl::Failure;
use crate::policy::{CompiledPolicy, Directory};

/// The configuration that a subcommand is about.
#[derive(Args)]
pub(super) struct Source {
    /// The configuration. The policy folder that it names belongs to it.
    #[arg(long, value_name = "FILE", default_value = "/etc/argod.toml")]
    pub(super) config: PathBuf,
}

impl Source {
    /// The policy that argod would have.
    pub(super) fn policy(&self) -> Result<CompiledPolicy, Failure> {
        policy_of(&self.config)
    }
}

/// The policy that argod would have with this configuration.
pub(super) fn policy_of(file: &Path) -> Result<CompiledPolicy, Failure> {
    let config = Config::load(file).map_err(Failure::failed)?;
    let directory = Directory::new(&config.domains).map_err(Failure::failed)?;
    Ok(CompiledPolicy::new(config.policy, directory))
}
