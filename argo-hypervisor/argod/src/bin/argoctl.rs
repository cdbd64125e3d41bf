//! argoctl: the tool beside argod.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    argod::ctl::main()
}
