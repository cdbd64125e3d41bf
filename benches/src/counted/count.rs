//! Counting a path: this program runs it under callgrind, twice, with different numbers of calls.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{self, Command, Stdio};

use super::paths;
use crate::case::Failure;

/// What a program that counts is told when it is the one that is counted.
#[derive(clap::Args)]
pub struct Child {
    /// Internal: only run this path, as is done under callgrind.
    #[arg(long = "path", requires = "calls", hide = true)]
    path: Option<String>,
    /// Internal: call it so often.
    #[arg(long = "calls", hide = true)]
    calls: Option<u32>,
}

impl Child {
    /// Runs the path, if this is the child.
    pub fn run(&self) -> Option<Result<(), Failure>> {
        let name = self.path.as_ref()?;
        let path = paths::PATHS.iter().find(|path| path.name == name);
        let run = |path: &paths::Path| path.run(self.calls.unwrap_or(0));
        Some(path.map_or_else(|| Err("there is no such path".into()), run))
    }
}

/// Calls before those that count: whatever is different the first time is done then.
const BEFORE: u32 = 500;

/// Whether there is valgrind.
pub fn is_possible() -> bool {
    let asked = Command::new("valgrind").arg("--version").stdout(Stdio::null()).status();
    asked.is_ok_and(|status| status.success())
}

/// Instructions of one call.
///
/// # Errors
/// The path failed, or valgrind did.
pub fn instructions(path: &paths::Path) -> Result<f64, Failure> {
    let dir = tempfile::tempdir()?;
    let numbers = [BEFORE, BEFORE + path.calls];
    let files = numbers.map(|calls| dir.path().join(calls.to_string()));
    let children =
        [start(path.name, numbers[0], &files[0])?, start(path.name, numbers[1], &files[1])?];
    for mut child in children {
        if !child.wait()?.success() {
            return Err(format!("{} failed under valgrind", path.name).into());
        }
    }
    let [few, many] = [total(&files[0])?, total(&files[1])?];
    Ok((many - few) / f64::from(path.calls))
}

fn start(name: &str, calls: u32, file: &Path) -> Result<process::Child, Failure> {
    let mut out = OsString::from("--callgrind-out-file=");
    out.push(file);
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "-q"]).arg(out).arg(env::current_exe()?);
    Ok(valgrind.args(["--path", name, "--calls", &calls.to_string()]).spawn()?)
}

/// All instructions of a run.
fn total(file: &Path) -> Result<f64, Failure> {
    let text = fs::read_to_string(file)?;
    let line = text.lines().find_map(|line| line.strip_prefix("totals: "));
    Ok(line.ok_or("callgrind gave no totals")?.trim().parse()?)
}
