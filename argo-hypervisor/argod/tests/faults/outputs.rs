//! What the tools write goes to a disk that is full, what they read comes from one that fails.

use std::fs::{File, OpenOptions};
use std::process::{Command, Stdio};

use crate::common::tool::{plain, text};
use crate::common::{Argod, open_system};

fn full() -> File {
    OpenOptions::new().write(true).open("/dev/full").unwrap()
}

/// Ends with status 1, and these words in the last line that it says.
fn fails(mut command: Command, words: &str) {
    let output = command.stderr(Stdio::piped()).output().unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    let last = said.lines().last().unwrap();
    assert!(last.contains(words) && last.contains("os error"), "{said}");
}

#[test]
fn a_full_disk_is_an_error_that_names_what_could_not_be_written() {
    let argod = Argod::start(&(open_system(&[(1, "left")]) + "[audit]\n[capture]\n"));
    let socket = |name: &str| argod.path(name).to_str().unwrap().to_owned();

    let mut check = Command::new(env!("CARGO_BIN_EXE_argod"));
    check.arg("--check-config").arg(argod.path("argod.toml")).stdout(full());
    fails(check, "argod: standard output");

    let capture = socket("capture.sock");
    fails(
        plain(&["capture", "-w", "/dev/full", "--size", "1", "--capture", &capture]),
        "argoctl: /dev/full",
    );

    // Something to tell: refused, for nothing of this policy allows it.
    argod.signal("HUP");
    let mut audit = plain(&["audit", "--audit", &socket("audit.sock"), "--count", "1"]);
    audit.stdout(full());
    fails(audit, "argoctl: standard output");

    let mut stat = plain(&["stat", "--admin", &socket("admin.sock")]);
    stat.stdout(full());
    fails(stat, "argoctl: ");

    let mut send = plain(&["send", "1:7", "--domain", &socket("left.sock")]);
    send.stdin(File::open("/proc/self/mem").unwrap());
    fails(send, "argoctl: standard input");
    drop(argod.attach("left"));
}
