//! Processes that end when the one that started them does, however that ends.
#![forbid(unsafe_code)]

use std::io;
use std::path::Path;
use std::process::{self, Command};

use rustix::process::{Signal, getppid, set_parent_process_death_signal};

/// The subcommand of argoctl that [`tied`] goes through.
pub const SUBCOMMAND: &str = "tied";

/// Has this process killed when the thread that started it ends. `parent`: that thread's process.
///
/// # Errors
/// The parent has ended already, or the system refuses.
pub fn tie(parent: i32) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // A parent that ended before is no parent any more.
    match getppid() {
        Some(now) if now.as_raw_nonzero().get() == parent => Ok(()),
        _ => Err(io::Error::other("the process that started this one is gone")),
    }
}

/// A command for `program` that is killed when the thread which starts it ends; `argoctl` is where
/// that program lies.
pub fn tied(argoctl: &Path, program: &Path) -> Command {
    let mut command = Command::new(argoctl);
    command.arg(SUBCOMMAND).arg(process::id().to_string()).arg(program);
    command
}
