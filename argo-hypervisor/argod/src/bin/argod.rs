//! argod: Argo for the processes of one Linux host.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use argod::program::Argod;
use clap::Parser;

fn main() -> ExitCode {
    match Argod::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            argod::log::last_words(format_args!("argod: {error}"));
            ExitCode::from(error.exit_status())
        }
    }
}
