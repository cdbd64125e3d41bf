//! A guest that runs as argod's own user, which it should not.

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use crate::common::{Argod, open_system};

/// A user that nothing else runs as.
const USER: u32 = 65_533;

/// What a process of argod's user may do with its own processes it may not do with argod.
#[test]
fn argod_is_closed_to_processes_of_its_user() {
    if !rustix::process::getuid().is_root() {
        effort::skipped("running argod as another user takes root");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    chown(dir.path(), Some(USER), Some(USER)).unwrap();
    // A copy that its user may read: what may not be read cannot be traced anyway.
    let binary = dir.path().join("argod");
    fs::copy(env!("CARGO_BIN_EXE_argod"), &binary).unwrap();
    let argod = Argod::start_by(as_user(&binary), dir, &open_system(&[(1, "guest")]));
    let mut ordinary = as_user("cat").stdin(Stdio::piped()).spawn().unwrap();
    let own = open(ordinary.id(), "fd");
    ordinary.kill().unwrap();
    ordinary.wait().unwrap();
    assert_eq!(own, Ok(()), "the check itself works");
    for file in ["fd", "mem", "environ"] {
        let refusal = open(argod.process.id(), file).unwrap_err();
        assert!(refusal.contains("Permission denied"), "{file}: {refusal}");
    }
}

/// Opens a file of a process in /proc as the user; what was said if it may not.
fn open(pid: u32, file: &str) -> Result<(), String> {
    let path = format!("/proc/{pid}/{file}");
    let output = as_user("sh").args(["-c", ": < \"$0\"", &path]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(()) } else { Err(said) }
}

fn as_user(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.uid(USER).gid(USER).env("LC_ALL", "C");
    command
}
