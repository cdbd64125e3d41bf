//! Chores of this repository, run as `cargo xtask CHORE`.
#![forbid(unsafe_code)]

mod assurance;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(bin_name = "cargo xtask", about = "Chores of this repository")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Checks the claims of docs/assurance.md and says of each: pass, fail or not checked.
    Assurance(assurance::Arguments),
}

fn main() -> ExitCode {
    let Chore::Assurance(arguments) = Arguments::parse().chore;
    match assurance::run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}
