//! One C program over Debian's library and over ours.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::bridge;
use super::shim::{argod, is_missing, over_ours, root, succeeds};

/// Compiles the program as any other program for Xen's library.
fn program(folder: &TempDir) -> PathBuf {
    let program = folder.path().join("program");
    let source = root().join("vchan/xen-abi/store/tests/program.c");
    let mut compile = Command::new("cc");
    compile.args(["-Wall", "-Werror", "-pthread", "-o"]).arg(&program).arg(source);
    compile.arg("-lxenstore");
    succeeds(compile);
    program
}

fn lacks_headers() -> bool {
    let is_there = PathBuf::from("/usr/include/xenstore.h").exists();
    if !is_there {
        effort::skipped("not installed: libxen-dev");
    }
    !is_there
}

#[test]
fn a_program_finds_no_difference() {
    if is_missing(&["cc"]) || lacks_headers() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let program = program(&folder);
    let first = argod();
    let ours = succeeds(over_ours(&first, "one", &program));
    let (second, socket) = (argod(), folder.path().join("socket"));
    bridge::open(&socket, second.socket("one"));
    let mut over_debians = Command::new(&program);
    over_debians.env("XENSTORED_PATH", &socket).env_remove("LD_LIBRARY_PATH");
    let debians = succeeds(over_debians);
    for (ours, debians) in ours.lines().zip(debians.lines()) {
        assert_eq!(ours, debians);
    }
    assert_eq!(ours.lines().count(), debians.lines().count());
    assert!(ours.contains("data/many: 900 children from child-00000 to child-00899"), "{ours}");
}

#[test]
fn without_a_domain_there_is_no_handle() {
    if is_missing(&["cc"]) || lacks_headers() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let argod = argod();
    let mut lost = over_ours(&argod, "one", program(&folder));
    let output = lost.env("ARGO_DOMAIN", argod.path("none.sock")).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "open: ENOENT\n");
    assert!(String::from_utf8_lossy(&output.stderr).contains("libxenstore: "));
}
