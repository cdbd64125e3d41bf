//! Chores of this repository, run as `cargo xtask CHORE`.
#![forbid(unsafe_code)]

mod assurance;
mod process;
mod xen;

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
    /// Boots guests on the real Xen, in QEMU, and compares what they tell with what they tell over our
    /// engine. Builds Xen the first time, which takes some minutes.
    Xen(xen::Arguments),
}

fn main() -> ExitCode {
    let ended = match Arguments::parse().chore {
        Chore::Assurance(arguments) => {
            assurance::run(&arguments).map_err(|error| error.to_string())
        }
        Chore::Xen(arguments) => xen::run(&arguments).map_err(|error| error.to_string()),
    };
    match ended {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}
