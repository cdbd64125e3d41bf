//! `argoctl tied`: a program that ends when the starter of this one does.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use clap::Args;

use super::Failure;
use crate::tied::tie;

/// Runs a program that is killed when the process which started this one ends.
#[derive(Args)]
pub(super) struct Tied {
    /// The process that started this one.
    parent: i32,
    /// The program.
    program: PathBuf,
    /// Its arguments.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

impl Tied {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        tie(self.parent).map_err(Failure::failed)?;
        // The wish to be killed outlives the change of program.
        let error = Command::new(&self.program).args(self.arguments).exec();
        Err(Failure::failed(format!("{}: {error}", self.program.display())))
    }
}
