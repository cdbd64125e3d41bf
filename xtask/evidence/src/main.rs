//! Evidence that is read off the code, without running it.
#![forbid(unsafe_code)]

mod memory;
mod panics;
mod repository;
mod unsafety;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;

/// What is to be shown.
#[derive(Parser)]
enum Evidence {
    /// No panic that a guest, a peer or a host can bring about in the core.
    Panics,
    /// The tests of argo-mem under AddressSanitizer and valgrind, where there are these.
    Memory,
    /// Unsafe code only where ARCHITECTURE.md says, and as much as docs/unsafe.md says.
    Unsafe {
        /// Write docs/unsafe.md anew instead of comparing it.
        #[arg(long)]
        write: bool,
    },
}

fn main() -> ExitCode {
    let result: Result<(), Box<dyn Error>> = match Evidence::parse() {
        Evidence::Panics => panics::check().map_err(Into::into),
        Evidence::Memory => memory::check().map_err(Into::into),
        Evidence::Unsafe { write: false } => unsafety::check().map_err(Into::into),
        Evidence::Unsafe { write: true } => unsafety::write().map_err(Into::into),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
