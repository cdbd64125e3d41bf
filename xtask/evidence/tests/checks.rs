//! The evidence is there, of the code as it is.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Command;

fn shows(what: &str) {
    let output = Command::new(env!("CARGO_BIN_EXE_evidence")).arg(what).output().unwrap();
    let (said, error) = (output.stdout.as_slice(), output.stderr.as_slice());
    let (said, error) = (String::from_utf8_lossy(said), String::from_utf8_lossy(error));
    println!("{said}");
    assert!(output.status.success(), "{error}");
}

#[test]
fn unsafe_code_is_only_where_it_may_be() {
    shows("unsafe");
}

#[test]
fn nobody_can_bring_about_a_panic() {
    shows("panics");
}
