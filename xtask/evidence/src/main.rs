//! Evidence that is read off the code, without running it.
#![forbid(unsafe_code)]

mod panics;

use std::process::ExitCode;

use clap::Parser;

/// What is to be shown.
#[derive(Parser)]
enum Evidence {
    /// No panic that a guest, a peer or a host can bring about in the core.
    Panics,
}

fn main() -> ExitCode {
    let result = match Evidence::parse() {
        Evidence::Panics => panics::check(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
