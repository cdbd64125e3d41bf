//! Counting a path: this program runs it under callgrind, twice, with different numbers of calls.

use std::env;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::paths;
use crate::case::Failure;

/// What the child is told: the name of a path, and how often to call it.
pub const CHILD: [&str; 2] = ["--path", "--calls"];

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

fn start(name: &str, calls: u32, file: &Path) -> Result<Child, Failure> {
    let mut out = std::ffi::OsString::from("--callgrind-out-file=");
    out.push(file);
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "-q"]).arg(out).arg(env::current_exe()?);
    Ok(valgrind.args([CHILD[0], name, CHILD[1], &calls.to_string()]).spawn()?)
}

/// All instructions of a run.
fn total(file: &Path) -> Result<f64, Failure> {
    let text = fs::read_to_string(file)?;
    let line = text.lines().find_map(|line| line.strip_prefix("totals: "));
    Ok(line.ok_or("callgrind gave no totals")?.trim().parse()?)
}
