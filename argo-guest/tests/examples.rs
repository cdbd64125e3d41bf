//! The examples, each run as its user would: both of its ends in one process, without argod.
#![cfg(feature = "tokio")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "the helpers of tests may panic, too")]

use std::path::PathBuf;
use std::process::Command;

/// Runs an example to its end, and returns what it printed.
fn run(name: &str) -> String {
    let tests = std::env::current_exe().unwrap();
    let target: PathBuf = tests.ancestors().nth(2).unwrap().into();
    let program = target.join("examples").join(name);
    let output = Command::new(&program).env_remove("ARGO_DOMAIN").output();
    let output = output.unwrap_or_else(|error| {
        panic!("{}: {error}; `cargo build --examples` makes it", program.display())
    });
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {}: {told}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn echo() {
    assert_eq!(run("echo"), "15 bytes came back from 2:7\n");
}

#[test]
fn chat() {
    assert_eq!(run("chat"), "3 clients heard each other\n");
}

#[test]
fn framed() {
    assert_eq!(run("framed"), "4 frames were measured\n");
}

#[test]
fn http() {
    assert_eq!(run("http"), "/: 200 OK\n/else: 404 Not Found\n");
}

#[test]
fn grpc() {
    assert_eq!(run("grpc"), "1 answer and 1 refusal came back\n");
}
